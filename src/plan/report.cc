// Every speed says where it comes from; what others published stands in lines of its own.

#include "plan/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/bytes.h"

namespace puna::plan {
namespace {

constexpr size_t kRowsMax = 8;
constexpr double kMilli = 1e3;

std::string money(double dollars) {
  if (dollars <= 0) return "-";
  return dollars < 100 ? fmt::format("{:.2f}", dollars) : fmt::format("{:.0f}", dollars);
}

std::string milliseconds(double seconds) {
  const double value = seconds * kMilli;
  constexpr double kLong = 10000;
  if (value >= kLong) return fmt::format("{:.0f} s", seconds);
  return value < 10 ? fmt::format("{:.1f} ms", value) : fmt::format("{:.0f} ms", value);
}

std::string gigabytes(int64_t bytes) {
  return fmt::format("{:.1f}", static_cast<double>(bytes) / 1e9);
}

std::string row(const PlanOption& one) {
  const std::string machine = one.instance.name == "here"
                                  ? "this machine"
                                  : fmt::format("{} x {}", one.instances, one.instance.name);
  return fmt::format("{:<24}{:<6}{:>3}{:>9}{:>14}{:>11}{:>10}{:>9}{:>8.0f}{:>9}{:>10}{:>9}  {}\n",
                     machine, puna::describe(one.format), one.degree.degree, one.replicas,
                     gigabytes(one.need.total()) + "/" + gigabytes(one.memory_bytes),
                     milliseconds(one.at_peak.ttft_p95), milliseconds(one.at_peak.tpot_p95),
                     fmt::format("{:.0f}", one.replicas * one.throughput_max),
                     one.users_max * one.replicas, money(one.hour()), money(one.month()),
                     money(one.hour() > 0 ? one.million_tokens() : 0),
                     one.misses.empty() ? one.limited_by : "no: " + one.misses);
}

std::string heading() {
  return fmt::format("{:<24}{:<6}{:>3}{:>9}{:>14}{:>11}{:>10}{:>9}{:>8}{:>9}{:>10}{:>9}  {}\n",
                     "machine", "as", "tp", "replicas", "memory, GB", "1st token", "per token",
                     "tokens/s", "users", "$/hour", "$/month", "$/1M", "limited by");
}

// The same figure by our roofline, so that both stand beside each other.
double figure_ms(const PlanRequest& request, const PlanOption& option, const Figure& figure) {
  Device device = option.instance.device;
  device.bytes_per_second *= figure.degree;
  device.operations_per_second *= figure.degree;
  return kMilli *
         speed_of(request, device, WeightFormat::kBf16, 1)
             .step_seconds({.rows = static_cast<double>(figure.batch), .depth = figure.depth});
}

std::string describe_choice(const Plan& plan, const PlanRequest& request) {
  const PlanOption& one = plan.options.front();
  std::string text = fmt::format(
      "\n{}: {} a replica: weights {}, {} streams of {} positions {}, a step {}; it may take {}\n",
      plan.has_choice() ? "choice" : "nearest", describe_bytes(one.need.total()),
      describe_bytes(one.need.weight_bytes), one.streams, request.context,
      describe_bytes(one.need.kv_bytes), describe_bytes(one.need.scratch_bytes),
      describe_bytes(one.memory_bytes));
  text += fmt::format(
      "one user alone: first token after {}, then {} a token ({})\n", milliseconds(one.alone_ttft),
      milliseconds(one.alone_tpot),
      one.origin == Origin::kMeasured ? "from this machine's measured limits" : "roofline");
  for (const Figure& figure : one.figures) {
    text += fmt::format("{}: {:.1f} ms a token, batch {}, degree {} (roofline: {:.1f} ms); {}\n",
                        describe(figure.origin), figure.tpot_ms, figure.batch, figure.degree,
                        figure_ms(request, one, figure), figure.source);
  }
  if (!one.instance.device.note.empty()) {
    text += fmt::format("{}: {}\n", one.instance.device.name, one.instance.device.note);
  }
  if (plan.degrees.size() <= 1) return text;
  text += fmt::format("degrees on {}:\n", one.instance.name);
  for (const DegreeVerdict& verdict : plan.degrees) {
    const std::string why = verdict.refusal.empty() ? verdict.note : "no: " + verdict.refusal;
    text += fmt::format("  {:>3}  {}\n", verdict.degree, why.empty() ? "yes" : why);
  }
  return text;
}

std::string describe_need(const PlanRequest& request, const Catalogue& catalogue) {
  const Workload& work = request.workload;
  const std::string wanted =
      request.tokens_per_second
          ? fmt::format("{:.0f} tokens a second", *request.tokens_per_second)
          : fmt::format("{:.0f} user{}", work.users, work.users == 1 ? "" : "s");
  std::string text = fmt::format(
      "{}, {} positions; {}: {:.0f} tokens in, {:.0f} out, {:.0f} s between an answer and the next "
      "question\nfor 95 of 100: first token within {}, further ones within {}",
      request.model_name, request.context, wanted, work.prompt_tokens, work.answer_tokens,
      work.think_seconds, milliseconds(request.ttft_limit), milliseconds(request.tpot_limit));
  if (request.on != "here") {
    text += fmt::format(
        "\nlist prices of {} in {}, on demand, without the cluster's own; speeds by "
        "roofline",
        catalogue.dated, request.region);
  }
  return text + "\n\n";
}

OrderedJson json_of(const Forecast& forecast) {
  return {{"ttft_p95_ms", kMilli * forecast.ttft_p95},
          {"tpot_p95_ms", kMilli * forecast.tpot_p95},
          {"answer_p95_ms", kMilli * forecast.answer_p95},
          {"running", forecast.running},
          {"tokens_per_second", forecast.tokens_per_second}};
}

OrderedJson json_of(const PlanRequest& request, const PlanOption& one) {
  OrderedJson json = {{"instance", one.instance.name},  {"instances", one.instances},
                      {"replicas", one.replicas},       {"weights", puna::describe(one.format)},
                      {"tp_degree", one.degree.degree}, {"streams", one.streams},
                      {"keeps_all", one.misses.empty()}};
  if (!one.misses.empty()) json["misses"] = one.misses;
  json["memory"] = {{"weights", one.need.weight_bytes},
                    {"kv", one.need.kv_bytes},
                    {"scratch", one.need.scratch_bytes},
                    {"available", one.memory_bytes}};
  json["origin"] = describe(one.origin);
  json["one_user"] = {{"ttft_ms", kMilli * one.alone_ttft}, {"tpot_ms", kMilli * one.alone_tpot}};
  json["peak_of_a_replica"] = json_of(one.at_peak);
  json["users"] = one.users_max * one.replicas;
  json["tokens_per_second"] = one.replicas * one.throughput_max;
  json["limited_by"] = one.limited_by;
  json["dollars"] = {{"hour", one.hour()}, {"month", one.month()}};
  if (one.hour() > 0) json["dollars"]["million_tokens"] = one.million_tokens();
  json["figures"] = OrderedJson::array();
  for (const Figure& figure : one.figures) {
    json["figures"].push_back({{"origin", describe(figure.origin)},
                               {"batch", figure.batch},
                               {"tp_degree", figure.degree},
                               {"tpot_ms", figure.tpot_ms},
                               {"roofline_tpot_ms", figure_ms(request, one, figure)},
                               {"source", figure.source}});
  }
  return json;
}

// The tests of `puna bench`, for `here`.
OrderedJson bench_json(const PlanRequest& request, const PlanOption& one) {
  constexpr double kPrompt = 512;
  constexpr double kSteps = 32;
  const SpeedModel model = speed_of(request, one.instance.device, one.format, 1);
  OrderedJson tests = {{{"test", "prefill"},
                        {"tokens", kPrompt},
                        {"batch", 1},
                        {"depth", 0},
                        {"tokens_per_second", kPrompt / model.prompt_seconds(kPrompt, 0, 0)}}};
  for (const double depth : {0, 1024}) {
    for (const double batch : {1, 4, 8, 16}) {
      const double seconds = model.step_seconds({.rows = batch, .depth = depth + kSteps / 2});
      tests.push_back({{"test", "decode"},
                       {"tokens", kSteps},
                       {"batch", batch},
                       {"depth", depth},
                       {"tokens_per_second", batch / seconds}});
    }
  }
  return tests;
}

}  // namespace

std::string describe(const Plan& plan, const PlanRequest& request, const Catalogue& catalogue) {
  std::string text = describe_need(request, catalogue);
  if (!plan.options.empty()) text += heading();
  for (size_t i = 0; i < std::min(kRowsMax, plan.options.size()); ++i) text += row(plan.options[i]);
  if (plan.options.size() > kRowsMax) {
    text += fmt::format("and {} more (--json has all)\n", plan.options.size() - kRowsMax);
  }
  for (const Refusal& refusal : plan.refused) {
    text += fmt::format("{:<24}does not fit: {}\n", refusal.instance, refusal.reason);
  }
  if (!plan.options.empty()) text += describe_choice(plan, request);
  return text;
}

OrderedJson to_json(const Plan& plan, const PlanRequest& request, const Catalogue& catalogue) {
  const Workload& work = request.workload;
  OrderedJson json = {
      {"model", request.model_name},
      {"context", request.context},
      {"prices", catalogue.dated},
      {"region", request.region},
      {"workload",
       {{"users", work.users},
        {"think_seconds", work.think_seconds},
        {"prompt_tokens", work.prompt_tokens},
        {"answer_tokens", work.answer_tokens}}},
      {"limits",
       {{"ttft_ms", kMilli * request.ttft_limit}, {"tpot_ms", kMilli * request.tpot_limit}}},
      {"has_choice", plan.has_choice()}};
  json["options"] = OrderedJson::array();
  for (const PlanOption& one : plan.options) json["options"].push_back(json_of(request, one));
  json["refused"] = OrderedJson::array();
  for (const Refusal& refusal : plan.refused) {
    json["refused"].push_back({{"instance", refusal.instance}, {"reason", refusal.reason}});
  }
  json["degrees"] = OrderedJson::array();
  for (const DegreeVerdict& one : plan.degrees) {
    json["degrees"].push_back({{"tp_degree", one.degree},
                               {"is_valid", one.refusal.empty()},
                               {"reason", one.refusal.empty() ? one.note : one.refusal}});
  }
  if (request.here && !plan.options.empty()) {
    const Device& device = request.here->device;
    json["here"] = {{"read_bandwidth_bytes_per_second", device.bytes_per_second},
                    {"int8_operations_per_second", device.operations_per_second},
                    {"tests", bench_json(request, plan.options.front())}};
  }
  return json;
}

}  // namespace puna::plan
