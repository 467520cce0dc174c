// How weights, K and V are held, by name.
#pragma once

#include <optional>
#include <string_view>

namespace puna {

enum class WeightFormat { kF32, kBf16, kInt8, kInt4 };

// What K and V are held as. int8 has one scale per position and KV head.
enum class KvCacheType { kF32, kBf16, kInt8 };

std::string_view describe(WeightFormat format);
// Whether its weights share scales in groups.
bool has_groups(WeightFormat format);
std::optional<WeightFormat> parse_weight_format(
    std::string_view name);  // "f32", "bf16", "int8", "int4"

std::string_view describe(KvCacheType type);
std::optional<KvCacheType> parse_kv_cache_type(std::string_view name);  // "f32", "bf16", "int8"

}  // namespace puna
