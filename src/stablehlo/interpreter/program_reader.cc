// From syntax to a Program: names, types, devices, and who holds what part of an argument.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "stablehlo/interpreter/partitions.h"
#include "stablehlo/interpreter/program.h"
#include "stablehlo/interpreter/syntax.h"

namespace puna::interpreter {
namespace {

Result<DeviceLayout> read_layout(Attributes& attributes) {
  DeviceLayout devices;
  for (const auto& [name, count] : {std::pair{"mhlo.num_replicas", &devices.replicas},
                                    std::pair{"mhlo.num_partitions", &devices.partitions}}) {
    const std::optional<Attribute> attribute = attributes.take(name);
    if (!attribute) continue;
    if (attribute->kind != Attribute::Kind::kInteger || attribute->integer < 1 ||
        attribute->integer > kDevicesMax) {
      return invalid_argument("{} is 1 to {}", name, kDevicesMax);
    }
    *count = attribute->integer;
  }
  RETURN_IF_ERROR(attributes.all_taken());
  if (devices.replicas > 1 && devices.partitions > 1) {
    return error(StatusCode::kUnimplemented, "replicas and partitions together");
  }
  return devices;
}

}  // namespace

class ProgramReader {
 public:
  Result<Program> read(SyntaxModule& module) {
    ASSIGN_OR_RETURN(program_.devices_, read_layout(module.attributes));
    RETURN_IF_ERROR(read_aliases(module));
    if (program_.devices_.partitions > 1) {
      ASSIGN_OR_RETURN(SyntaxRegion local, local_body(module, program_.devices_.partitions));
      RETURN_IF_ERROR(read_body(local, "sdy.return"));
    } else {
      if (!module.before.empty()) return invalid_argument("only partitions have a mesh");
      for (const NamedType& argument : module.body.arguments) {
        RETURN_IF_ERROR(argument.attributes.all_taken());
      }
      RETURN_IF_ERROR(read_body(module.body, "func.return"));
      RETURN_IF_ERROR(check_results(module));
    }
    RETURN_IF_ERROR(check_aliases());
    find_last_uses();
    return std::move(program_);
  }

 private:
  Status read_aliases(SyntaxModule& module) {
    for (NamedType& argument : module.body.arguments) {
      aliases_.emplace_back();
      const std::optional<Attribute> alias = argument.attributes.take("tf.aliasing_output");
      if (!alias) continue;
      if (alias->kind != Attribute::Kind::kInteger || alias->integer < 0 ||
          alias->integer >= static_cast<int64_t>(module.results.size())) {
        return invalid_argument("{} gives its memory to no result", argument.name);
      }
      aliases_.back() = static_cast<size_t>(alias->integer);
    }
    return {};
  }

  Status read_body(const SyntaxRegion& body, std::string_view end) {
    for (size_t i = 0; i < body.arguments.size(); ++i) {
      const NamedType& argument = body.arguments[i];
      RETURN_IF_ERROR(define(argument.name, argument.type));
      program_.inputs_.push_back({argument.type, aliases_[i]});
    }
    for (const SyntaxOperation& operation : body.operations) {
      const bool is_last = &operation == &body.operations.back();
      if (is_last != (operation.name == end)) {
        return invalid_argument("line {}: a body ends with {}", operation.line, end);
      }
      RETURN_IF_ERROR(is_last ? read_return(operation) : read_step(operation));
    }
    if (body.operations.empty()) return invalid_argument("the body is empty");
    return {};
  }

  Status define(const std::string& name, const Type& type) {
    if (!indices_.emplace(name, types_.size()).second) {
      return invalid_argument("{} is defined twice", name);
    }
    types_.push_back(type);
    program_.largest_value_ = std::max(program_.largest_value_, element_count(type));
    return {};
  }

  Result<std::vector<size_t>> operands_of(const SyntaxOperation& operation) {
    if (operation.operands.size() != operation.operand_types.size()) {
      return invalid_argument("line {}: {} operands, {} types", operation.line,
                              operation.operands.size(), operation.operand_types.size());
    }
    std::vector<size_t> operands;
    for (size_t i = 0; i < operation.operands.size(); ++i) {
      const auto found = indices_.find(operation.operands[i]);
      if (found == indices_.end()) {
        return invalid_argument("line {}: {} is not defined", operation.line,
                                operation.operands[i]);
      }
      if (types_[found->second] != operation.operand_types[i]) {
        return invalid_argument("line {}: {} is {}", operation.line, operation.operands[i],
                                describe(types_[found->second]));
      }
      operands.push_back(found->second);
    }
    return operands;
  }

  Status read_step(const SyntaxOperation& operation) {
    ASSIGN_OR_RETURN(std::vector<size_t> operands, operands_of(operation));
    ASSIGN_OR_RETURN(Kernel kernel, make_kernel(operation, program_.devices_));
    RETURN_IF_ERROR(define(operation.results.front(), operation.result_types.front()));
    program_.steps_.push_back(
        {operation.line, operation.name, std::move(kernel), std::move(operands), {}});
    return {};
  }

  Status read_return(const SyntaxOperation& operation) {
    ASSIGN_OR_RETURN(program_.returned_, operands_of(operation));
    program_.results_ = operation.operand_types;
    return {};
  }

  Status check_results(const SyntaxModule& module) {
    if (module.results.size() != program_.results_.size()) {
      return invalid_argument("the function has {} results", module.results.size());
    }
    for (size_t i = 0; i < module.results.size(); ++i) {
      if (module.results[i].type != program_.results_[i]) {
        return invalid_argument("result {} is {}", i, describe(program_.results_[i]));
      }
      RETURN_IF_ERROR(module.results[i].attributes.all_taken());
    }
    return {};
  }

  Status check_aliases() {
    std::vector<bool> is_given(program_.results_.size());
    for (const ProgramInput& input : program_.inputs_) {
      if (!input.aliased_result) continue;
      if (program_.results_[*input.aliased_result] != input.type ||
          is_given[*input.aliased_result]) {
        return invalid_argument("result {} does not fit its memory", *input.aliased_result);
      }
      is_given[*input.aliased_result] = true;
    }
    return {};
  }

  void find_last_uses() {
    std::vector<bool> is_used(types_.size());
    for (const size_t index : program_.returned_) is_used[index] = true;
    for (size_t i = program_.steps_.size(); i-- > 0;) {
      auto& step = program_.steps_[i];
      for (const size_t operand : step.operands) {
        if (!is_used[operand]) step.last_used.push_back(operand);
        is_used[operand] = true;
      }
    }
  }

  Program program_;
  std::vector<std::optional<size_t>> aliases_;  // of the arguments
  std::map<std::string, size_t> indices_;       // of values by name
  std::vector<Type> types_;                     // of values
};

Result<Program> parse_program(std::string_view text) {
  ASSIGN_OR_RETURN(SyntaxModule module, parse_syntax(text));
  return ProgramReader().read(module);
}

}  // namespace puna::interpreter
