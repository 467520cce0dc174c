// Running: values live from the operation that makes them to the last that reads them.

#include "stablehlo/interpreter/program.h"

#include <fmt/format.h>

#include <utility>

namespace puna::interpreter {

Status Program::check_inputs(const Values& inputs) const {
  if (static_cast<int64_t>(inputs.size()) != devices_.count()) {
    return invalid_argument("inputs of {} devices for {}", inputs.size(), devices_.count());
  }
  for (const auto& device : inputs) {
    if (device.size() != inputs_.size()) {
      return invalid_argument("{} inputs for {}", device.size(), inputs_.size());
    }
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (device[i]->type != inputs_[i].type) {
        return invalid_argument("input {} is {}, not {}", i, describe(inputs_[i].type),
                                describe(device[i]->type));
      }
    }
  }
  return {};
}

Status Program::run_step(const Step& step, Values& values) const {
  std::vector<const Tensor*> operands;
  if (step.kernel.collective) {
    for (const auto& device : values) operands.push_back(device[step.operands[0]].get());
    ASSIGN_OR_RETURN(std::vector<Tensor> results, step.kernel.collective(operands));
    for (size_t device = 0; device < values.size(); ++device) {
      values[device].push_back(std::make_shared<const Tensor>(std::move(results[device])));
    }
    return {};
  }
  for (auto& device : values) {
    operands.clear();
    for (const size_t operand : step.operands) operands.push_back(device[operand].get());
    ASSIGN_OR_RETURN(Tensor result, step.kernel.local(operands));
    device.push_back(std::make_shared<const Tensor>(std::move(result)));
  }
  return {};
}

Result<Program::Values> Program::run(const Values& inputs) const {
  RETURN_IF_ERROR(check_inputs(inputs));
  Values values = inputs;
  for (const Step& step : steps_) {
    const Status status = run_step(step, values);
    if (!status.ok()) return status.with_context(fmt::format("line {}: {}", step.line, step.name));
    for (auto& device : values) {
      for (const size_t dead : step.last_used) device[dead] = nullptr;
    }
  }
  Values results(values.size());
  for (size_t device = 0; device < values.size(); ++device) {
    for (const size_t index : returned_) results[device].push_back(values[device][index]);
  }
  return results;
}

}  // namespace puna::interpreter
