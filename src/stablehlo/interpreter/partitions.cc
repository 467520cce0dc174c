// A mesh of one axis: a dimension is divided by it, "{"tp"}", or whole, "{}".

#include "stablehlo/interpreter/partitions.h"

#include <fmt/format.h>

#include <utility>

namespace puna::interpreter {
namespace {

constexpr std::string_view kWhole = "{}";

// One tensor's "@mesh, [{}, {"tp"}]", as text: equal texts are equal shardings.
Result<Type> part_of(const Type& whole, std::string_view sharding, std::string_view mesh,
                     std::string_view axis, int64_t partitions) {
  TextCursor cursor(sharding);
  RETURN_IF_ERROR(cursor.expect(fmt::format("@{}, [", mesh)));
  Type part = whole;
  const std::string divided = fmt::format("{{\"{}\"}}", axis);
  for (size_t i = 0; i < whole.shape.size(); ++i) {
    if (i > 0) RETURN_IF_ERROR(cursor.expect(","));
    if (cursor.take(kWhole)) continue;
    RETURN_IF_ERROR(cursor.expect(divided));
    if (whole.shape[i] % partitions != 0) {
      return invalid_argument("dimension {} of {} is not divided evenly", i,
                              interpreter::describe(whole));
    }
    part.shape[i] /= partitions;
  }
  RETURN_IF_ERROR(cursor.expect("]"));
  if (!cursor.at_end()) return cursor.wrong("the end of a sharding is expected");
  return part;
}

// "[<…>, <…>]"
Result<std::vector<std::string>> sharding_list(std::string_view text) {
  TextCursor cursor(text);
  std::vector<std::string> shardings;
  RETURN_IF_ERROR(cursor.expect("["));
  if (cursor.take("]")) return shardings;
  do {
    ASSIGN_OR_RETURN(std::string sharding, cursor.bracketed());
    shardings.push_back(std::move(sharding));
  } while (cursor.take(","));
  RETURN_IF_ERROR(cursor.expect("]"));
  return shardings;
}

class PartitionChecker {
 public:
  PartitionChecker(SyntaxModule& module, int64_t partitions)
      : module_(module), partitions_(partitions) {}

  Result<SyntaxRegion> body() {
    RETURN_IF_ERROR(read_mesh());
    auto& operations = module_.body.operations;
    if (operations.size() != 2 || operations[0].name != "sdy.manual_computation" ||
        operations[0].regions.size() != 1 || operations[1].name != "func.return" ||
        operations[1].operands != operations[0].results) {
      return error(StatusCode::kUnimplemented, "partitions run one sdy.manual_computation");
    }
    SyntaxOperation& computation = operations[0];
    RETURN_IF_ERROR(check_computation(computation));
    return std::move(computation.regions[0]);
  }

 private:
  // "sdy.mesh"() {mesh = #sdy.mesh<["tp"=2]>, sym_name = "mesh"} : () -> ()
  Status read_mesh() {
    if (module_.before.size() != 1 || module_.before[0].name != "sdy.mesh") {
      return invalid_argument("partitions need one sdy.mesh");
    }
    Attributes& attributes = module_.before[0].attributes;
    ASSIGN_OR_RETURN(const Attribute name, attributes.take("sym_name", Attribute::Kind::kText));
    ASSIGN_OR_RETURN(const Attribute axes, attributes.take("mesh", Attribute::Kind::kSdy));
    RETURN_IF_ERROR(attributes.all_taken());
    mesh_ = name.text;
    TextCursor cursor(axes.text);
    RETURN_IF_ERROR(cursor.expect("["));
    ASSIGN_OR_RETURN(axis_, cursor.quoted());
    RETURN_IF_ERROR(cursor.expect("="));
    ASSIGN_OR_RETURN(const int64_t size, cursor.integer());
    RETURN_IF_ERROR(cursor.expect("]"));
    if (size != partitions_) return invalid_argument("the mesh has {} devices", size);
    return {};
  }

  Status check_computation(SyntaxOperation& computation) {
    ASSIGN_OR_RETURN(const Attribute axes,
                     computation.attributes.take("manual_axes", Attribute::Kind::kSdy));
    if (axes.text != fmt::format("manual_axes{{\"{}\"}}", axis_)) {
      return invalid_argument("manual_axes is the mesh's one axis");
    }
    ASSIGN_OR_RETURN(const Attribute in,
                     computation.attributes.take("in_shardings", Attribute::Kind::kSdy));
    ASSIGN_OR_RETURN(const Attribute out,
                     computation.attributes.take("out_shardings", Attribute::Kind::kSdy));
    RETURN_IF_ERROR(computation.attributes.all_taken());
    std::vector<std::string> names;
    for (const NamedType& argument : module_.body.arguments) names.push_back(argument.name);
    if (computation.operands != names) {
      return invalid_argument("the computation takes the function's arguments in order");
    }
    const SyntaxRegion& local = computation.regions[0];
    if (local.operations.empty()) return invalid_argument("the computation is empty");
    std::vector<Type> inside;
    for (const NamedType& argument : local.arguments) inside.push_back(argument.type);
    RETURN_IF_ERROR(check_parts(module_.body.arguments, computation.operand_types, inside, in.text)
                        .with_context("arguments"));
    return check_parts(module_.results, computation.result_types,
                       local.operations.back().operand_types, out.text)
        .with_context("results");
  }

  // Outside and inside of the computation: the same sharding on both, and parts of wholes.
  Status check_parts(std::vector<NamedType>& outside, const std::vector<Type>& wholes,
                     const std::vector<Type>& parts, std::string_view shardings) {
    ASSIGN_OR_RETURN(const std::vector<std::string> list, sharding_list(shardings));
    const size_t count = outside.size();
    if (wholes.size() != count || parts.size() != count || list.size() != count) {
      return invalid_argument("{} outside, {} inside, {} shardings", count, parts.size(),
                              list.size());
    }
    for (size_t i = 0; i < count; ++i) {
      ASSIGN_OR_RETURN(const Attribute sharding,
                       outside[i].attributes.take("sdy.sharding", Attribute::Kind::kSdy));
      RETURN_IF_ERROR(outside[i].attributes.all_taken());
      if (sharding.text != list[i] || wholes[i] != outside[i].type) {
        return invalid_argument("{} has two shardings or types", i);
      }
      ASSIGN_OR_RETURN(const Type part,
                       part_of(outside[i].type, list[i], mesh_, axis_, partitions_));
      if (part != parts[i]) {
        return invalid_argument("{} is {}, not {}", i, describe(part), describe(parts[i]));
      }
    }
    return {};
  }

  SyntaxModule& module_;
  int64_t partitions_;
  std::string mesh_;
  std::string axis_;
};

}  // namespace

Result<SyntaxRegion> local_body(SyntaxModule& module, int64_t partitions) {
  return PartitionChecker(module, partitions).body();
}

}  // namespace puna::interpreter
