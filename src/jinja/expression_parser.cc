// ExpressionParser: one function per level of precedence, strongest last.

#include "jinja/expression_parser.h"

#include <algorithm>

#include "base/utf8.h"
#include "jinja/names.h"

namespace puna::jinja {
namespace {

Expression node(ExpressionKind kind, Position at) {
  Expression expression;
  expression.kind = kind;
  expression.at = at;
  return expression;
}

bool is_hidden(std::string_view name) { return name.starts_with("__"); }

constexpr std::string_view kHiddenName =
    "names that begin with two underscores cannot be reached from a template";

}  // namespace

Status ExpressionParser::check_nesting() const {
  if (depth_ <= kTemplateDepthMax) return {};
  return fail(fmt::format("nested deeper than {} levels", kTemplateDepthMax));
}

const Token& ExpressionParser::next() const {
  return tokens_[std::min(index_ + 1, tokens_.size() - 1)];
}

void ExpressionParser::advance() {
  if (index_ + 1 < tokens_.size()) ++index_;
}

bool ExpressionParser::at_operator(std::string_view symbol) const {
  return current().kind == TokenKind::kOperator && current().text == symbol;
}

bool ExpressionParser::at_name(std::string_view name) const {
  return current().kind == TokenKind::kName && current().text == name;
}

bool ExpressionParser::skip_operator(std::string_view symbol) {
  const bool found = at_operator(symbol);
  if (found) advance();
  return found;
}

bool ExpressionParser::skip_name(std::string_view name) {
  const bool found = at_name(name);
  if (found) advance();
  return found;
}

Status ExpressionParser::expect_operator(std::string_view symbol) {
  if (skip_operator(symbol)) return {};
  return fail(fmt::format("expected '{}'", symbol));
}

Result<std::string> ExpressionParser::expect_name(std::string_view what) {
  if (current().kind != TokenKind::kName) return fail(fmt::format("expected {}", what));
  if (is_hidden(current().text)) return fail(kHiddenName);
  std::string name = current().text;
  advance();
  return name;
}

Status ExpressionParser::unexpected() const {
  switch (current().kind) {
    case TokenKind::kEnd:
      return fail("the template ends in the middle of a block or tag");
    case TokenKind::kOutputEnd:
    case TokenKind::kBlockEnd:
      return fail("the tag ends where an expression is expected");
    default:
      return fail(fmt::format("unexpected '{}'", escape_for_terminal(current().text)));
  }
}

// Closes a node: its depth follows from its children.
Result<ExpressionPtr> ExpressionParser::finish(Expression expression) const {
  int depth = 0;
  for (const ExpressionPtr& operand : expression.operands) {
    if (operand != nullptr) depth = std::max(depth, operand->depth);
  }
  for (const Argument& argument : expression.arguments) {
    depth = std::max(depth, argument.value->depth);
  }
  expression.depth = depth + 1;
  if (expression.depth > kTemplateDepthMax) {
    return template_error(expression.at,
                          fmt::format("nested deeper than {} levels", kTemplateDepthMax));
  }
  return ExpressionPtr(std::make_unique<const Expression>(std::move(expression)));
}

Result<ExpressionPtr> ExpressionParser::parse_expression() {
  const Nesting nesting(depth_);
  RETURN_IF_ERROR(check_nesting());
  ASSIGN_OR_RETURN(ExpressionPtr value, parse_or());
  while (at_name("if")) {
    Expression choice = node(ExpressionKind::kConditional, current().at);
    advance();
    ASSIGN_OR_RETURN(ExpressionPtr condition, parse_or());
    ExpressionPtr otherwise;
    if (skip_name("else")) {
      ASSIGN_OR_RETURN(otherwise, parse_expression());
    }
    choice.operands.push_back(std::move(condition));
    choice.operands.push_back(std::move(value));
    choice.operands.push_back(std::move(otherwise));
    ASSIGN_OR_RETURN(value, finish(std::move(choice)));
  }
  return value;
}

Result<ExpressionPtr> ExpressionParser::parse_or() {
  ASSIGN_OR_RETURN(ExpressionPtr left, parse_and());
  while (at_name("or")) {
    Expression either = node(ExpressionKind::kOr, current().at);
    advance();
    ASSIGN_OR_RETURN(ExpressionPtr right, parse_and());
    either.operands.push_back(std::move(left));
    either.operands.push_back(std::move(right));
    ASSIGN_OR_RETURN(left, finish(std::move(either)));
  }
  return left;
}

Result<ExpressionPtr> ExpressionParser::parse_and() {
  ASSIGN_OR_RETURN(ExpressionPtr left, parse_not());
  while (at_name("and")) {
    Expression both = node(ExpressionKind::kAnd, current().at);
    advance();
    ASSIGN_OR_RETURN(ExpressionPtr right, parse_not());
    both.operands.push_back(std::move(left));
    both.operands.push_back(std::move(right));
    ASSIGN_OR_RETURN(left, finish(std::move(both)));
  }
  return left;
}

Result<ExpressionPtr> ExpressionParser::parse_not() {
  const Nesting nesting(depth_);
  RETURN_IF_ERROR(check_nesting());
  if (!at_name("not")) return parse_compare();
  Expression negation = node(ExpressionKind::kNot, current().at);
  advance();
  ASSIGN_OR_RETURN(ExpressionPtr operand, parse_not());
  negation.operands.push_back(std::move(operand));
  return finish(std::move(negation));
}

// The comparison operator here, or "". "not in" is two tokens.
std::string_view ExpressionParser::comparison() const {
  static constexpr std::string_view kSymbols[] = {"==", "!=", "<", "<=", ">", ">="};
  for (const std::string_view symbol : kSymbols) {
    if (at_operator(symbol)) return symbol;
  }
  if (at_name("in")) return "in";
  const bool is_not_in = at_name("not") && next().kind == TokenKind::kName && next().text == "in";
  return is_not_in ? "not in" : "";
}

Result<ExpressionPtr> ExpressionParser::parse_compare() {
  Expression chain = node(ExpressionKind::kCompare, current().at);
  ASSIGN_OR_RETURN(ExpressionPtr first, parse_sum());
  if (comparison().empty()) return first;
  chain.operands.push_back(std::move(first));
  while (!comparison().empty()) {
    const std::string_view symbol = comparison();
    chain.operators.emplace_back(symbol);
    advance();
    if (symbol == "not in") advance();
    ASSIGN_OR_RETURN(ExpressionPtr operand, parse_sum());
    chain.operands.push_back(std::move(operand));
  }
  return finish(std::move(chain));
}

Result<ExpressionPtr> ExpressionParser::parse_binary(
    Result<ExpressionPtr> (ExpressionParser::*operand)(),
    std::initializer_list<std::string_view> symbols) {
  ASSIGN_OR_RETURN(ExpressionPtr left, (this->*operand)());
  while (std::any_of(symbols.begin(), symbols.end(),
                     [this](std::string_view symbol) { return at_operator(symbol); })) {
    Expression sum = node(ExpressionKind::kArithmetic, current().at);
    sum.name = current().text;
    advance();
    ASSIGN_OR_RETURN(ExpressionPtr right, (this->*operand)());
    sum.operands.push_back(std::move(left));
    sum.operands.push_back(std::move(right));
    ASSIGN_OR_RETURN(left, finish(std::move(sum)));
  }
  return left;
}

Result<ExpressionPtr> ExpressionParser::parse_sum() {
  return parse_binary(&ExpressionParser::parse_concat, {"+", "-"});
}

Result<ExpressionPtr> ExpressionParser::parse_concat() {
  Expression parts = node(ExpressionKind::kConcat, current().at);
  ASSIGN_OR_RETURN(ExpressionPtr first, parse_product());
  if (!at_operator("~")) return first;
  parts.operands.push_back(std::move(first));
  while (skip_operator("~")) {
    ASSIGN_OR_RETURN(ExpressionPtr part, parse_product());
    parts.operands.push_back(std::move(part));
  }
  return finish(std::move(parts));
}

Result<ExpressionPtr> ExpressionParser::parse_product() {
  return parse_binary(&ExpressionParser::parse_power, {"*", "/", "//", "%"});
}

Result<ExpressionPtr> ExpressionParser::parse_power() {
  ASSIGN_OR_RETURN(ExpressionPtr left, parse_unary(true));
  while (at_operator("**")) {
    Expression power = node(ExpressionKind::kArithmetic, current().at);
    power.name = "**";
    advance();
    ASSIGN_OR_RETURN(ExpressionPtr right, parse_unary(true));
    power.operands.push_back(std::move(left));
    power.operands.push_back(std::move(right));
    ASSIGN_OR_RETURN(left, finish(std::move(power)));
  }
  return left;
}

Result<ExpressionPtr> ExpressionParser::parse_unary(bool with_filters) {
  const Nesting nesting(depth_);
  RETURN_IF_ERROR(check_nesting());
  ExpressionPtr value;
  if (at_operator("-") || at_operator("+")) {
    Expression sign =
        node(at_operator("-") ? ExpressionKind::kNegate : ExpressionKind::kPlus, current().at);
    advance();
    ASSIGN_OR_RETURN(ExpressionPtr operand, parse_unary(false));
    sign.operands.push_back(std::move(operand));
    ASSIGN_OR_RETURN(value, finish(std::move(sign)));
  } else {
    ASSIGN_OR_RETURN(value, parse_primary());
  }
  ASSIGN_OR_RETURN(value, parse_postfix(std::move(value)));
  return with_filters ? parse_filters(std::move(value)) : std::move(value);
}

Result<ExpressionPtr> ExpressionParser::parse_primary() {
  switch (current().kind) {
    case TokenKind::kName:
    case TokenKind::kString:
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return parse_literal();
    case TokenKind::kOperator:
      if (at_operator("(")) return parse_parentheses();
      if (at_operator("[")) return parse_list();
      if (at_operator("{")) return parse_dict();
      return unexpected();
    default:
      return unexpected();
  }
}

Result<ExpressionPtr> ExpressionParser::parse_literal() {
  const Token& token = current();
  Expression leaf = node(ExpressionKind::kLiteral, token.at);
  if (token.kind == TokenKind::kString) {
    std::string text;
    for (; current().kind == TokenKind::kString; advance()) text += current().text;
    leaf.literal = make_text(text);
    return finish(std::move(leaf));
  }
  if (token.kind == TokenKind::kInteger) {
    leaf.literal = make_integer(token.integer);
  } else if (token.kind == TokenKind::kFloat) {
    leaf.literal = make_float(token.number);
  } else if (at_name("true") || at_name("True") || at_name("false") || at_name("False")) {
    leaf.literal = make_bool(at_name("true") || at_name("True"));
  } else if (at_name("none") || at_name("None")) {
    leaf.literal = make_none();
  } else {
    if (is_hidden(token.text)) return fail(kHiddenName);
    leaf.kind = ExpressionKind::kName;
    leaf.name = token.text;
  }
  advance();
  return finish(std::move(leaf));
}

Result<ExpressionPtr> ExpressionParser::parse_parentheses() {
  const Position at = current().at;
  advance();
  if (skip_operator(")")) return finish(node(ExpressionKind::kTuple, at));
  ASSIGN_OR_RETURN(ExpressionPtr inner, parse_tuple(true));
  RETURN_IF_ERROR(expect_operator(")"));
  return inner;
}

Result<ExpressionPtr> ExpressionParser::parse_tuple(bool with_conditional) {
  Expression tuple = node(ExpressionKind::kTuple, current().at);
  const auto parse_item = [&] { return with_conditional ? parse_expression() : parse_or(); };
  ASSIGN_OR_RETURN(ExpressionPtr first, parse_item());
  if (!at_operator(",")) return first;
  tuple.operands.push_back(std::move(first));
  while (skip_operator(",")) {
    const TokenKind kind = current().kind;
    if (at_operator(")") || kind == TokenKind::kOutputEnd || kind == TokenKind::kBlockEnd) break;
    ASSIGN_OR_RETURN(ExpressionPtr item, parse_item());
    tuple.operands.push_back(std::move(item));
  }
  return finish(std::move(tuple));
}

Result<ExpressionPtr> ExpressionParser::parse_list() {
  Expression list = node(ExpressionKind::kList, current().at);
  advance();
  while (!at_operator("]")) {
    ASSIGN_OR_RETURN(ExpressionPtr item, parse_expression());
    list.operands.push_back(std::move(item));
    if (!skip_operator(",")) break;
  }
  RETURN_IF_ERROR(expect_operator("]"));
  return finish(std::move(list));
}

Result<ExpressionPtr> ExpressionParser::parse_dict() {
  Expression dict = node(ExpressionKind::kDict, current().at);
  advance();
  while (!at_operator("}")) {
    ASSIGN_OR_RETURN(ExpressionPtr key, parse_expression());
    RETURN_IF_ERROR(expect_operator(":"));
    ASSIGN_OR_RETURN(ExpressionPtr value, parse_expression());
    dict.operands.push_back(std::move(key));
    dict.operands.push_back(std::move(value));
    if (!skip_operator(",")) break;
  }
  RETURN_IF_ERROR(expect_operator("}"));
  return finish(std::move(dict));
}

}  // namespace puna::jinja
