// One file that needs no other: style, tables and charts; no script, nothing from elsewhere.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/html.h"
#include "load/line_chart.h"
#include "load/load_report.h"

namespace puna {
namespace {

constexpr const char* kHead = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{}</title>
<style>
:root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif;
  --faint: color-mix(in srgb, currentColor 18%, transparent);
  --c0: #0b62b8; --c1: #b8420b; --c2: #3d7a1d; --text: #1c1e21; --ground: #fff; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --c0: #6cb8ff; --c1: #ffa366; --c2: #97d774; --text: #e6e7e9; --ground: #16181b; }}
}}
body {{ max-width: 76rem; margin: 0 auto; padding: 1rem; color: var(--text); background: var(--ground); }}
h1 {{ font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.15rem; margin: 2rem 0 .5rem; }}
header p {{ margin: .2rem 0; overflow-wrap: anywhere; }}
.tiles {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); gap: .75rem; padding: 0;
  margin: 1.5rem 0; list-style: none; }}
.tiles li {{ border: 1px solid var(--faint); border-radius: .5rem; padding: .6rem .8rem; }}
.tiles b {{ display: block; font-size: 1.5rem; line-height: 1.2; font-variant-numeric: tabular-nums; }}
.warning {{ border-left: .25rem solid var(--c1); padding: .3rem .8rem; margin: .5rem 0; }}
.charts {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.5rem 2rem; }}
.chart {{ margin: 0; min-width: 0; }}
figcaption {{ font-weight: 600; }}
figcaption small {{ font-weight: 400; }}
.legend {{ display: flex; flex-wrap: wrap; gap: 0 1rem; margin: .2rem 0 .5rem; padding: 0; list-style: none; font-size: .85rem; }}
.key {{ width: 24px; height: 12px; margin-right: .4rem; }}
.plot {{ position: relative; height: 12rem; margin: .5rem .75rem 1.8rem 3rem; }}
.plot svg {{ position: absolute; width: 100%; height: 100%; overflow: visible; }}
.plot span {{ position: absolute; font-size: .75rem; line-height: 1; font-variant-numeric: tabular-nums; white-space: nowrap; }}
.y {{ right: 100%; margin-right: .4rem; transform: translateY(50%); }}
.x {{ top: 100%; margin-top: .4rem; transform: translateX(-50%); }}
.line {{ fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; vector-effect: non-scaling-stroke; }}
.l0 {{ stroke: var(--c0); }}
.l1 {{ stroke: var(--c1); stroke-dasharray: 6 4; }}
.l2 {{ stroke: var(--c2); stroke-dasharray: 1 4; }}
.grid {{ stroke: var(--faint); vector-effect: non-scaling-stroke; }}
.columns rect {{ fill: transparent; }}
.columns rect:hover {{ fill: var(--faint); }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--faint); text-align: right; }}
th:first-child, td:first-child, .text {{ text-align: left; }}
</style>
</head>
<body>
)html";

std::string tile(const std::string& value, std::string_view name) {
  return fmt::format("<li><b>{}</b>{}</li>\n", escape_html(value), escape_html(name));
}

std::string tiles_of(const LoadReport& report) {
  const LoadStatistics& statistics = report.statistics;
  const auto rate = [&](int64_t count) {
    return number_text(report.per_second(static_cast<double>(count)));
  };
  std::string tiles =
      tile(rate(statistics.answered), "requests/s") +
      tile(rate(statistics.output_tokens), "output tokens/s") +
      tile(milliseconds_text(statistics.ttft.quantile(0.95)) + " ms", "time to first token, p95") +
      tile(milliseconds_text(statistics.e2el.quantile(0.95)) + " ms", "end to end, p95") +
      tile(std::to_string(statistics.answered), "answered") +
      tile(std::to_string(statistics.failed), "failed");
  if (report.settings.goodput.any()) {
    tiles += tile(fmt::format("{:.1f} %", 100 * report.goodput_share()),
                  "goodput: " + report.settings.goodput.describe());
  }
  if (statistics.prompt_tokens > 0) {
    tiles += tile(fmt::format("{:.1f} %", 100 * report.cached_share()), "of prompt tokens cached");
  }
  return fmt::format("<ul class=\"tiles\">\n{}</ul>\n", tiles);
}

