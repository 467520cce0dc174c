// Metadata access of GgufFile; the parsing is in gguf_parser.cc.

#include "model/gguf.h"

#include <cstring>
#include <limits>
#include <type_traits>

#include "base/utf8.h"

namespace puna {
namespace {

template <typename T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

// Calls visit(value) with a number of the stored type; false when the type is not a number.
template <typename Visit>
bool visit_number(GgufType type, const std::byte* at, Visit visit) {
  switch (type) {
    case GgufType::kU8:
      visit(load<uint8_t>(at));
      return true;
    case GgufType::kI8:
      visit(load<int8_t>(at));
      return true;
    case GgufType::kU16:
      visit(load<uint16_t>(at));
      return true;
    case GgufType::kI16:
      visit(load<int16_t>(at));
      return true;
    case GgufType::kU32:
      visit(load<uint32_t>(at));
      return true;
    case GgufType::kI32:
      visit(load<int32_t>(at));
      return true;
    case GgufType::kU64:
      visit(load<uint64_t>(at));
      return true;
    case GgufType::kI64:
      visit(load<int64_t>(at));
      return true;
    case GgufType::kF32:
      visit(load<float>(at));
      return true;
    case GgufType::kF64:
      visit(load<double>(at));
      return true;
    case GgufType::kBool:
    case GgufType::kString:
    case GgufType::kArray:
      return false;
  }
  return false;
}

// Bytes of one number; the parser has checked that `bytes` is a whole number of them.
size_t stride(std::span<const std::byte> bytes, uint64_t count) {
  return count == 0 ? 0 : bytes.size() / count;
}

// The number as T; false when it is not a number of that kind or does not fit.
template <typename T>
bool read_as(GgufType type, const std::byte* at, T& out) {
  bool fits = false;
  const bool is_number = visit_number(type, at, [&](auto value) {
    using Value = decltype(value);
    if constexpr (std::is_floating_point_v<T>) {
      out = static_cast<T>(value);
      fits = true;
    } else if constexpr (std::is_integral_v<Value>) {
      fits = std::in_range<T>(value);
      if (fits) out = static_cast<T>(value);  // NOLINT(bugprone-signed-char-misuse): a number
    }
  });
  return is_number && fits;
}

}  // namespace

std::string_view describe(GgufType type) {
  switch (type) {
    case GgufType::kU8:
      return "u8";
    case GgufType::kI8:
      return "i8";
    case GgufType::kU16:
      return "u16";
    case GgufType::kI16:
      return "i16";
    case GgufType::kU32:
      return "u32";
    case GgufType::kI32:
      return "i32";
    case GgufType::kF32:
      return "f32";
    case GgufType::kBool:
      return "bool";
    case GgufType::kString:
      return "string";
    case GgufType::kArray:
      return "array";
    case GgufType::kU64:
      return "u64";
    case GgufType::kI64:
      return "i64";
    case GgufType::kF64:
      return "f64";
  }
  return "unknown";
}

std::span<const std::byte> GgufFile::bytes() const {
  return owned_.empty() ? mapped_.bytes() : std::span<const std::byte>(owned_);
}

bool GgufFile::has(std::string_view key) const { return values_.find(key) != values_.end(); }

std::vector<std::string> GgufFile::keys() const {
  std::vector<std::string> keys;
  keys.reserve(values_.size());
  for (const auto& [key, value] : values_) keys.push_back(key);
  return keys;
}

Result<const GgufFile::Value*> GgufFile::find(std::string_view key, bool is_array) const {
  const auto found = values_.find(key);
  if (found == values_.end()) {
    return error(StatusCode::kNotFound, "{}: metadata key \"{}\" is missing", origin_, key);
  }
  if (found->second.is_array != is_array) {
    return invalid_argument("{}: metadata key \"{}\" must {}be an array", origin_, key,
                            is_array ? "" : "not ");
  }
  return &found->second;
}

Status GgufFile::wrong_type(std::string_view key, const Value& value,
                            std::string_view wanted) const {
  return invalid_argument("{}: metadata key \"{}\" holds {}{}, expected {}", origin_, key,
                          value.is_array ? "an array of " : "", describe(value.type), wanted);
}

Result<std::string> GgufFile::get_string(std::string_view key) const {
  ASSIGN_OR_RETURN(const Value* value, find(key, false));
  if (value->type != GgufType::kString) return wrong_type(key, *value, "a string");
  const auto text = value->bytes.subspan(sizeof(uint64_t));
  return std::string(reinterpret_cast<const char*>(text.data()), text.size());
}

Result<bool> GgufFile::get_bool(std::string_view key) const {
  ASSIGN_OR_RETURN(const Value* value, find(key, false));
  if (value->type != GgufType::kBool) return wrong_type(key, *value, "a bool");
  return value->bytes[0] != std::byte{0};
}

Result<int64_t> GgufFile::get_integer(std::string_view key) const {
  ASSIGN_OR_RETURN(const Value* value, find(key, false));
  int64_t number = 0;
  if (!read_as(value->type, value->bytes.data(), number)) {
    return wrong_type(key, *value, "an integer that fits 64 bits with sign");
  }
  return number;
}

Result<double> GgufFile::get_float(std::string_view key) const {
  ASSIGN_OR_RETURN(const Value* value, find(key, false));
  double number = 0;
  if (!read_as(value->type, value->bytes.data(), number)) {
    return wrong_type(key, *value, "a number");
  }
  return number;
}

Result<std::vector<std::string_view>> GgufFile::get_strings(std::string_view key) const {
  ASSIGN_OR_RETURN(const Value* value, find(key, true));
  if (value->type != GgufType::kString) return wrong_type(key, *value, "an array of strings");
  std::vector<std::string_view> strings;
  strings.reserve(value->count);
  std::span<const std::byte> rest = value->bytes;
  for (uint64_t i = 0; i < value->count; ++i) {
    const auto length = static_cast<size_t>(load<uint64_t>(rest.data()));
    strings.emplace_back(reinterpret_cast<const char*>(rest.data()) + sizeof(uint64_t), length);
    rest = rest.subspan(sizeof(uint64_t) + length);
  }
  return strings;
}

template <typename T>
Result<std::vector<T>> GgufFile::get_numbers(std::string_view key, std::string_view wanted) const {
  ASSIGN_OR_RETURN(const Value* value, find(key, true));
  std::vector<T> numbers(value->type == GgufType::kString ? 0 : value->count);
  const size_t step = stride(value->bytes, value->count);
  for (size_t i = 0; i < value->count; ++i) {
    if (value->type == GgufType::kString ||
        !read_as(value->type, value->bytes.data() + i * step, numbers[i])) {
      return wrong_type(key, *value, wanted);
    }
  }
  return numbers;
}

Result<std::vector<int32_t>> GgufFile::get_integers(std::string_view key) const {
  return get_numbers<int32_t>(key, "an array of integers that fit 32 bits with sign");
}

Result<std::vector<float>> GgufFile::get_floats(std::string_view key) const {
  return get_numbers<float>(key, "an array of numbers");
}

}  // namespace puna
