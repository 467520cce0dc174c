// The lexer of chat templates: source text to tokens, with Jinja's rules for white space.
//
// As Hugging Face sets it: trim_blocks (the newline after a block tag goes) and lstrip_blocks (the
// indentation before one goes); "-" in a tag strips all white space, "+" keeps it; one newline at
// the end of the source goes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "jinja/syntax.h"

namespace puna::jinja {

enum class TokenKind {
  kText,  // between tags
  kOutputBegin,
  kOutputEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  Position at;
  std::string text;  // the name, the operator, the string without quotes and escapes
  int64_t integer = 0;
  double number = 0;
};

// "line 3, column 14: what", the form of every error of a template.
Status template_error(Position at, std::string_view what);

// The tokens of a template, ending with kEnd.
Result<std::vector<Token>> read_tokens(std::string_view source);

}  // namespace puna::jinja
