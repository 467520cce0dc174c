// JSON from outside, parsed with limits: bounded nesting, valid UTF-8, no duplicate keys, no
// exceptions.
//
// nlohmann-json is reached through this file; include it only where JSON is read or written.
#pragma once

#include <cstddef>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/status.h"

namespace puna {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;  // for writing, in the order fields were set

inline constexpr size_t kJsonDepthMax = 32;

struct JsonLimits {
  size_t depth_max = kJsonDepthMax;
  // Of all arrays and objects together. A text of "{}," takes 27 times its own bytes as a document.
  size_t values_max = std::numeric_limits<size_t>::max();
};

// A parsed document, or kInvalidArgument with the reason and the byte offset. Never throws.
// A duplicate key in one object is an error: two parsers would disagree on its value.
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

// The same with the fields of objects in the order of the text, where the order says something.
Result<OrderedJson> parse_ordered_json(std::string_view text, const JsonLimits& limits = {});

// Text of a document; ill-formed UTF-8 inside strings becomes U+FFFD instead of an exception.
std::string dump_json(const Json& document);
std::string dump_json(const OrderedJson& document);

}  // namespace puna
