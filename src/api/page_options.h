// PageOptions: what GET /page-config.json tells the chat page. Plain data.
#pragma once

#include <string>
#include <vector>

namespace puna {

struct PageOptions {
  std::string title;  // empty: "Puna"
  std::vector<std::string> examples;
  std::string system_prompt;  // what a new chat starts with, and /infer answers with
};

}  // namespace puna
