// Nothing that changes an answer is ignored: the fields of five servers, one by one.

#include "api/field_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "api/openai_fields.h"
#include "base/mapped_file.h"

namespace puna {
namespace {

using ::testing::HasSubstr;

constexpr const char* kPeers = "tests/http/peer_request_fields.json";

Json peer_fields() {
  const auto text = read_file(kPeers, 1 << 20);
  EXPECT_TRUE(text.ok()) << text.status().message();
  return text.ok() ? parse_json(*text).value() : Json::object();
}

bool matches(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return pattern == name;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}
template <typename Rule>
bool has_rule(std::span<const Rule> rules, const std::string& name) {
  return std::any_of(rules.begin(), rules.end(),
                     [&](const Rule& rule) { return matches(rule.name, name); });
}

std::vector<std::string_view> known_of(const std::string& list) {
  return list.ends_with("chat") ? names_of(chat_fields()) : names_of(completion_fields());
}

TEST(FieldPolicy, EveryFieldOfOtherServersIsObeyedRefusedOrListed) {
  const Json fields = peer_fields();
  for (const auto& [list, names] : fields.items()) {
    if (!names.is_array()) continue;
    const std::vector<std::string_view> known = known_of(list);
    for (const std::string name : names) {
      const bool obeyed = std::find(known.begin(), known.end(), name) != known.end();
      EXPECT_TRUE(obeyed || has_rule(ignored_fields(), name) || has_rule(refused_fields(), name))
          << list << ": " << name;
    }
  }
}

TEST(FieldPolicy, WhatIsNotObeyedAndNotListedIsRefusedByName) {
  // A value that no field takes for "off".
  const Json wish = {{"a wish", true}};
  const Json fields = peer_fields();
  for (const auto& [list, names] : fields.items()) {
    if (!names.is_array()) continue;
    const std::vector<std::string_view> known = known_of(list);
    for (const std::string name : names) {
      const bool accepted = std::find(known.begin(), known.end(), name) != known.end() ||
                            has_rule(ignored_fields(), name);
      const Status status = refuse_other_fields(Json{{name, wish}}, known);
      EXPECT_EQ(status.ok(), accepted) << list << ": " << name;
      EXPECT_TRUE(status.ok() || status.message().starts_with(name + " ")) << status.message();
    }
  }
}

TEST(FieldPolicy, ANeutralValueIsNoWish) {
  const std::vector<std::string_view> known = names_of(chat_fields());
  for (const RefusedField& rule : refused_fields()) {
    const auto neutral = parse_json(rule.neutral);
    ASSERT_TRUE(neutral.ok()) << rule.name << ": " << neutral.status().message();
    std::string name(rule.name);
    if (name.ends_with('*')) name.back() = 'x';
    EXPECT_TRUE(refuse_other_fields(Json{{name, nullptr}}, known).ok()) << name;
    for (const Json& value : *neutral) {
      EXPECT_TRUE(refuse_other_fields(Json{{name, value}}, known).ok()) << name << value;
    }
  }
}

TEST(FieldPolicy, ANameNobodyKnowsIsRefusedWithTheNearest) {
  const std::vector<std::string_view> known = names_of(chat_fields());
  const Status status = refuse_other_fields(Json{{"temprature", 0}}, known);
  EXPECT_THAT(status.message(), HasSubstr("did you mean temperature?"));
  EXPECT_FALSE(refuse_other_fields(Json{{"never_heard_of", 1}}, known).ok());
  EXPECT_TRUE(refuse_other_fields(Json{{"never_heard_of", nullptr}}, known).ok());
}

TEST(FieldPolicy, NamesToComeAreRefusedByWhatTheyBeginWith) {
  for (const char* name : {"guided_anything", "dry_new", "mirostat_3", "return_more", "xtc_x"}) {
    EXPECT_THAT(refuse_other_fields(Json{{name, 5}}, {}).message(), HasSubstr("not supported"));
  }
}

TEST(FieldTables, EveryFieldHasAMeaningAndASchema) {
  for (const FieldSpecs& specs : {specs_of(chat_fields()), specs_of(completion_fields())}) {
    for (const FieldSpec& spec : specs) {
      EXPECT_FALSE(spec.meaning.empty()) << spec.name;
      EXPECT_TRUE(schema_of(spec.type).is_object()) << spec.name;
      EXPECT_FALSE(describe(spec.type).empty()) << spec.name;
    }
  }
}

}  // namespace
}  // namespace puna
