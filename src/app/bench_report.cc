// Medians, and the two forms of a report.

#include "app/bench_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace puna {
namespace {

double token_count(const BenchTest& test) { return static_cast<double>(test.tokens) * test.batch; }

std::vector<double> samples(const BenchResult& result) {
  std::vector<double> all;
  for (const double seconds : result.seconds) all.push_back(token_count(result.test) / seconds);
  return all;
}

BenchIdeal ideal_of(const BenchResult& result, const BenchReport& report) {
  return bench_ideal(bench_work(result.test, report.config, report.memory), report.limits);
}

const char* name_of(BenchKind kind) {
  switch (kind) {
    case BenchKind::kPrefill:
      return "prefill";
    case BenchKind::kDecode:
      return "decode";
    case BenchKind::kServed:
      return "served";
  }
  check_failed(__FILE__, __LINE__, "kind", "a BenchKind that does not exist");
}

OrderedJson to_json(const BenchResult& result, const BenchReport& report) {
  OrderedJson json = {{"test", name_of(result.test.kind)},
                      {"tokens", result.test.tokens},
                      {"batch", result.test.batch},
                      {"depth", result.test.depth},
                      {"tokens_per_second", tokens_per_second(result)},
                      {"samples", samples(result)},
                      {"share_of_limit", share_of_limit(result, report)}};
  if (result.test.kind != BenchKind::kServed) return json;
  json["sampling"] = result.test.sampling == BenchSampling::kGreedy ? "greedy" : "top_k 50";
  if (const auto share = share_of_decode(result, report)) json["share_of_decode"] = *share;
  return json;
}

std::string gigabytes(int64_t bytes) {
  return fmt::format("{:.2f} GB", static_cast<double>(bytes) / 1e9);
}

// "9.41" and "145.2": enough digits to compare, no more.
std::string rate_text(double rate) {
  return rate < 100 ? fmt::format("{:.2f}", rate) : fmt::format("{:.1f}", rate);
}

std::string spread_text(const BenchResult& result) {
  const std::vector<double> all = samples(result);
  const auto [smallest, largest] = std::minmax_element(all.begin(), all.end());
  return fmt::format("{}-{}", rate_text(*smallest), rate_text(*largest));
}

std::string share_text(const BenchResult& result, const BenchReport& report) {
  if (const auto share = share_of_decode(result, report)) {
    return fmt::format("{:>7.0f} % of decode, {}", 100 * *share,
                       result.test.sampling == BenchSampling::kGreedy ? "greedy" : "top_k 50");
  }
  const bool by_memory = ideal_of(result, report).bound == BenchBound::kMemory;
  return fmt::format("{:>7.0f} % of {}", 100 * share_of_limit(result, report),
                     by_memory ? "memory" : report.operation_type);
}

std::string table_row(const BenchResult& result, const BenchReport& report) {
  const BenchTest& test = result.test;
  return fmt::format("{:<8}{:>7}{:>7}{:>7}{:>11}  {:>16}{}\n", name_of(test.kind), test.tokens,
                     test.batch, test.depth, rate_text(tokens_per_second(result)),
                     spread_text(result), share_text(result, report));
}

}  // namespace

double median(std::vector<double> values) {
  CHECK(!values.empty(), "a median of something");
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double tokens_per_second(const BenchResult& result) {
  return token_count(result.test) / median(result.seconds);
}

double share_of_limit(const BenchResult& result, const BenchReport& report) {
  return ideal_of(result, report).seconds / median(result.seconds);
}

std::optional<double> share_of_decode(const BenchResult& result, const BenchReport& report) {
  if (result.test.kind != BenchKind::kServed) return std::nullopt;
  for (const BenchResult& other : report.results) {
    const BenchTest& test = other.test;
    if (test.kind != BenchKind::kDecode || test.depth != 0 || test.batch != result.test.batch) {
      continue;
    }
    return tokens_per_second(result) / tokens_per_second(other);
  }
  return std::nullopt;
}

OrderedJson to_json(const BenchReport& report) {
  OrderedJson results = OrderedJson::array();
  for (const BenchResult& result : report.results) results.push_back(to_json(result, report));
  return {{"machine", {{"cpu", report.cpu}, {"cores", report.cores}, {"isa", report.isa}}},
          {"model",
           {{"name", report.model_name},
            {"layers", report.config.num_hidden_layers},
            {"weight_bytes", report.memory.weight_bytes},
            {"step_weight_bytes", report.memory.step_weight_bytes},
            {"kv_bytes_per_token", report.memory.kv_bytes_per_token}}},
          {"backend", report.backend},
          {"weights", report.weights},
          {"group", report.memory.weight_group},
          {"threads", report.threads},
          {"load_seconds", report.load_seconds},
          {"resident_bytes", report.resident_bytes},
          {"read_bandwidth_bytes_per_second", report.limits.read_bandwidth},
          {report.operation_type + "_operations_per_second", report.limits.operations},
          {"results", results}};
}

std::string describe(const BenchReport& report) {
  const BackendMemory& memory = report.memory;
  std::string text = fmt::format(
      "{}, {} layers, {}{} weights, {} ({} read in every step), KV {:.1f} kB a token\n",
      report.model_name, report.config.num_hidden_layers, report.weights,
      memory.weight_group > 0 ? fmt::format(" (groups of {})", memory.weight_group) : "",
      gigabytes(memory.weight_bytes), gigabytes(memory.step_weight_bytes),
      static_cast<double>(memory.kv_bytes_per_token) / 1e3);
  text += report.backend == "pjrt"
              ? fmt::format("{}, {} cores; {}\n", report.cpu, report.cores, report.isa)
              : fmt::format("{}, {} of {} cores, {} kernels\n", report.cpu, report.threads,
                            report.cores, report.isa);
  text += fmt::format(
      "ready in {:.2f} s, resident {} | limits: memory {:.1f} GB/s, {} {:.3f} Tops/s | "
      "medians of {} rounds\n\n",
      report.load_seconds, gigabytes(report.resident_bytes), report.limits.read_bandwidth / 1e9,
      report.operation_type, report.limits.operations / 1e12, report.rounds);
  text += fmt::format("{:<8}{:>7}{:>7}{:>7}{:>11}  {:>16}  {}\n", "test", "tokens", "batch",
                      "depth", "tokens/s", "lowest-highest", "share of the limit");
  for (const BenchResult& result : report.results) text += table_row(result, report);
  return text;
}

}  // namespace puna
