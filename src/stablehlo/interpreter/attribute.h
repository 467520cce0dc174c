// Attributes of operations, and taking them out by name: whoever reads an operation takes all of
// them, or the program says something that nobody obeys.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "stablehlo/interpreter/text_cursor.h"

namespace puna::interpreter {

struct Attribute {
  enum class Kind {
    kUnit,     // a name alone
    kBoolean,  // in `integer`
    kInteger,
    kReal,
    kText,    // "…"
    kWord,    // #stablehlo<comparison_direction LE>: "comparison_direction LE"
    kList,    // […] or array<i64: …>
    kDense,   // dense<…> : tensor<…>: numbers in `items`, row by row
    kFields,  // #stablehlo.gather<offset_dims = [1], …>
    kSdy,     // #sdy…<…>: what is inside
  };
  Kind kind = Kind::kUnit;
  int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<Attribute> items;
  std::vector<std::string> names;  // kFields: of each item
  std::optional<Type> type;        // kDense; of an element type other than i64
  Dimensions dense_shape;
};

class Attributes {
 public:
  Status add(std::string name, Attribute attribute);

  // Absent when there is none.
  std::optional<Attribute> take(std::string_view name);
  // kInvalidArgument when it is missing or of another kind.
  Result<Attribute> take(std::string_view name, Attribute::Kind kind);
  Result<int64_t> take_integer(std::string_view name);
  Result<Dimensions> take_integers(std::string_view name);
  Result<Attributes> take_fields(std::string_view name, std::string_view type);
  // Of a field that may be left out.
  Result<Dimensions> take_integers_or_none(std::string_view name);
  Status all_taken() const;

 private:
  std::vector<std::pair<std::string, Attribute>> entries_;
};

// name [= value], … up to `end`, which is taken.
Result<Attributes> parse_attributes(TextCursor& cursor, std::string_view end);

}  // namespace puna::interpreter
