// The plot is an SVG of 1000 by 1000 that is stretched; what is written stands beside it as HTML.

#include "load/line_chart.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/html.h"

namespace puna {
namespace {

constexpr double kSide = 1000;

double share_of(double value, double most) { return most > 0 ? value / most : 0; }

std::string tick_text(double value) {
  if (value >= 1e6) return fmt::format("{:g}M", value / 1e6);
  if (value >= 1e4) return fmt::format("{:g}k", value / 1e3);
  return fmt::format("{:g}", value);
}

double largest(const LineChart& chart) {
  double most = 0;
  for (const ChartLine& line : chart.lines) {
    for (const auto& value : line.values) most = std::max(most, value.value_or(0));
  }
  return most;
}

// A path that begins anew after each gap; a value alone is a dot (a line to itself, round ends).
std::string path_of(const ChartLine& line, const LineChart& chart, double y_max) {
  std::string path;
  bool is_open = false;
  for (size_t i = 0; i < line.values.size(); ++i) {
    if (!line.values[i]) {
      is_open = false;
      continue;
    }
    const double x = kSide * share_of(chart.x[i], chart.x_max);
    const double y = kSide * (1 - share_of(*line.values[i], y_max));
    path += fmt::format("{}{:.1f} {:.1f}", is_open ? "L" : "M", x, y);
    const bool is_alone = !is_open && (i + 1 == line.values.size() || !line.values[i + 1]);
    if (is_alone) path += "h0";
    is_open = true;
  }
  return path;
}

std::string value_text(double value) {
  return value >= 100 ? fmt::format("{:.0f}", value) : fmt::format("{:.3g}", value);
}

// An invisible column for each x, whose title a browser shows under the pointer.
std::string columns_of(const LineChart& chart) {
  std::string columns;
  for (size_t i = 0; i < chart.x.size(); ++i) {
    std::vector<std::string> parts;
    for (const ChartLine& line : chart.lines) {
      if (line.values[i])
        parts.push_back(fmt::format("{} {}", line.name, value_text(*line.values[i])));
    }
    if (parts.empty()) continue;
    const double left = i == 0 ? 0 : (chart.x[i - 1] + chart.x[i]) / 2;
    const double right = i + 1 == chart.x.size() ? chart.x_max : (chart.x[i] + chart.x[i + 1]) / 2;
    columns += fmt::format(
        R"(<rect x="{:.1f}" width="{:.1f}" height="1000"><title>{}: {} {}</title></rect>)",
        kSide * share_of(left, chart.x_max), kSide * share_of(right - left, chart.x_max),
        escape_html(chart.x_names[i]), escape_html(fmt::format("{}", fmt::join(parts, ", "))),
        escape_html(chart.unit));
  }
  return columns;
}

std::string legend_of(const LineChart& chart) {
  std::string items;
  for (size_t i = 0; i < chart.lines.size(); ++i) {
    items += fmt::format(
        R"(<li><svg class="key" aria-hidden="true"><path class="line l{}" d="M0 6H24"/></svg>{}</li>)",
        i, escape_html(chart.lines[i].name));
  }
  return fmt::format("<ul class=\"legend\">{}</ul>", items);
}

}  // namespace

std::vector<double> axis_ticks(double most) {
  if (!(most > 0)) return {0, 1};
  const double rough = most / 4;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (factor * power >= rough * (1 - 1e-9)) step = factor * power;
  }
  std::vector<double> ticks = {0};
  while (ticks.back() < most * (1 - 1e-9))
    ticks.push_back(step * static_cast<double>(ticks.size()));
  return ticks;
}

std::string chart_html(const LineChart& chart) {
  const std::vector<double> ticks = axis_ticks(largest(chart));
  const double y_max = ticks.back();
  std::string grid, labels, paths;
  for (const double tick : ticks) {
    const double share = share_of(tick, y_max);
    grid += fmt::format("M0 {0:.1f}H1000", kSide * (1 - share));
    labels += fmt::format(R"(<span class="y" style="bottom:{:.2f}%">{}</span>)", 100 * share,
                          tick_text(tick));
  }
  for (const auto& [x, name] : chart.x_labels) {
    labels += fmt::format(R"(<span class="x" style="left:{:.2f}%">{}</span>)",
                          100 * share_of(x, chart.x_max), escape_html(name));
  }
  for (size_t i = 0; i < chart.lines.size(); ++i) {
    paths +=
        fmt::format(R"(<path class="line l{}" d="{}"/>)", i, path_of(chart.lines[i], chart, y_max));
  }
  return fmt::format(
      R"(<figure class="chart"><figcaption>{}<small> {}</small></figcaption>{}
<div class="plot"><svg viewBox="0 0 1000 1000" preserveAspectRatio="none" role="img" aria-label="{}">
<path class="grid" d="{}"/>{}
<g class="columns">{}</g></svg>{}</div></figure>
)",
      escape_html(chart.title), escape_html(chart.unit), legend_of(chart), escape_html(chart.title),
      grid, paths, columns_of(chart), labels);
}

}  // namespace puna
