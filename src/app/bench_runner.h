// BenchRunner: runs one test of puna bench on a backend and says how long it took.
//
// Sequences begin at their depth at once: the backend's blocks hold finite values
// (MeasuredBackend::fill_blocks), so that attention reads as much memory as after a real prompt,
// and no prompt of the depth has to be computed. Every sequence has blocks of its own.
#pragma once

#include "app/bench_tests.h"
#include "backend/backend.h"
#include "base/status.h"

namespace puna {

class BenchRunner {
 public:
  explicit BenchRunner(Backend& backend) : backend_(backend) {}

  // Seconds of the whole test. The first step of a decode runs once more before it, untimed.
  Result<double> run(const BenchTest& test);

 private:
  Result<double> run_prefill(const BenchTest& test);
  Result<double> run_decode(const BenchTest& test);
  // Runs `batch` and checks that its logits are numbers.
  Status step(const StepBatch& batch);

  Backend& backend_;
};

}  // namespace puna
