// What the bucket probe found, and its form in the executable store.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "backend/backend.h"
#include "backend/pjrt/executions.h"

namespace puna::pjrt {

struct ProbeFindings {
  ProgramList differing;  // their bits are not those of the largest program of their kind
  Exactness others = Exactness::kTolerance;  // of a backend that does not use these

  bool operator==(const ProbeFindings&) const = default;
};

std::string to_text(const ProbeFindings& findings);
// Nothing when the text is not one of to_text().
std::optional<ProbeFindings> parse_findings(std::string_view text);

// `programs` without those that differ.
ProgramList agreeing(ProgramList programs, const ProbeFindings& findings);

}  // namespace puna::pjrt
