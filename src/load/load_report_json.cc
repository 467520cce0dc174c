// The contract with scripts: docs/load.md describes each field.

#include "base/json.h"
#include "load/load_report.h"

namespace puna {
namespace {

OrderedJson latency_json(const Histogram& histogram) {
  const auto ms = [](double seconds) { return seconds * 1000; };
  return {{"count", histogram.count()},          {"mean", ms(histogram.mean())},
          {"p50", ms(histogram.quantile(0.5))},  {"p90", ms(histogram.quantile(0.9))},
          {"p95", ms(histogram.quantile(0.95))}, {"p99", ms(histogram.quantile(0.99))},
          {"max", ms(histogram.max())}};
}

OrderedJson failures_json(const LoadStatistics& statistics) {
  OrderedJson json = OrderedJson::object();
  for (const auto& [kind, failure] : statistics.failures) {
    json[kind] = {{"count", failure.count}, {"example", failure.example}};
  }
  return json;
}

OrderedJson goodput_json(const LoadReport& report) {
  if (!report.settings.goodput.any()) return nullptr;
  const auto ms = [](const std::optional<double>& seconds) {
    return seconds ? OrderedJson(*seconds * 1000) : OrderedJson();
  };
  const GoodputTarget& target = report.settings.goodput;
  return {{"ttft_ms", ms(target.ttft)},
          {"tpot_ms", ms(target.tpot)},
          {"e2el_ms", ms(target.e2el)},
          {"requests", report.statistics.met_target},
          {"share", report.goodput_share()},
          {"requests_per_second",
           report.per_second(static_cast<double>(report.statistics.met_target))}};
}

OrderedJson timeline_json(const LoadTimeline& timeline) {
  OrderedJson windows = OrderedJson::array();
  double begin = 0;
  for (const LoadWindow& window : timeline.windows()) {
    windows.push_back({{"seconds", begin},
                       {"answered", window.answered},
                       {"failed", window.failed},
                       {"output_tokens", window.tokens},
                       {"in_flight", window.in_flight_seconds / timeline.width()},
                       {"ttft_p50_ms", window.ttft.quantile(0.5) * 1000},
                       {"ttft_p95_ms", window.ttft.quantile(0.95) * 1000},
                       {"e2el_p50_ms", window.e2el.quantile(0.5) * 1000},
                       {"e2el_p95_ms", window.e2el.quantile(0.95) * 1000}});
    begin += timeline.width();
  }
  return {{"window_seconds", timeline.width()}, {"windows", windows}};
}

}  // namespace

std::string load_json(const LoadReport& report) {
  const LoadStatistics& statistics = report.statistics;
  const auto rate = [&](int64_t count) { return report.per_second(static_cast<double>(count)); };
  OrderedJson json = {{"url", report.settings.url},
                      {"model", report.settings.model},
                      {"scenario", report.scenario},
                      {"load", report.load},
                      {"seed", report.settings.seed},
                      {"began", report.began},
                      {"seconds", report.seconds},
                      {"interrupted", report.was_interrupted},
                      {"sent", statistics.sent},
                      {"answered", statistics.answered},
                      {"failed", statistics.failed},
                      {"dropped", statistics.dropped},
                      {"errors", failures_json(statistics)},
                      {"requests_per_second", rate(statistics.answered)},
                      {"prompt_tokens", statistics.prompt_tokens},
                      {"cached_tokens", statistics.cached_tokens},
                      {"output_tokens", statistics.output_tokens},
                      {"output_tokens_per_second", rate(statistics.output_tokens)},
                      {"goodput", goodput_json(report)}};
  for (const LatencyRow& row : latency_rows(statistics)) {
    json[row.field] = latency_json(row.histogram);
  }
  json["percentile_error"] = statistics.e2el.relative_error();
  json["generator"] = {{"send_late_ms", latency_json(statistics.send_late)},
                       {"wake_late_ms", latency_json(statistics.wake_late)}};
  json["warnings"] = load_warnings(report);
  json["timeline"] = timeline_json(statistics.timeline);
  return json.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace puna
