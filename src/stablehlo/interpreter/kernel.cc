// The list of operations.

#include "stablehlo/interpreter/kernel.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace puna::interpreter {
namespace {

constexpr std::string_view kDialect = "stablehlo.";

struct Maker {
  std::string_view op;
  Result<Kernel> (*make)(KernelSource&);
};

constexpr std::array<Maker, 17> kMakers = {{{"compare", make_compare},
                                            {"select", make_select},
                                            {"convert", make_convert},
                                            {"constant", make_constant},
                                            {"iota", make_iota},
                                            {"reshape", make_reshape},
                                            {"transpose", make_transpose},
                                            {"broadcast_in_dim", make_broadcast},
                                            {"slice", make_slice},
                                            {"concatenate", make_concatenate},
                                            {"dynamic_slice", make_dynamic_slice},
                                            {"gather", make_gather},
                                            {"scatter", make_scatter},
                                            {"dot_general", make_dot_general},
                                            {"reduce", make_reduce},
                                            {"all_reduce", make_all_reduce},
                                            {"all_gather", make_all_gather}}};

Result<Kernel> make(KernelSource& source) {
  const std::string_view name = source.syntax.name;
  if (name.substr(0, kDialect.size()) == kDialect) {
    const std::string_view op = name.substr(kDialect.size());
    for (const Maker& maker : kMakers) {
      if (maker.op == op) return maker.make(source);
    }
    return make_elementwise(source, op);
  }
  return error(StatusCode::kUnimplemented, "it is not on the list of operations");
}

Result<Kernel> make_checked(const SyntaxOperation& operation, DeviceLayout devices) {
  KernelSource source = {operation, operation.attributes, devices};
  if (operation.results.size() != 1 || operation.result_types.size() != 1) {
    return invalid_argument("it has {} results and not one", operation.result_types.size());
  }
  ASSIGN_OR_RETURN(Kernel kernel, make(source));
  RETURN_IF_ERROR(source.attributes.all_taken());
  return kernel;
}

Result<Combiner> combiner_of(std::string_view name) {
  if (name == "stablehlo.add") return Combiner::kAdd;
  if (name == "stablehlo.maximum") return Combiner::kMaximum;
  if (name == "stablehlo.minimum") return Combiner::kMinimum;
  return error(StatusCode::kUnimplemented, "its region does {}", name);
}

}  // namespace

Kernel on_each_device(std::function<Result<Tensor>(Operands)> function) {
  Kernel kernel;
  kernel.local = std::move(function);
  return kernel;
}

Status KernelSource::expect_operands(size_t count) const {
  if (syntax.operand_types.size() == count) return {};
  return invalid_argument("it has {} operands and not {}", syntax.operand_types.size(), count);
}

Status KernelSource::expect_result(const Type& type) const {
  if (result() == type) return {};
  return invalid_argument("its result is {}, the text says {}", describe(type), describe(result()));
}

Result<Kernel> make_kernel(const SyntaxOperation& operation, DeviceLayout devices) {
  auto kernel = make_checked(operation, devices);
  if (kernel.ok()) return kernel;
  return kernel.status().with_context(fmt::format("line {}: {}", operation.line, operation.name));
}

Result<Combiner> parse_combiner(const KernelSource& source, Element element) {
  const Type scalar = {element, {}};
  if (source.syntax.regions.size() != 1) return invalid_argument("one region is expected");
  const auto& [arguments, operations] = source.syntax.regions.front();
  const auto returns = [&](const SyntaxOperation& operation, const std::string& name) {
    return operation.name == "stablehlo.return" &&
           operation.operands == std::vector<std::string>{name} &&
           operation.operand_types == std::vector<Type>{scalar};
  };
  if (arguments.size() != 2 || arguments[0].type != scalar || arguments[1].type != scalar) {
    return invalid_argument("its region takes two of {}", describe(scalar));
  }
  if (operations.size() == 1 && returns(operations[0], arguments[1].name)) {
    return Combiner::kSecond;
  }
  if (operations.size() != 2 || operations[0].results.size() != 1 ||
      operations[0].operands != std::vector<std::string>{arguments[0].name, arguments[1].name} ||
      operations[0].result_types != std::vector<Type>{scalar} ||
      !returns(operations[1], operations[0].results[0])) {
    return error(StatusCode::kUnimplemented, "its region does more than one operation");
  }
  return combiner_of(operations[0].name);
}

}  // namespace puna::interpreter
