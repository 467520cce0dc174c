// The attribute syntax that StableHLO's generic form uses.

#include "stablehlo/interpreter/attribute.h"

#include <algorithm>

namespace puna::interpreter {
namespace {

constexpr int kDepthMax = 8;
constexpr size_t kItemsMax = 1 << 16;

Result<Attribute> parse_value(TextCursor& cursor, int depth);

Result<Attribute> parse_list(TextCursor& cursor, std::string_view end, int depth) {
  Attribute list;
  list.kind = Attribute::Kind::kList;
  if (cursor.take(end)) return list;
  do {
    if (list.items.size() == kItemsMax) return cursor.wrong("a list is too long");
    ASSIGN_OR_RETURN(Attribute item, parse_value(cursor, depth + 1));
    list.items.push_back(std::move(item));
  } while (cursor.take(","));
  RETURN_IF_ERROR(cursor.expect(end));
  return list;
}

Result<Attribute> parse_number(TextCursor& cursor) {
  ASSIGN_OR_RETURN(const TextCursor::Number number, cursor.number());
  Attribute attribute;
  attribute.real = number.value;
  attribute.kind = number.is_integer ? Attribute::Kind::kInteger : Attribute::Kind::kReal;
  if (number.is_integer) {
    if (number.value < -9e15 || number.value > 9e15) return cursor.wrong("an integer is too large");
    attribute.integer = static_cast<int64_t>(number.value);
  }
  if (cursor.take(":") && !cursor.take("i64") && !cursor.take("i32") && !cursor.take("f32")) {
    return cursor.wrong("i64, i32 or f32 is expected");
  }
  return attribute;
}

// Numbers of nested lists of one shape, row by row.
Status flatten(const Attribute& value, size_t level, Attribute& dense, TextCursor& cursor) {
  if (value.kind != Attribute::Kind::kList) {
    if (level != dense.dense_shape.size()) return cursor.wrong("a dense value is uneven");
    dense.items.push_back(value);
    return {};
  }
  const auto size = static_cast<int64_t>(value.items.size());
  if (level == dense.dense_shape.size() && dense.items.empty()) dense.dense_shape.push_back(size);
  if (level >= dense.dense_shape.size() || dense.dense_shape[level] != size) {
    return cursor.wrong("a dense value is uneven");
  }
  for (const Attribute& item : value.items) {
    RETURN_IF_ERROR(flatten(item, level + 1, dense, cursor));
  }
  return {};
}

// After "dense<".
Result<Attribute> parse_dense(TextCursor& cursor, int depth) {
  ASSIGN_OR_RETURN(const Attribute value, parse_value(cursor, depth + 1));
  RETURN_IF_ERROR(cursor.expect(">"));
  RETURN_IF_ERROR(cursor.expect(":"));
  Attribute dense;
  dense.kind = Attribute::Kind::kDense;
  RETURN_IF_ERROR(flatten(value, 0, dense, cursor));
  RETURN_IF_ERROR(cursor.expect("tensor<"));
  ASSIGN_OR_RETURN(const Dimensions shape, cursor.dimensions());
  if (!dense.dense_shape.empty() && shape != dense.dense_shape) {
    return cursor.wrong("a dense value misses its type");
  }
  dense.dense_shape = shape;
  // i64 is a type of attributes only: no value of a program has it.
  if (cursor.take("i64>")) return dense;
  ASSIGN_OR_RETURN(const Element element, cursor.element());
  RETURN_IF_ERROR(cursor.expect(">"));
  dense.type = Type{element, shape};
  return dense;
}

// After "#".
Result<Attribute> parse_dialect(TextCursor& cursor, int depth) {
  ASSIGN_OR_RETURN(const std::string name, cursor.word());
  Attribute attribute;
  if (name.rfind("sdy", 0) == 0) {
    attribute.kind = Attribute::Kind::kSdy;
    ASSIGN_OR_RETURN(attribute.text, cursor.bracketed());
    return attribute;
  }
  if (name == "stablehlo") {
    attribute.kind = Attribute::Kind::kWord;
    ASSIGN_OR_RETURN(attribute.text, cursor.bracketed());
    return attribute;
  }
  attribute.kind = Attribute::Kind::kFields;
  attribute.text = name;
  RETURN_IF_ERROR(cursor.expect("<"));
  if (cursor.take(">")) return attribute;
  do {
    ASSIGN_OR_RETURN(std::string field, cursor.word());
    RETURN_IF_ERROR(cursor.expect("="));
    ASSIGN_OR_RETURN(Attribute value, parse_value(cursor, depth + 1));
    if (attribute.items.size() == kItemsMax) return cursor.wrong("an attribute is too long");
    attribute.names.push_back(std::move(field));
    attribute.items.push_back(std::move(value));
  } while (cursor.take(","));
  RETURN_IF_ERROR(cursor.expect(">"));
  return attribute;
}

Result<Attribute> parse_value(TextCursor& cursor, int depth) {
  if (depth > kDepthMax) return cursor.wrong("attributes are nested too deeply");
  Attribute attribute;
  if (cursor.peek() == '"') {
    attribute.kind = Attribute::Kind::kText;
    ASSIGN_OR_RETURN(attribute.text, cursor.quoted());
    return attribute;
  }
  const bool is_true = cursor.take("true");
  if (is_true || cursor.take("false")) {
    attribute.kind = Attribute::Kind::kBoolean;
    attribute.integer = is_true ? 1 : 0;
    return attribute;
  }
  if (cursor.take("array<i64:")) return parse_list(cursor, ">", depth);
  if (cursor.take("array<i64>")) {
    attribute.kind = Attribute::Kind::kList;
    return attribute;
  }
  if (cursor.take("dense<")) return parse_dense(cursor, depth);
  if (cursor.take("[")) return parse_list(cursor, "]", depth);
  if (cursor.take("#")) return parse_dialect(cursor, depth);
  return parse_number(cursor);
}

}  // namespace

Status Attributes::add(std::string name, Attribute attribute) {
  for (const auto& [known, value] : entries_) {
    if (known == name) return invalid_argument("attribute {} is there twice", name);
  }
  if (entries_.size() == kItemsMax) return invalid_argument("there are too many attributes");
  entries_.emplace_back(std::move(name), std::move(attribute));
  return {};
}

std::optional<Attribute> Attributes::take(std::string_view name) {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  if (found == entries_.end()) return std::nullopt;
  Attribute attribute = std::move(found->second);
  entries_.erase(found);
  return attribute;
}

Result<Attribute> Attributes::take(std::string_view name, Attribute::Kind kind) {
  std::optional<Attribute> attribute = take(name);
  if (!attribute) return invalid_argument("attribute {} is missing", name);
  if (attribute->kind != kind) return invalid_argument("attribute {} is of another kind", name);
  return *std::move(attribute);
}

Result<int64_t> Attributes::take_integer(std::string_view name) {
  ASSIGN_OR_RETURN(const Attribute attribute, take(name, Attribute::Kind::kInteger));
  return attribute.integer;
}

Result<Dimensions> Attributes::take_integers(std::string_view name) {
  ASSIGN_OR_RETURN(const Attribute list, take(name, Attribute::Kind::kList));
  Dimensions numbers;
  for (const Attribute& item : list.items) {
    if (item.kind != Attribute::Kind::kInteger) {
      return invalid_argument("attribute {} has more than integers", name);
    }
    numbers.push_back(item.integer);
  }
  return numbers;
}

Result<Dimensions> Attributes::take_integers_or_none(std::string_view name) {
  for (const auto& [known, value] : entries_) {
    if (known == name) return take_integers(name);
  }
  return Dimensions();
}

Result<Attributes> Attributes::take_fields(std::string_view name, std::string_view type) {
  ASSIGN_OR_RETURN(Attribute attribute, take(name, Attribute::Kind::kFields));
  if (attribute.text != type) {
    return invalid_argument("attribute {} is a {}, not a {}", name, attribute.text, type);
  }
  Attributes fields;
  for (size_t i = 0; i < attribute.items.size(); ++i) {
    RETURN_IF_ERROR(fields.add(std::move(attribute.names[i]), std::move(attribute.items[i])));
  }
  return fields;
}

Status Attributes::all_taken() const {
  if (entries_.empty()) return {};
  return invalid_argument("attribute {} is not known here", entries_.front().first);
}

Result<Attributes> parse_attributes(TextCursor& cursor, std::string_view end) {
  Attributes attributes;
  if (cursor.take(end)) return attributes;
  do {
    ASSIGN_OR_RETURN(std::string name, cursor.word());
    Attribute value;
    if (cursor.take("=")) {
      ASSIGN_OR_RETURN(value, parse_value(cursor, 0));
    }
    RETURN_IF_ERROR(attributes.add(std::move(name), std::move(value)));
  } while (cursor.take(","));
  RETURN_IF_ERROR(cursor.expect(end));
  return attributes;
}

}  // namespace puna::interpreter
