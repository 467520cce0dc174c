// Tables of request fields: one line says a field's name, what JSON it takes, what it means and
// where its value goes. The tables parse requests, and /openapi.json and /docs are made from them.
//
// A field that is null counts as absent. Messages begin with the field: "top_p must be a number,
// not a string"; a number without a fraction is an integer, however it is written.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace puna {

// A day: nobody waits longer for an answer.
inline constexpr double kTimeoutSecondsMax = 24 * 60 * 60;

enum class FieldKind {
  kBoolean,
  kInteger,
  kNumber,
  kText,
  kTexts,
  kTextOrTexts,
  kTokenIds,
  kOther
};

// What JSON a field takes. kOther: its own reader checks; `schema` says what, as JSON Schema.
struct FieldType {
  FieldKind kind = FieldKind::kOther;
  double minimum = 0, maximum = 0;  // of numbers
  bool above_minimum = false;       // the minimum itself is out of range
  std::string_view schema = {};
};

inline constexpr double kIntegerMax = std::numeric_limits<int>::max();
inline constexpr double kNumberMax = std::numeric_limits<double>::max();

namespace field {
constexpr FieldType boolean() { return {.kind = FieldKind::kBoolean}; }
constexpr FieldType integer(double minimum, double maximum = kIntegerMax) {
  return {.kind = FieldKind::kInteger, .minimum = minimum, .maximum = maximum};
}
constexpr FieldType number(double minimum, double maximum) {
  return {.kind = FieldKind::kNumber, .minimum = minimum, .maximum = maximum};
}
constexpr FieldType number_above(double minimum, double maximum = kNumberMax) {
  return {
      .kind = FieldKind::kNumber, .minimum = minimum, .maximum = maximum, .above_minimum = true};
}
constexpr FieldType text() { return {.kind = FieldKind::kText}; }
constexpr FieldType texts() { return {.kind = FieldKind::kTexts}; }
constexpr FieldType text_or_texts() { return {.kind = FieldKind::kTextOrTexts}; }
constexpr FieldType token_ids() { return {.kind = FieldKind::kTokenIds}; }
constexpr FieldType seconds() { return number_above(0, kTimeoutSecondsMax); }
constexpr FieldType other(std::string_view schema) { return {.schema = schema}; }
}  // namespace field

struct FieldSpec {
  std::string_view name;
  FieldType type;
  std::string_view meaning;  // one line, with the default
  bool required = false;
};

// `store` gets a value that fits the type; it reports what is wrong beyond it.
template <typename Target>
struct Field {
  FieldSpec spec;
  Status (*store)(const Json& value, Target& target);
};

// The whole tables, in the order of the documents.
using FieldSpecs = std::vector<FieldSpec>;
template <typename Target>
FieldSpecs specs_of(std::span<const Field<Target>> fields) {
  FieldSpecs specs;
  for (const Field<Target>& one : fields) specs.push_back(one.spec);
  return specs;
}

template <typename Target>
std::vector<std::string_view> names_of(std::span<const Field<Target>> fields) {
  std::vector<std::string_view> names;
  for (const Field<Target>& one : fields) names.push_back(one.spec.name);
  return names;
}

// Whether `value` fits `type`; kInvalidArgument names the field `name`.
Status check_field(std::string_view name, const FieldType& type, const Json& value);

// The member `name` of an object; nullptr when absent or null.
const Json* find_field(const Json& object, std::string_view name);

// Reads the fields of `object` that the table has, in the table's order; other names are not looked
// at (field_policy.h). `path` stands before the names in errors: "stream_options.".
template <typename Target>
Status read_fields(const Json& object, std::span<const Field<Target>> fields, Target& target,
                   std::string_view path = {}) {
  for (const Field<Target>& one : fields) {
    const Json* value = find_field(object, one.spec.name);
    if (value == nullptr) continue;
    const std::string name = std::string(path) + std::string(one.spec.name);
    RETURN_IF_ERROR(check_field(name, one.spec.type, *value));
    RETURN_IF_ERROR(one.store(*value, target).about(name));
  }
  return {};
}

// Stores a value in a member of the target as it is: kStoreIn<&SamplingParams::top_k>.
template <typename Value>
void store_value(const Json& value, Value& member) {
  member = value.get<Value>();
}
template <typename Value>
void store_value(const Json& value, std::optional<Value>& member) {
  member = value.get<Value>();
}
template <auto Member>
struct MemberOf;
template <typename Target, typename Value, Value Target::* Member>
struct MemberOf<Member> {
  static Status store(const Json& value, Target& target) {
    store_value(value, target.*Member);
    return {};
  }
};
template <auto Member>
inline constexpr auto kStoreIn = &MemberOf<Member>::store;

// A text, or a list of texts.
std::vector<std::string> texts_of(const Json& value);
// What an integer's JSON says, which may be written as 16.0; nothing when it is none or too large.
std::optional<int64_t> integer_of(const Json& value);

// Any integer of 64 bits, with or without a sign; -1 asks for a drawn one (nothing), as in vLLM and
// llama.cpp.
Status read_seed(const Json& value, std::optional<uint64_t>& seed);
inline constexpr std::string_view kSeedSchema =
    R"({"type": "integer", "minimum": -9223372036854775808, "maximum": 18446744073709551615})";

// Type and range as JSON Schema, and in words: "integer, 1 to 128".
OrderedJson schema_of(const FieldType& type);
std::string describe(const FieldType& type);

// "a string", "a list": what a message calls a JSON value.
std::string_view type_of(const Json& value);

}  // namespace puna