using WindowValue = std::optional<double> (*)(const LoadWindow& window, double width);

std::optional<double> quantile_ms(const Histogram& histogram, double share) {
  if (histogram.count() == 0) return std::nullopt;
  return histogram.quantile(share) * 1000;
}

// A chart over the time of the run. The last window is a point of its own when half of it ran.
LineChart over_time(const LoadReport& report, std::string title, std::string unit,
                    std::vector<std::pair<std::string, WindowValue>> lines) {
  const LoadTimeline& timeline = report.statistics.timeline;
  LineChart chart;
  chart.title = std::move(title);
  chart.unit = std::move(unit);
  chart.x_max = std::max(report.seconds, timeline.width());
  for (const double tick : axis_ticks(chart.x_max)) {
    if (tick <= chart.x_max) chart.x_labels.emplace_back(tick, fmt::format("{:g} s", tick));
  }
  for (auto& [name, value] : lines) chart.lines.push_back({std::move(name), {}});
  for (size_t i = 0; i < timeline.windows().size(); ++i) {
    const double begin = timeline.width() * static_cast<double>(i);
    const double width = std::min(timeline.width(), report.seconds - begin);
    if (i > 0 && width < timeline.width() / 2) break;
    chart.x.push_back(begin + width / 2);
    chart.x_names.push_back(fmt::format("at {:.4g} s", begin + width / 2));
    for (size_t j = 0; j < lines.size(); ++j) {
      chart.lines[j].values.push_back(lines[j].second(timeline.windows()[i], width));
    }
  }
  return chart;
}

// Where the slow ones are: evenly spaced, so that the last hundredth has room.
LineChart by_percentile(const LoadStatistics& statistics) {
  constexpr std::array<std::pair<double, const char*>, 8> kShares = {{{0.1, "p10"},
                                                                      {0.25, "p25"},
                                                                      {0.5, "p50"},
                                                                      {0.75, "p75"},
                                                                      {0.9, "p90"},
                                                                      {0.95, "p95"},
                                                                      {0.99, "p99"},
                                                                      {0.999, "p99.9"}}};
  LineChart chart{.title = "Latency by percentile",
                  .unit = "ms",
                  .x = {},
                  .x_max = kShares.size() - 1,
                  .x_labels = {},
                  .x_names = {},
                  .lines = {{"first token", {}}, {"end to end", {}}}};
  for (size_t i = 0; i < kShares.size(); ++i) {
    const auto& [share, name] = kShares[i];
    chart.x.push_back(static_cast<double>(i));
    chart.x_labels.emplace_back(static_cast<double>(i), name);
    chart.x_names.emplace_back(name);
    chart.lines[0].values.push_back(quantile_ms(statistics.ttft, share));
    chart.lines[1].values.push_back(quantile_ms(statistics.e2el, share));
  }
  return chart;
}

std::optional<double> rate_of(double count, double width) {
  return width > 0 ? std::optional(count / width) : std::nullopt;
}

