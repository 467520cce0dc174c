// ExpressionParser, what follows an operand: attributes, subscripts, calls, filters and tests.

#include "base/utf8.h"
#include "jinja/expression_parser.h"
#include "jinja/names.h"

namespace puna::jinja {
namespace {

Expression node(ExpressionKind kind, Position at, ExpressionPtr operand) {
  Expression expression;
  expression.kind = kind;
  expression.at = at;
  expression.operands.push_back(std::move(operand));
  return expression;
}

}  // namespace

Result<ExpressionPtr> ExpressionParser::parse_postfix(ExpressionPtr operand) {
  while (true) {
    if (at_operator(".")) {
      ASSIGN_OR_RETURN(operand, parse_attribute(std::move(operand)));
    } else if (at_operator("[")) {
      ASSIGN_OR_RETURN(operand, parse_subscript(std::move(operand)));
    } else if (at_operator("(")) {
      ASSIGN_OR_RETURN(operand, parse_call(std::move(operand)));
    } else {
      return operand;
    }
  }
}

Result<ExpressionPtr> ExpressionParser::parse_filters(ExpressionPtr operand) {
  while (true) {
    if (skip_operator("|")) {
      ASSIGN_OR_RETURN(operand, parse_filter(std::move(operand)));
    } else if (at_name("is")) {
      ASSIGN_OR_RETURN(operand, parse_test(std::move(operand)));
    } else if (at_operator("(")) {
      ASSIGN_OR_RETURN(operand, parse_call(std::move(operand)));
    } else {
      return operand;
    }
  }
}

Result<ExpressionPtr> ExpressionParser::parse_attribute(ExpressionPtr operand) {
  const Position at = current().at;
  advance();
  if (current().kind == TokenKind::kInteger) {
    Expression item = node(ExpressionKind::kItem, at, std::move(operand));
    Expression index;
    index.at = current().at;
    index.literal = make_integer(current().integer);
    advance();
    ASSIGN_OR_RETURN(ExpressionPtr literal, finish(std::move(index)));
    item.operands.push_back(std::move(literal));
    return finish(std::move(item));
  }
  Expression attribute = node(ExpressionKind::kAttribute, at, std::move(operand));
  ASSIGN_OR_RETURN(attribute.name, expect_name("a name after '.'"));
  return finish(std::move(attribute));
}

Result<ExpressionPtr> ExpressionParser::parse_subscript(ExpressionPtr operand) {
  Expression item = node(ExpressionKind::kItem, current().at, std::move(operand));
  advance();
  ExpressionPtr first;
  if (!at_operator(":")) {
    ASSIGN_OR_RETURN(first, parse_expression());
  }
  item.operands.push_back(std::move(first));
  if (at_operator(":")) {
    item.kind = ExpressionKind::kSlice;
    while (item.operands.size() < 4) {
      ExpressionPtr bound;
      if (skip_operator(":") && !at_operator(":") && !at_operator("]")) {
        ASSIGN_OR_RETURN(bound, parse_expression());
      }
      item.operands.push_back(std::move(bound));
    }
  }
  RETURN_IF_ERROR(expect_operator("]"));
  return finish(std::move(item));
}

Result<ExpressionPtr> ExpressionParser::parse_call(ExpressionPtr operand) {
  Expression call = node(ExpressionKind::kCall, current().at, std::move(operand));
  ASSIGN_OR_RETURN(call.arguments, parse_arguments());
  return finish(std::move(call));
}

Result<std::vector<Argument>> ExpressionParser::parse_arguments() {
  RETURN_IF_ERROR(expect_operator("("));
  std::vector<Argument> arguments;
  while (!at_operator(")")) {
    Argument argument;
    if (at_operator("*") || at_operator("**")) {
      return fail("* and ** in the arguments of a call are not supported");
    }
    if (current().kind == TokenKind::kName && next().kind == TokenKind::kOperator &&
        next().text == "=") {
      ASSIGN_OR_RETURN(argument.name, expect_name("a name"));
      advance();
    } else if (!arguments.empty() && !arguments.back().name.empty()) {
      return fail("an argument without a name follows one with a name");
    }
    ASSIGN_OR_RETURN(argument.value, parse_expression());
    arguments.push_back(std::move(argument));
    if (!skip_operator(",")) break;
  }
  RETURN_IF_ERROR(expect_operator(")"));
  return arguments;
}

Result<ExpressionPtr> ExpressionParser::parse_filter(ExpressionPtr operand) {
  Expression filter = node(ExpressionKind::kFilter, current().at, std::move(operand));
  ASSIGN_OR_RETURN(filter.name, expect_name("the name of a filter after '|'"));
  if (!is_filter(filter.name)) {
    return template_error(filter.at, fmt::format("no filter named '{}'", filter.name));
  }
  if (at_operator("(")) {
    ASSIGN_OR_RETURN(filter.arguments, parse_arguments());
  }
  return finish(std::move(filter));
}

Result<ExpressionPtr> ExpressionParser::parse_test(ExpressionPtr operand) {
  advance();
  const Position at = current().at;
  const bool negated = skip_name("not");
  Expression test = node(ExpressionKind::kTest, current().at, std::move(operand));
  ASSIGN_OR_RETURN(test.name, expect_name("the name of a test after 'is'"));
  if (!is_test(test.name)) {
    return template_error(test.at, fmt::format("no test named '{}'", test.name));
  }
  if (at_operator("(")) {
    ASSIGN_OR_RETURN(test.arguments, parse_arguments());
  } else if (test_takes_argument(test.name)) {
    // `x is divisibleby 3`: one operand without parentheses.
    Argument argument;
    ASSIGN_OR_RETURN(argument.value, parse_primary());
    ASSIGN_OR_RETURN(argument.value, parse_postfix(std::move(argument.value)));
    test.arguments.push_back(std::move(argument));
  }
  ASSIGN_OR_RETURN(ExpressionPtr result, finish(std::move(test)));
  if (!negated) return result;
  return finish(node(ExpressionKind::kNot, at, std::move(result)));
}

}  // namespace puna::jinja
