// Donation as XLA does it: an input that a result takes the memory of is gone after the run.

#include "backend/pjrt/reference/execute.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "backend/pjrt/reference/handles.h"
#include "backend/pjrt/reference/rules.h"

namespace puna::pjrt {
namespace {

bool is_kept(const ExecuteOptions& options, size_t input) {
  const int64_t* const end = options.kept_inputs + options.kept_input_count;
  return std::find(options.kept_inputs, end, static_cast<int64_t>(input)) != end;
}

Result<interpreter::Program::Values> inputs_of(const LoadedExecutableExecuteArgs& arguments) {
  interpreter::Program::Values inputs(arguments.device_count);
  for (size_t device = 0; device < arguments.device_count; ++device) {
    for (size_t i = 0; i < arguments.input_count; ++i) {
      const Buffer* const buffer = arguments.inputs[device][i];
      if (buffer == nullptr) return invalid_argument("input {} is null", i);
      if (buffer->values == nullptr) {
        return error(StatusCode::kFailedPrecondition, "input {} was donated to an earlier run", i);
      }
      if (buffer->device->index != device) {
        return invalid_argument("input {} is on device {}, not {}", i, buffer->device->index,
                                device);
      }
      inputs[device].push_back(buffer->values);
    }
  }
  return inputs;
}

void donate(const LoadedExecutableExecuteArgs& arguments, const interpreter::Program& program) {
  for (size_t device = 0; device < arguments.device_count; ++device) {
    for (size_t i = 0; i < arguments.input_count; ++i) {
      if (!program.inputs()[i].aliased_result || is_kept(*arguments.options, i)) continue;
      arguments.inputs[device][i]->values = nullptr;
    }
  }
}

}  // namespace

std::atomic<int64_t> runs_until_loss{0};
std::atomic<int64_t> other_bits_at{0};

namespace {

// Lost once is lost for good.
Status device_status() {
  if (runs_until_loss.load() == 0) return {};
  if (runs_until_loss.load() == 1 || runs_until_loss.fetch_sub(1) == 1) {
    return error(StatusCode::kInternal, "the device does not answer");
  }
  return {};
}

// The last bit of every f32 result that no input gave its memory to.
void round_otherwise(const interpreter::Program& program, interpreter::Program::Values& results) {
  for (auto& device : results) {
    for (size_t i = 0; i < device.size(); ++i) {
      const auto& inputs = program.inputs();
      const bool is_in_place = std::any_of(inputs.begin(), inputs.end(), [&](const auto& input) {
        return input.aliased_result == i;
      });
      if (is_in_place || device[i]->type.element != interpreter::Element::kF32) continue;
      auto changed = std::make_shared<interpreter::Tensor>(*device[i]);
      for (float& value : changed->floats) value = std::nextafter(value, 0.0F);
      device[i] = std::move(changed);
    }
  }
}

Result<interpreter::Program::Values> run_program(const interpreter::Program& program,
                                                 const interpreter::Program::Values& inputs) {
  RETURN_IF_ERROR(device_status());
  auto results = program.run(inputs);
  const auto first_size = interpreter::element_count(program.inputs()[0].type);
  if (results.ok() && first_size == other_bits_at.load()) round_otherwise(program, *results);
  return results;
}

}  // namespace

Status execute(const LoadedExecutableExecuteArgs& arguments, Status* run_status) {
  if (arguments.options == nullptr) return invalid_argument("there are no options");
  RETURN_IF_ERROR(check_size(arguments.options->head.struct_size, rules().execute_options_size));
  const interpreter::Program& program = *arguments.executable->program;
  if (static_cast<int64_t>(arguments.device_count) != program.devices().count() ||
      arguments.input_count != program.inputs().size()) {
    return invalid_argument("{} devices and {} inputs for {} and {}", arguments.device_count,
                            arguments.input_count, program.devices().count(),
                            program.inputs().size());
  }
  if (arguments.input_count == 0) {
    return error(StatusCode::kUnimplemented, "a program without inputs");
  }
  ASSIGN_OR_RETURN(const interpreter::Program::Values inputs, inputs_of(arguments));
  auto results = run_program(program, inputs);
  *run_status = results.ok() ? Status() : results.status();
  if (!run_status->ok() && !rules().errors_by_event_only) return {};
  donate(arguments, program);
  for (size_t device = 0; device < arguments.device_count; ++device) {
    for (size_t i = 0; i < program.results().size(); ++i) {
      arguments.outputs[device][i] =
          new Buffer{arguments.inputs[device][0]->device, program.results()[i],
                     results.ok() ? (*results)[device][i] : nullptr};
    }
    if (arguments.complete_events != nullptr) {
      arguments.complete_events[device] = new Event{*run_status};
    }
  }
  return {};
}

}  // namespace puna::pjrt
