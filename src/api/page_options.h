// PageOptions: what GET /page-config.json tells the chat page, and the files that say it. Plain
// data.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace puna {

// For visitors of one language; what is empty is the same for all.
struct PageTexts {
  std::string language;  // a BCP 47 tag: "zh-CN"
  std::string title;
  std::string greeting;
  std::vector<std::string> examples;
};

struct PageOptions {
  std::string title;  // empty: "Puna"
  std::vector<std::string> examples;
  std::vector<PageTexts> texts;
  std::string system_prompt;  // what a new chat starts with, and /infer answers with
};

// A JSON list of texts; `origin` names it in errors.
Result<std::vector<std::string>> parse_examples(std::string_view json_text,
                                                std::string_view origin);

// {"zh-CN": {"title": "…", "greeting": "…", "examples": ["…"]}, …}, every field optional. Other
// fields and what is no language tag are refused by name.
Result<std::vector<PageTexts>> parse_page_texts(std::string_view json_text,
                                                std::string_view origin);

}  // namespace puna
