// The syntax of a program: one function of operations in MLIR's generic form.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "stablehlo/interpreter/attribute.h"

namespace puna::interpreter {

inline constexpr size_t kTextBytesMax = 64 << 20;

struct SyntaxRegion;

struct NamedType {
  std::string name;  // of an argument: "%tokens"; empty for a result
  Type type;
  Attributes attributes;
};

struct SyntaxOperation {
  int line = 0;
  std::string name;                  // "stablehlo.add"
  std::vector<std::string> results;  // "%3", or "%whole#0" where there are several
  std::vector<std::string> operands;
  Attributes attributes;
  std::vector<SyntaxRegion> regions;
  std::vector<Type> operand_types;
  std::vector<Type> result_types;
};

struct SyntaxRegion {
  std::vector<NamedType> arguments;
  std::vector<SyntaxOperation> operations;
};

struct SyntaxModule {
  Attributes attributes;
  std::vector<SyntaxOperation> before;  // of the module, before its function
  std::vector<NamedType> results;
  SyntaxRegion body;  // of @main; ends with "func.return"
};

// kInvalidArgument with the line of what is no such program.
Result<SyntaxModule> parse_syntax(std::string_view text);

}  // namespace puna::interpreter
