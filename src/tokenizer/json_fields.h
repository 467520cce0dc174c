// JsonFields: an object of a tokenizer file, read field by field; a field that nobody knows is an
// error, for it might change token ids.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"

namespace puna {

class JsonFields {
 public:
  // `where` names the object in messages: "model", "pre_tokenizer.pretokenizers[1]".
  // kInvalidArgument for anything but an object.
  static Result<JsonFields> of(const Json& json, std::string where);

  const std::string& where() const { return where_; }
  // kInvalidArgument names the first field that is not one of these.
  Status allow(std::initializer_list<std::string_view> names) const;

  // Null counts as absent. Another type than the wanted one is kInvalidArgument.
  const Json* find(std::string_view name) const;
  Result<std::optional<std::string>> text(std::string_view name) const;
  Result<bool> flag(std::string_view name, bool otherwise) const;

  // "where.name", for an object below.
  std::string below(std::string_view name) const;
  Status refuse(std::string_view why) const;

 private:
  JsonFields(const Json& json, std::string where) : json_(json), where_(std::move(where)) {}
  const Json& json_;
  std::string where_;
};

}  // namespace puna