std::string charts_of(const LoadReport& report) {
  const auto chart = [&](const char* title, const char* unit, const auto&... lines) {
    return chart_html(over_time(report, title, unit, {lines...}));
  };
  using Line = std::pair<std::string, WindowValue>;
  std::string html =
      chart("Time to first token", "ms",
            Line("p50", [](const LoadWindow& w, double) { return quantile_ms(w.ttft, 0.5); }),
            Line("p95", [](const LoadWindow& w, double) { return quantile_ms(w.ttft, 0.95); }));
  html += chart("End to end", "ms",
                Line("p50", [](const LoadWindow& w, double) { return quantile_ms(w.e2el, 0.5); }),
                Line("p95", [](const LoadWindow& w, double) { return quantile_ms(w.e2el, 0.95); }));
  html +=
      chart("Throughput", "output tokens/s", Line("tokens", [](const LoadWindow& w, double width) {
              return rate_of(static_cast<double>(w.tokens), width);
            }));
  html += chart("Requests", "a second",
                Line("answered",
                     [](const LoadWindow& w, double width) {
                       return rate_of(static_cast<double>(w.answered), width);
                     }),
                Line("failed", [](const LoadWindow& w, double width) {
                  return rate_of(static_cast<double>(w.failed), width);
                }));
  html += chart("Concurrency", "requests in flight",
                Line("in flight", [](const LoadWindow& w, double width) {
                  return rate_of(w.in_flight_seconds, width);
                }));
  return fmt::format("<div class=\"charts\">\n{}{}</div>\n", html,
                     chart_html(by_percentile(report.statistics)));
}

std::string latency_table(const LoadStatistics& statistics) {
  std::string rows;
  for (const LatencyRow& row : latency_rows(statistics)) {
    rows += fmt::format("<tr><th scope=\"row\">{}</th>", escape_html(row.name));
    const Histogram& histogram = row.histogram;
    for (const double value : {histogram.mean(), histogram.quantile(0.5), histogram.quantile(0.95),
                               histogram.quantile(0.99), histogram.max()}) {
      rows += fmt::format("<td>{}</td>", histogram.count() == 0 ? "–" : milliseconds_text(value));
    }
    rows += "</tr>\n";
  }
  return fmt::format(
      "<h2>Latencies in milliseconds</h2>\n<div class=\"wide\" role=\"region\" "
      "aria-label=\"Latencies\" tabindex=\"0\"><table><thead><tr><td></td><th "
      "scope=\"col\">mean</th><th scope=\"col\">p50</th><th scope=\"col\">p95</th><th "
      "scope=\"col\">p99</th><th scope=\"col\">max</th></tr></thead>\n"
      "<tbody>{}</tbody></table></div>\n<p>Latencies count from the moment when a request was "
      "meant to be sent. Percentiles are within {:.1g} % of the exact ones.</p>\n",
      rows, 100 * statistics.e2el.relative_error());
}

std::string failure_table(const LoadStatistics& statistics) {
  if (statistics.failures.empty()) return "";
  std::string rows;
  for (const auto& [kind, failure] : statistics.failures) {
    rows += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"text\">{}</td></tr>\n",
                        escape_html(kind), failure.count, escape_html(failure.example));
  }
  return fmt::format(
      "<h2>Failed requests</h2>\n<div class=\"wide\" role=\"region\" aria-label=\"Failed "
      "requests\" tabindex=\"0\"><table><thead><tr><th scope=\"col\">Why</th>"
      "<th scope=\"col\">Requests</th><th scope=\"col\" class=\"text\">The first said</th></tr>"
      "</thead>\n<tbody>{}</tbody></table></div>\n",
      rows);
}

}  // namespace

std::string load_html(const LoadReport& report) {
  const std::string title = escape_html(fmt::format("{} under load", report.settings.model));
  std::string html = fmt::format(kHead, title);
  html += fmt::format(
      "<header><h1>{}</h1>\n<p>{}: {}, {}, seed {}</p>\n<p>{}, {} seconds{}</p></header>\n<main>\n",
      title, escape_html(report.settings.url), escape_html(report.load),
      escape_html(report.scenario), report.settings.seed, escape_html(report.began),
      number_text(report.seconds), report.was_interrupted ? ", stopped by hand" : "");
  for (const std::string& warning : load_warnings(report)) {
    html += fmt::format("<p class=\"warning\">{}</p>\n", escape_html(warning));
  }
  html += tiles_of(report) + charts_of(report) + latency_table(report.statistics) +
          failure_table(report.statistics);
  return html + "</main>\n</body>\n</html>\n";
}

}  // namespace puna
