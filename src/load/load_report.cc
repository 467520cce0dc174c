// The table, and what both other forms say in words.

#include "load/load_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.h"

namespace puna {
namespace {

constexpr double kLateSeconds = 0.010;  // less is no fault of a generator
constexpr double kLateShare = 0.05;     // of the median time to the first token
constexpr double kTail = 0.99;

// How late the generator may be before it shows in the figures.
double tolerable_lateness(const LoadStatistics& statistics) {
  return std::max(kLateSeconds, kLateShare * statistics.ttft.quantile(0.5));
}

std::string with_commas(double whole) {
  std::string digits = fmt::format("{:.0f}", whole);
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string failure_lines(const LoadStatistics& statistics) {
  std::string text;
  for (const auto& [kind, failure] : statistics.failures) {
    text += fmt::format("  {:<14}{:>9}  {}\n", kind, failure.count,
                        escape_for_terminal(failure.example));
  }
  return text;
}

std::string latency_lines(const LoadStatistics& statistics) {
  if (statistics.answered == 0) return "";
  std::string text = fmt::format("\n{:<24}{:>9}{:>10}{:>10}{:>10}{:>10}\n", "milliseconds", "mean",
                                 "p50", "p95", "p99", "max");
  for (const LatencyRow& row : latency_rows(statistics)) {
    const Histogram& histogram = row.histogram;
    if (histogram.count() == 0) continue;
    text += fmt::format(
        "{:<24}{:>9}{:>10}{:>10}{:>10}{:>10}\n", row.name, milliseconds_text(histogram.mean()),
        milliseconds_text(histogram.quantile(0.5)), milliseconds_text(histogram.quantile(0.95)),
        milliseconds_text(histogram.quantile(0.99)), milliseconds_text(histogram.max()));
  }
  return text;
}

}  // namespace

std::string number_text(double value) {
  if (value >= 1000) return with_commas(value);
  const int digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return fmt::format("{:.{}f}", value, digits);
}

std::string milliseconds_text(double seconds) { return number_text(seconds * 1000); }

double LoadReport::goodput_share() const {
  const int64_t ended = statistics.answered + statistics.failed;
  return ended == 0 ? 0 : static_cast<double>(statistics.met_target) / static_cast<double>(ended);
}

double LoadReport::cached_share() const {
  if (statistics.prompt_tokens == 0) return 0;
  return static_cast<double>(statistics.cached_tokens) /
         static_cast<double>(statistics.prompt_tokens);
}

std::vector<LatencyRow> latency_rows(const LoadStatistics& statistics) {
  return {{"Time to first token", "ttft_ms", statistics.ttft},
          {"Between pieces of text", "inter_token_ms", statistics.inter_token},
          {"Time per output token", "tpot_ms", statistics.tpot},
          {"End to end", "e2el_ms", statistics.e2el}};
}

std::vector<std::string> load_warnings(const LoadReport& report) {
  const LoadStatistics& statistics = report.statistics;
  std::vector<std::string> warnings;
  const double most = tolerable_lateness(statistics);
  if (const double late = statistics.wake_late.quantile(kTail); late > most) {
    warnings.push_back(fmt::format(
        "this generator had no core for up to {} ms (p99), so latencies are too long by as much: "
        "run it on another machine than the server's, or with less load",
        milliseconds_text(late)));
  }
  if (const double late = statistics.send_late.quantile(kTail); late > most) {
    warnings.push_back(fmt::format(
        "requests were sent up to {} ms late (p99); latencies count from when they were meant to "
        "be sent",
        milliseconds_text(late)));
  }
  if (statistics.dropped > 0) {
    warnings.push_back(fmt::format(
        "{} requests were in flight when the run was stopped; no figure has them, and the longest "
        "are among them",
        statistics.dropped));
  }
  if (statistics.answered > 0 && statistics.answered < 100) {
    warnings.push_back(
        fmt::format("{} answers are few for a p99; let it run longer", statistics.answered));
  }
  return warnings;
}

std::string load_table(const LoadReport& report) {
  const LoadStatistics& statistics = report.statistics;
  const auto rate = [&](int64_t count) {
    return number_text(report.per_second(static_cast<double>(count)));
  };
  std::string text =
      fmt::format("{} at {}\n{}, {}, seed {}\n\n", escape_for_terminal(report.settings.model),
                  escape_for_terminal(report.settings.url), report.load,
                  escape_for_terminal(report.scenario), report.settings.seed);
  const auto row = [&](const char* name, const std::string& value, const std::string& more) {
    text += fmt::format("{:<16}{:>9}{}{}\n", name, value, more.empty() ? "" : "  ", more);
  };
  row("Seconds", number_text(report.seconds), "");
  row("Answered", with_commas(static_cast<double>(statistics.answered)),
      rate(statistics.answered) + " requests/s");
  row("Failed", with_commas(static_cast<double>(statistics.failed)), "");
  text += failure_lines(statistics);
  row("Output tokens", with_commas(static_cast<double>(statistics.output_tokens)),
      rate(statistics.output_tokens) + " tokens/s");
  row("Prompt tokens", with_commas(static_cast<double>(statistics.prompt_tokens)),
      fmt::format("{:.1f} % of them from the cache", 100 * report.cached_share()));
  if (report.settings.goodput.any()) {
    row("Goodput", fmt::format("{:.1f} %", 100 * report.goodput_share()),
        fmt::format("{} requests/s with {}", rate(statistics.met_target),
                    report.settings.goodput.describe()));
  }
  return text + latency_lines(statistics);
}

}  // namespace puna
