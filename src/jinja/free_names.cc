// A walk over the tree; trees are not deeper than kTemplateDepthMax.

#include "jinja/free_names.h"

namespace puna::jinja {
namespace {

class Walk {
 public:
  std::set<std::string> take() { return std::move(free_); }

  void block(const Block& statements) {
    for (const Statement& statement : statements) visit(statement);
  }

 private:
  void visit(const Statement& statement) {
    if (statement.kind == StatementKind::kMacro) return macro(statement);
    expression(statement.expression.get());
    expression(statement.filter.get());
    for (const ExpressionPtr& value : statement.values) expression(value.get());
    for (const Branch& branch : statement.branches) {
      expression(branch.condition.get());
      block(branch.body);
    }
    if (statement.space.empty()) set_.insert(statement.names.begin(), statement.names.end());
    expression(statement.condition.get());
    block(statement.body);
    block(statement.otherwise);
  }

  // Its parameters are known inside of it alone.
  void macro(const Statement& statement) {
    set_.insert(statement.names.begin(), statement.names.end());
    const std::set<std::string> outside = set_;
    for (const Parameter& parameter : statement.parameters) {
      expression(parameter.default_value.get());
      set_.insert(parameter.name);
    }
    block(statement.body);
    set_ = outside;
  }

  void expression(const Expression* one) {
    if (one == nullptr) return;
    if (one->kind == ExpressionKind::kName && !set_.contains(one->name)) free_.insert(one->name);
    for (const ExpressionPtr& operand : one->operands) expression(operand.get());
    for (const Argument& argument : one->arguments) expression(argument.value.get());
  }

  std::set<std::string> free_;
  std::set<std::string> set_ = {"loop",         "range",   "namespace", "raise_exception",
                                "strftime_now", "dict",    "true",      "false",
                                "none",         "True",    "False",     "None",
                                "caller",       "varargs", "kwargs"};
};

}  // namespace

std::set<std::string> free_names(const Block& program) {
  Walk walk;
  walk.block(program);
  return walk.take();
}

}  // namespace puna::jinja
