// line_chart: lines over time as HTML and SVG without any script: the plot stretches with its
// place, letters and lines do not. Pure.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace puna {

struct ChartLine {
  std::string name;
  std::vector<std::optional<double>> values;  // one for each x; nothing: a gap
};

struct LineChart {
  std::string title;      // "Time to first token"
  std::string unit;       // of values: "ms"
  std::vector<double> x;  // rising, from 0
  double x_max = 0;
  std::vector<std::pair<double, std::string>> x_labels;
  std::vector<std::string> x_names;  // of each x, for what a pointer shows: "at 12 s"
  std::vector<ChartLine> lines;      // at most three
};

std::string chart_html(const LineChart& chart);

// Multiples of 1, 2 or 5 times a power of ten: 0 and about four more, the last at or above `most`.
std::vector<double> axis_ticks(double most);

}  // namespace puna
