// A place in the text of a program, and the small things that stand there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/status.h"
#include "stablehlo/interpreter/tensor.h"

namespace puna::interpreter {

class TextCursor {
 public:
  explicit TextCursor(std::string_view text) : text_(text) {}

  int line();  // from 1
  bool at_end();
  // The next character after spaces and comments; 0 at the end.
  char peek();
  bool take(std::string_view literal);
  Status expect(std::string_view literal);

  // Letters, digits and "_$.-", not empty.
  Result<std::string> word();
  Result<std::string> quoted();  // without escapes
  Result<int64_t> integer();
  // A literal of MLIR; `is_integer` says that it had neither a point nor an exponent.
  struct Number {
    double value = 0;
    bool is_integer = false;
  };
  Result<Number> number();
  Result<Dimensions> dimensions();  // "2x3x"
  Result<Element> element();
  Result<Type> type();  // tensor<…>
  // "<…>" with what is inside, brackets balanced.
  Result<std::string> bracketed();

  Status wrong(std::string_view what);  // kInvalidArgument with the line

 private:
  void skip();

  std::string_view text_;
  size_t at_ = 0;
  size_t counted_ = 0;  // up to where line_ has counted
  int line_ = 1;
};

}  // namespace puna::interpreter
