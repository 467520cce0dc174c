// The parser of statements, on top of ExpressionParser.

#include "jinja/parser.h"

#include <algorithm>

#include "base/utf8.h"
#include "jinja/expression_parser.h"

namespace puna::jinja {
namespace {

// What Jinja has and a chat template must not reach.
constexpr std::string_view kOutsideTags[] = {"include", "import", "from", "extends", "block"};

int block_depth(const Block& block) {
  int depth = 0;
  for (const Statement& statement : block) depth = std::max(depth, statement.depth);
  return depth;
}

class Parser : public ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  Result<Block> parse() {
    ASSIGN_OR_RETURN(Block block, parse_until({}));
    if (current().kind != TokenKind::kEnd) return unexpected();
    return block;
  }

 private:
  // Statements up to a tag with one of the names; stands on that name afterwards.
  Result<Block> parse_until(std::initializer_list<std::string_view> ends) {
    const Nesting nesting(depth_);
    RETURN_IF_ERROR(check_nesting());
    Block block;
    while (current().kind != TokenKind::kEnd) {
      if (current().kind == TokenKind::kBlockBegin) {
        const bool ended = std::any_of(ends.begin(), ends.end(), [this](std::string_view end) {
          return next().kind == TokenKind::kName && next().text == end;
        });
        advance();
        if (ended) return block;
      }
      ASSIGN_OR_RETURN(Statement statement, parse_statement());
      block.push_back(std::move(statement));
    }
    if (ends.size() == 0) return block;
    return fail(fmt::format("the template ends before {{% {} %}}", *std::prev(ends.end())));
  }

  Result<Statement> parse_statement() {
    Statement statement;
    statement.at = current().at;
    switch (current().kind) {
      case TokenKind::kText:
        statement.text = current().text;
        advance();
        return statement;
      case TokenKind::kOutputBegin: {
        statement.kind = StatementKind::kOutput;
        advance();
        ASSIGN_OR_RETURN(statement.expression, parse_tuple(true));
        if (current().kind != TokenKind::kOutputEnd) return unexpected();
        advance();
        return statement;
      }
      default:
        return parse_tag(std::move(statement));
    }
  }

  Result<Statement> parse_tag(Statement statement) {
    statement.at = current().at;
    ASSIGN_OR_RETURN(const std::string tag, expect_name("the name of a statement"));
    Status status;
    if (tag == "if") {
      status = parse_if(statement);
    } else if (tag == "for") {
      status = parse_for(statement);
    } else if (tag == "set") {
      status = parse_set(statement);
    } else if (tag == "macro") {
      status = parse_macro(statement);
    } else if (tag == "with" || tag == "generation") {
      status = parse_scope(statement, tag);
    } else if (tag == "filter") {
      status = parse_filter_block(statement);
    } else if (tag == "break" || tag == "continue") {
      status = parse_jump(statement, tag);
    } else if (std::find(std::begin(kOutsideTags), std::end(kOutsideTags), tag) !=
               std::end(kOutsideTags)) {
      return template_error(statement.at,
                            fmt::format("'{}' reaches outside the template and is refused", tag));
    } else {
      return template_error(statement.at, fmt::format("no statement named '{}'", tag));
    }
    RETURN_IF_ERROR(status);
    statement.depth = depth_of_parts(statement) + 1;
    return statement;
  }

  static int depth_of_parts(const Statement& statement) {
    int depth = std::max(block_depth(statement.body), block_depth(statement.otherwise));
    for (const Branch& branch : statement.branches) {
      depth = std::max(depth, block_depth(branch.body));
    }
    return depth;
  }

  Status end_tag() {
    if (current().kind != TokenKind::kBlockEnd) return unexpected();
    advance();
    return {};
  }

  // "%} … {% endNAME %}"
  Result<Block> parse_body(std::string_view end) {
    RETURN_IF_ERROR(end_tag());
    ASSIGN_OR_RETURN(Block body, parse_until({end}));
    advance();
    RETURN_IF_ERROR(end_tag());
    return body;
  }

  Status parse_if(Statement& statement) {
    statement.kind = StatementKind::kIf;
    bool is_else = false;
    while (true) {
      Branch branch;
      if (!is_else) {
        ASSIGN_OR_RETURN(branch.condition, parse_tuple(false));
      }
      RETURN_IF_ERROR(end_tag());
      if (is_else) {
        ASSIGN_OR_RETURN(branch.body, parse_until({"endif"}));
      } else {
        ASSIGN_OR_RETURN(branch.body, parse_until({"elif", "else", "endif"}));
      }
      statement.branches.push_back(std::move(branch));
      is_else = at_name("else");
      if (skip_name("endif")) return end_tag();
      advance();
    }
  }

  // `a` or `a, b` or `(a, b)`.
  Result<std::vector<std::string>> parse_targets() {
    const bool parentheses = skip_operator("(");
    std::vector<std::string> names;
    do {
      if (!names.empty() && (at_name("in") || at_operator(")"))) break;
      ASSIGN_OR_RETURN(std::string name, expect_name("the name of a variable"));
      names.push_back(std::move(name));
    } while (skip_operator(","));
    if (parentheses) RETURN_IF_ERROR(expect_operator(")"));
    return names;
  }

