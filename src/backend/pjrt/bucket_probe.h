// The bucket probe: a sequence that runs through every program at the start, so that it is known,
// and not hoped, in which of them a position gets the same bits.
//
// Compilers choose the order of sums by the sizes of a program. Where an answer shall not depend on
// its company, decoding uses only programs that agree bit for bit with the largest one, and
// prefilling likewise. That prefilling and decoding differ does no harm: which positions are
// computed by which is the sequence's own affair (SequenceRun::prompt_count).
#pragma once

#include "backend/pjrt/device_plan.h"
#include "backend/pjrt/probe_findings.h"
#include "backend/pjrt/step_programs.h"
#include "base/status.h"

namespace puna::pjrt {

// Runs programs of `programs`; K and V of its blocks are overwritten.
Result<ProbeFindings> probe_programs(const DevicePlan& plan, StepPrograms& programs);

}  // namespace puna::pjrt
