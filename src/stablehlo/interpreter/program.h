// Program: StableHLO text that was read and checked, ready to run on virtual devices.
//
// Plain and slow on purpose: each operation by its definition, one after the other, on all devices
// in step. It is the judge of emitted programs, in tests and inside the reference plugin; it is no
// part of puna.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "stablehlo/interpreter/kernel.h"
#include "stablehlo/interpreter/tensor.h"

namespace puna::interpreter {

inline constexpr int64_t kDevicesMax = 128;

struct ProgramInput {
  Type type;                             // on one device
  std::optional<size_t> aliased_result;  // whose memory it gives: gone after a run
};

class Program {
 public:
  const DeviceLayout& devices() const { return devices_; }
  const std::vector<ProgramInput>& inputs() const { return inputs_; }
  const std::vector<Type>& results() const { return results_; }
  // Elements of the largest tensor that a run makes.
  int64_t largest_value() const { return largest_value_; }

  // Inputs and results are [device][index].
  using Values = std::vector<std::vector<TensorPointer>>;
  // kOutOfRange and kInvalidArgument with the line for what only values can break.
  Result<Values> run(const Values& inputs) const;

 private:
  friend class ProgramReader;

  struct Step {
    int line = 0;
    std::string name;
    Kernel kernel;
    std::vector<size_t> operands;   // indices of values; its result is the next value
    std::vector<size_t> last_used;  // values that nothing reads after it
  };

  Status check_inputs(const Values& inputs) const;
  Status run_step(const Step& step, Values& values) const;

  DeviceLayout devices_;
  std::vector<ProgramInput> inputs_;
  std::vector<Type> results_;
  std::vector<Step> steps_;
  std::vector<size_t> returned_;
  int64_t largest_value_ = 0;
};

// kInvalidArgument for text that breaks a rule, kUnimplemented for what is outside the list.
Result<Program> parse_program(std::string_view text);

}  // namespace puna::interpreter
