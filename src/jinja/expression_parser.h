// ExpressionParser: reads expressions from the tokens of a template; the statement parser builds on
// it.
//
// Precedence, from weak to strong: if-else, or, and, not, comparisons and in, + -, ~, * / // %, **,
// unary sign, then filters, tests, calls and subscripts: Jinja's own, where ~ binds above +.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "jinja/lexer.h"
#include "jinja/syntax.h"

namespace puna::jinja {

class ExpressionParser {
 public:
  explicit ExpressionParser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

 protected:
  // Counts nested calls of the parser; lives as long as one of them.
  class Nesting {
   public:
    explicit Nesting(int& depth) : depth_(depth) { ++depth_; }
    ~Nesting() { --depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    int& depth_;
  };
  Status check_nesting() const;

  const Token& current() const { return tokens_[index_]; }
  const Token& next() const;
  void advance();
  bool at_operator(std::string_view symbol) const;
  bool at_name(std::string_view name) const;
  bool skip_operator(std::string_view symbol);
  bool skip_name(std::string_view name);
  Status expect_operator(std::string_view symbol);
  Result<std::string> expect_name(std::string_view what);
  Status fail(std::string_view what) const { return template_error(current().at, what); }
  Status unexpected() const;

  Result<ExpressionPtr> parse_expression();
  // Without a conditional at the top: `for x in LIST if …`.
  Result<ExpressionPtr> parse_or();
  // One expression, or several with commas as a tuple.
  Result<ExpressionPtr> parse_tuple(bool with_conditional);
  // `| name(…) | …` after `operand`; a null operand stands for a block's text.
  Result<ExpressionPtr> parse_filters(ExpressionPtr operand);
  Result<ExpressionPtr> parse_filter(ExpressionPtr operand);

  int depth_ = 0;

 private:
  Result<ExpressionPtr> finish(Expression expression) const;
  Result<ExpressionPtr> parse_and();
  Result<ExpressionPtr> parse_not();
  Result<ExpressionPtr> parse_compare();
  Result<ExpressionPtr> parse_sum();
  Result<ExpressionPtr> parse_concat();
  Result<ExpressionPtr> parse_product();
  Result<ExpressionPtr> parse_power();
  Result<ExpressionPtr> parse_unary(bool with_filters);
  Result<ExpressionPtr> parse_primary();
  Result<ExpressionPtr> parse_literal();
  Result<ExpressionPtr> parse_parentheses();
  Result<ExpressionPtr> parse_list();
  Result<ExpressionPtr> parse_dict();
  Result<ExpressionPtr> parse_postfix(ExpressionPtr operand);
  Result<ExpressionPtr> parse_attribute(ExpressionPtr operand);
  Result<ExpressionPtr> parse_subscript(ExpressionPtr operand);
  Result<ExpressionPtr> parse_call(ExpressionPtr operand);
  Result<ExpressionPtr> parse_test(ExpressionPtr operand);
  Result<std::vector<Argument>> parse_arguments();
  Result<ExpressionPtr> parse_binary(Result<ExpressionPtr> (ExpressionParser::*operand)(),
                                     std::initializer_list<std::string_view> symbols);
  std::string_view comparison() const;

  std::vector<Token> tokens_;
  size_t index_ = 0;
};

}  // namespace puna::jinja
