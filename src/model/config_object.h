// ConfigObject: typed fields of one JSON object from a model's folder; every error names file and
// key.
//
// A field that is absent or null reads as an empty optional. The Json must outlive the
// ConfigObject.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace puna {

inline constexpr size_t kConfigFileBytesMax = 16u << 20;

class ConfigObject {
 public:
  // `origin` is the file; `prefix` stands before keys in messages ("rope_scaling." or empty).
  ConfigObject(const Json& object, std::string origin, std::string prefix = "");

  const std::string& origin() const { return origin_; }
  // nullptr when absent or null.
  const Json* find(std::string_view key) const;

  Result<std::optional<int64_t>> get_integer(std::string_view key, int64_t minimum,
                                             int64_t maximum) const;
  Result<std::optional<double>> get_number(std::string_view key) const;  // finite
  Result<std::optional<bool>> get_bool(std::string_view key) const;
  Result<std::optional<std::string>> get_string(std::string_view key) const;
  Result<std::optional<std::vector<std::string>>> get_strings(std::string_view key) const;
  Result<std::optional<ConfigObject>> get_object(std::string_view key) const;

  // kInvalidArgument "origin: key is VALUE, expected WANTED".
  Status refuse(std::string_view key, std::string_view wanted) const;
  Status missing(std::string_view key) const;

 private:
  const Json* object_;
  std::string origin_;
  std::string prefix_;
};

// Parses `text` as a JSON object; a byte order mark, another type or a parse error is refused.
Result<Json> parse_config_object(std::string_view text, std::string_view origin);
// The same from a file of at most kConfigFileBytesMax bytes.
Result<Json> read_config_object(const std::filesystem::path& path);

}  // namespace puna
