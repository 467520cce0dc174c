// escape_html: text as HTML shows it, also within quotes. Pure.
#pragma once

#include <string>
#include <string_view>

namespace puna {

inline std::string escape_html(std::string_view text) {
  std::string html;
  for (const char letter : text) {
    switch (letter) {
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '&':
        html += "&amp;";
        break;
      case '"':
        html += "&quot;";
        break;
      default:
        html += letter;
    }
  }
  return html;
}

}  // namespace puna
