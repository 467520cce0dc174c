// The syntax tree of a chat template: expressions and statements, as the parser makes them.
//
// Every node knows where it stands in the source. depth is 1 for a leaf; the parser refuses trees
// deeper than kTemplateDepthMax, so walking and freeing them never exhausts the stack.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "jinja/value.h"

namespace puna::jinja {

inline constexpr size_t kTemplateSourceBytesMax = 1 << 20;
inline constexpr int kTemplateDepthMax = 100;

struct Position {
  int line = 1;    // from 1
  int column = 1;  // from 1, in bytes
};

struct Expression;
using ExpressionPtr = std::unique_ptr<const Expression>;

struct Argument {
  std::string name;  // empty: by position
  ExpressionPtr value;
};

enum class ExpressionKind {
  kLiteral,      // literal
  kName,         // name
  kList,         // operands
  kTuple,        // operands
  kDict,         // operands: key, value, key, value, …
  kAttribute,    // operands[0].name
  kItem,         // operands[0][operands[1]]
  kSlice,        // operands[0][operands[1]:operands[2]:operands[3]]; the last three may be null
  kCall,         // operands[0](arguments)
  kFilter,       // operands[0]|name(arguments); operands[0] is null in {% set x | f %}
  kTest,         // operands[0] is name(arguments)
  kNot,          // not operands[0]
  kNegate,       // -operands[0]
  kPlus,         // +operands[0]
  kArithmetic,   // operands[0] name operands[1], name: + - * / // % **
  kConcat,       // operands[0] ~ operands[1] ~ …
  kCompare,      // operands[0] operators[0] operands[1] operators[1] …
  kAnd,          // operands[0] and operands[1]
  kOr,           // operands[0] or operands[1]
  kConditional,  // operands[1] if operands[0] else operands[2]; the last may be null
};

struct Expression {
  ExpressionKind kind = ExpressionKind::kLiteral;
  Position at;
  int depth = 1;
  std::string name;
  Value literal;
  std::vector<ExpressionPtr> operands;
  std::vector<Argument> arguments;
  std::vector<std::string> operators;  // "==", "!=", "<", "<=", ">", ">=", "in", "not in"
};

struct Statement;
using Block = std::vector<Statement>;

struct Branch {
  ExpressionPtr condition;  // null: else
  Block body;
};

struct Parameter {
  std::string name;
  ExpressionPtr default_value;  // null: none
};

enum class StatementKind {
  kText,      // text
  kOutput,    // expression
  kIf,        // branches
  kFor,       // names, expression, condition, body, otherwise
  kSet,       // names (or space.names[0]), expression
  kSetBlock,  // names (or space.names[0]), body, filter
  kMacro,     // names[0], parameters, body
  kScope,     // names and values of {% with %}, body; also {% generation %}
  kFilter,    // filter, body
  kBreak,
  kContinue,
};

struct Statement {
  StatementKind kind = StatementKind::kText;
  Position at;
  int depth = 1;
  std::string text;
  std::string space;  // {% set space.name = … %}
  std::vector<std::string> names;
  ExpressionPtr expression;
  ExpressionPtr condition;            // {% for … if condition %}
  ExpressionPtr filter;               // innermost operand null: the block's text goes there
  std::vector<ExpressionPtr> values;  // {% with names[i] = values[i] %}
  std::vector<Branch> branches;
  std::vector<Parameter> parameters;
  Block body;
  Block otherwise;  // {% else %} of a loop that ran no times
};

}  // namespace puna::jinja
