// Small files that people write by hand: an error names the language and the field.

#include "api/page_options.h"

#include <algorithm>

#include "base/json.h"

namespace puna {
namespace {

bool is_list_of_texts(const Json& json) {
  return json.is_array() &&
         std::all_of(json.begin(), json.end(), [](const Json& one) { return one.is_string(); });
}

// "en", "zh-CN", "zh-Hant-TW": subtags of one to eight letters and digits, letters first.
bool is_language_tag(std::string_view tag) {
  size_t length = 0;
  bool first = true;
  for (const char letter : tag) {
    if (letter == '-') {
      if (length == 0) return false;
      length = 0;
      first = false;
      continue;
    }
    const bool is_letter = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
    const bool is_digit = letter >= '0' && letter <= '9';
    if (!is_letter && (first || !is_digit)) return false;
    if (++length > 8) return false;
  }
  return length > 0;
}

Result<PageTexts> parse_texts_of(const std::string& language, const Json& json,
                                 std::string_view origin) {
  if (!is_language_tag(language)) {
    return invalid_argument("{}: {} is not a language tag such as en or zh-CN", origin, language);
  }
  if (!json.is_object()) {
    return invalid_argument("{}: {} must be an object with title, greeting and examples", origin,
                            language);
  }
  PageTexts texts{.language = language, .title = {}, .greeting = {}, .examples = {}};
  for (const auto& [name, value] : json.items()) {
    if (name == "title" && value.is_string()) {
      texts.title = value.get<std::string>();
    } else if (name == "greeting" && value.is_string()) {
      texts.greeting = value.get<std::string>();
    } else if (name == "examples" && is_list_of_texts(value)) {
      texts.examples = value.get<std::vector<std::string>>();
    } else {
      return invalid_argument(
          "{}: {}.{} is not one of title (a text), greeting (a text), examples (a list of texts)",
          origin, language, name);
    }
  }
  return texts;
}

}  // namespace

Result<std::vector<std::string>> parse_examples(std::string_view json_text,
                                                std::string_view origin) {
  const auto json = parse_json(json_text);
  if (!json.ok() || !is_list_of_texts(*json)) {
    return invalid_argument("{}: not a JSON list of texts", origin);
  }
  return json->get<std::vector<std::string>>();
}

Result<std::vector<PageTexts>> parse_page_texts(std::string_view json_text,
                                                std::string_view origin) {
  const auto json = parse_json(json_text);
  if (!json.ok()) return json.status().with_context(origin);
  if (!json->is_object()) {
    return invalid_argument("{}: not a JSON object of languages, as {{\"zh-CN\": {{…}}}}", origin);
  }
  std::vector<PageTexts> texts;
  for (const auto& [language, value] : json->items()) {
    ASSIGN_OR_RETURN(texts.emplace_back(), parse_texts_of(language, value, origin));
  }
  return texts;
}

}  // namespace puna
