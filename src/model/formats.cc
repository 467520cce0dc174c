// Each name in one place.

#include "model/formats.h"

#include "base/check.h"

namespace puna {

std::string_view describe(WeightFormat format) {
  switch (format) {
    case WeightFormat::kF32:
      return "f32";
    case WeightFormat::kBf16:
      return "bf16";
    case WeightFormat::kInt8:
      return "int8";
    case WeightFormat::kInt4:
      return "int4";
  }
  check_failed(__FILE__, __LINE__, "format", "a WeightFormat that does not exist");
}

bool has_groups(WeightFormat format) {
  return format == WeightFormat::kInt8 || format == WeightFormat::kInt4;
}

std::optional<WeightFormat> parse_weight_format(std::string_view name) {
  for (const auto format :
       {WeightFormat::kF32, WeightFormat::kBf16, WeightFormat::kInt8, WeightFormat::kInt4}) {
    if (describe(format) == name) return format;
  }
  return std::nullopt;
}

std::string_view describe(KvCacheType type) {
  switch (type) {
    case KvCacheType::kF32:
      return "f32";
    case KvCacheType::kBf16:
      return "bf16";
    case KvCacheType::kInt8:
      return "int8";
  }
  check_failed(__FILE__, __LINE__, "type", "a KvCacheType that does not exist");
}

std::optional<KvCacheType> parse_kv_cache_type(std::string_view name) {
  for (const auto type : {KvCacheType::kF32, KvCacheType::kBf16, KvCacheType::kInt8}) {
    if (describe(type) == name) return type;
  }
  return std::nullopt;
}

}  // namespace puna