  Status parse_for(Statement& statement) {
    statement.kind = StatementKind::kFor;
    ASSIGN_OR_RETURN(statement.names, parse_targets());
    if (!skip_name("in")) return fail("expected 'in'");
    ASSIGN_OR_RETURN(statement.expression, parse_tuple(false));
    if (skip_name("if")) {
      ASSIGN_OR_RETURN(statement.condition, parse_expression());
    }
    if (at_name("recursive")) return fail("recursive loops are not supported");
    RETURN_IF_ERROR(end_tag());
    ++loops_;
    ASSIGN_OR_RETURN(statement.body, parse_until({"else", "endfor"}));
    --loops_;
    if (skip_name("else")) {
      RETURN_IF_ERROR(end_tag());
      ASSIGN_OR_RETURN(statement.otherwise, parse_until({"endfor"}));
    }
    advance();
    return end_tag();
  }

  Status parse_set(Statement& statement) {
    if (next().kind == TokenKind::kOperator && next().text == ".") {
      ASSIGN_OR_RETURN(statement.space, expect_name("the name of a namespace"));
      advance();
      ASSIGN_OR_RETURN(std::string name, expect_name("a name after '.'"));
      statement.names.push_back(std::move(name));
    } else {
      ASSIGN_OR_RETURN(statement.names, parse_targets());
    }
    if (skip_operator("=")) {
      statement.kind = StatementKind::kSet;
      ASSIGN_OR_RETURN(statement.expression, parse_tuple(true));
      return end_tag();
    }
    statement.kind = StatementKind::kSetBlock;
    if (statement.names.size() != 1) return fail("expected '='");
    while (skip_operator("|")) {
      ASSIGN_OR_RETURN(statement.filter, parse_filter(std::move(statement.filter)));
    }
    ASSIGN_OR_RETURN(statement.body, parse_body("endset"));
    return {};
  }

  Status parse_macro(Statement& statement) {
    statement.kind = StatementKind::kMacro;
    if (in_macro_ || loops_ > 0) {
      return template_error(statement.at, "a macro inside a loop or a macro is not supported");
    }
    ASSIGN_OR_RETURN(std::string name, expect_name("the name of the macro"));
    statement.names.push_back(std::move(name));
    RETURN_IF_ERROR(expect_operator("("));
    while (!at_operator(")")) {
      Parameter parameter;
      ASSIGN_OR_RETURN(parameter.name, expect_name("the name of a parameter"));
      if (skip_operator("=")) {
        ASSIGN_OR_RETURN(parameter.default_value, parse_expression());
      } else if (!statement.parameters.empty() &&
                 statement.parameters.back().default_value != nullptr) {
        return fail("a parameter without a default follows one with a default");
      }
      statement.parameters.push_back(std::move(parameter));
      if (!skip_operator(",")) break;
    }
    RETURN_IF_ERROR(expect_operator(")"));
    in_macro_ = true;
    ASSIGN_OR_RETURN(statement.body, parse_body("endmacro"));
    in_macro_ = false;
    return {};
  }

  Status parse_scope(Statement& statement, const std::string& tag) {
    statement.kind = StatementKind::kScope;
    while (tag == "with" && current().kind == TokenKind::kName) {
      ASSIGN_OR_RETURN(std::string name, expect_name("the name of a variable"));
      RETURN_IF_ERROR(expect_operator("="));
      ASSIGN_OR_RETURN(ExpressionPtr value, parse_expression());
      statement.names.push_back(std::move(name));
      statement.values.push_back(std::move(value));
      if (!skip_operator(",")) break;
    }
    ASSIGN_OR_RETURN(statement.body, parse_body("end" + tag));
    return {};
  }

  Status parse_filter_block(Statement& statement) {
    statement.kind = StatementKind::kFilter;
    do {
      ASSIGN_OR_RETURN(statement.filter, parse_filter(std::move(statement.filter)));
    } while (skip_operator("|"));
    ASSIGN_OR_RETURN(statement.body, parse_body("endfilter"));
    return {};
  }

  Status parse_jump(Statement& statement, const std::string& tag) {
    if (loops_ == 0) return template_error(statement.at, tag + " outside a loop");
    statement.kind = tag == "break" ? StatementKind::kBreak : StatementKind::kContinue;
    return end_tag();
  }

  int loops_ = 0;
  bool in_macro_ = false;
};

}  // namespace

Result<Block> parse_template(std::string_view source) {
  if (source.size() > kTemplateSourceBytesMax) {
    return invalid_argument("a template of {} bytes, at most {}", source.size(),
                            kTemplateSourceBytesMax);
  }
  if (!is_valid_utf8(source)) return invalid_argument("the template is not valid UTF-8");
  ASSIGN_OR_RETURN(std::vector<Token> tokens, read_tokens(source));
  return Parser(std::move(tokens)).parse();
}

}  // namespace puna::jinja
