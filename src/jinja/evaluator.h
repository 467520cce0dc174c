// Evaluator: expressions of a running template. The renderer runs statements on top of it.
#pragma once

#include <string_view>
#include <vector>

#include "base/status.h"
#include "jinja/renderer.h"

namespace puna::jinja {

class Evaluator {
 public:
  explicit Evaluator(Variables variables) { frames_.push_back(std::move(variables)); }
  virtual ~Evaluator() = default;

 protected:
  // Innermost last. Frame 0 is the template's own.
  std::vector<Variables> frames_;
  std::vector<Variables> namespaces_;

  Status charge(size_t steps, Position at);
  Result<Value> evaluate(const Expression& expression);
  // A filter chain over a block's text, which stands where an operand is null.
  Result<Value> evaluate_over(const Expression& filter, const Value& block_text);
  virtual Result<Value> call_macro(const Statement& macro, const Arguments& arguments,
                                   Position at) = 0;

  static Status at(Position position, const Status& status);

 private:
  const Value* find_variable(std::string_view name) const;
  Result<Value> evaluate_kind(const Expression& expression);
  Result<std::vector<Value>> evaluate_all(const std::vector<ExpressionPtr>& expressions);
  Result<Arguments> evaluate_arguments(const std::vector<Argument>& arguments);
  Result<Value> evaluate_dict(const Expression& expression);
  Result<Value> evaluate_attribute(const Expression& expression);
  Result<Value> evaluate_slice(const Expression& expression);
  Result<Value> evaluate_call(const Expression& expression);
  Result<Value> evaluate_filter(const Expression& expression);
  Result<Value> evaluate_binary(const Expression& expression);
  Result<Value> evaluate_concat(const Expression& expression);
  Result<Value> evaluate_compare(const Expression& expression);
  Result<Value> evaluate_logic(const Expression& expression);
  Result<Value> call_builtin(std::string_view name, const Arguments& arguments, Position position);

  size_t steps_ = 0;
  const Value* block_text_ = nullptr;
};

}  // namespace puna::jinja
