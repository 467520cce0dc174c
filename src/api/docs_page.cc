// Tables of routes and fields as HTML: no script, no other file, nothing from elsewhere.

#include <algorithm>

#include "api/api_description.h"
#include "api/field_policy.h"
#include "base/html.h"

namespace puna {
namespace {

constexpr std::string_view kHead = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Puna HTTP API</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid; }
code { font: .9em/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0;
  border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
</style>
</head>
<body>
<main>
)html";

std::string code(std::string_view text) {
  return fmt::format("<code>{}</code>", escape_html(text));
}

std::string row(std::initializer_list<std::string> cells) {
  return fmt::format("<tr><td>{}</td></tr>\n", fmt::join(cells, "</td><td>"));
}

std::string table(std::string_view caption, std::initializer_list<std::string_view> heads,
                  const std::string& rows) {
  return fmt::format(
      "<div class=\"wide\" role=\"region\" aria-label=\"{}\" "
      "tabindex=\"0\"><table>\n<thead><tr><th "
      "scope=\"col\">{}</th></tr></thead>\n<tbody>\n{}</tbody></table></div>\n",
      caption, fmt::join(heads, "</th><th scope=\"col\">"), rows);
}

std::string uppercase(std::string_view word) {
  std::string upper(word);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char letter) { return static_cast<char>(letter - 'a' + 'A'); });
  return upper;
}

std::string link(std::string_view schema) {
  return schema.empty() ? "" : fmt::format("<a href=\"#{0}\">{0}</a>", schema);
}

std::string routes_table() {
  std::string rows;
  for (const DescribedRoute& route : described_routes()) {
    rows += row({code(fmt::format("{} {}", uppercase(route.method), route.path)),
                 escape_html(route.summary), link(route.request), route.needs_key ? "yes" : "no"});
  }
  return table("Routes", {"route", "answers", "body", "key"}, rows);
}

std::string request_tables() {
  std::string html;
  for (const DescribedRequest& request : described_requests()) {
    std::string rows;
    for (const FieldSpec& spec : request.fields) {
      rows += row({code(spec.name) + (spec.required ? " (required)" : ""),
                   escape_html(describe(spec.type)), escape_html(spec.meaning)});
    }
    html += fmt::format("<h2 id=\"{0}\">{0}</h2>\n", request.schema) +
            table(request.schema, {"field", "type", "meaning (default)"}, rows);
  }
  return html;
}

std::string ignored_table() {
  std::string rows;
  for (const IgnoredField& one : ignored_fields())
    rows += row({code(one.name), escape_html(one.reason)});
  return table("Ignored fields", {"field", "why"}, rows);
}

std::string refused_table() {
  std::string rows;
  for (const RefusedField& one : refused_fields())
    rows += row({code(one.name), escape_html(one.advice)});
  return table("Refused fields", {"field", "it"}, rows);
}

}  // namespace

std::string docs_page(const std::string& version) {
  return fmt::format(
      "{}<h1>Puna HTTP API</h1>\n<p>Version {}. Bodies are JSON in UTF-8. Where a key is needed, "
      "send <code>Authorization: Bearer KEY</code>. Paths below <code>/v1</code> also answer "
      "without it. A field that is <code>null</code> counts as absent. For programs: <a "
      "href=\"openapi.json\">openapi.json</a>.</p>\n<h2>Routes</h2>\n{}{}"
      "<h2>Ignored fields</h2>\n<p>They cannot change an answer.</p>\n{}"
      "<h2>Refused fields</h2>\n<p>All other names are refused with 400, too. A name with * stands "
      "for all that begin so; null and values that mean \"off\" are accepted.</p>\n{}"
      "</main>\n</body>\n</html>\n",
      kHead, escape_html(version), routes_table(), request_tables(), ignored_table(),
      refused_table());
}

}  // namespace puna
