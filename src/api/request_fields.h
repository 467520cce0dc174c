// Fields of a JSON request, read with a message that names the field when a type is wrong.
//
// A field that is absent or null leaves its target as it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace puna {

class RequestFields {
 public:
  explicit RequestFields(const Json& object) : object_(object) {}

  // nullptr when absent or null.
  const Json* find(const char* name) const;

  Status read(const char* name, bool& target) const;
  Status read(const char* name, int& target) const;
  Status read(const char* name, double& target) const;
  Status read(const char* name, std::string& target) const;
  Status read(const char* name, std::vector<int32_t>& target) const;
  // A string or a list of strings.
  Status read_strings(const char* name, std::vector<std::string>& target) const;
  // Any 64-bit integer, negative ones too.
  Status read_seed(const char* name, std::optional<uint64_t>& target) const;

 private:
  const Json& object_;
};

// "a string", "a list": what a message calls a JSON value.
std::string_view type_of(const Json& value);

}  // namespace puna
