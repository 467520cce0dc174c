// memory = parameters x bytes; cores = memory / 16 GB; chips = cores / 2; the instance is the
// smallest of the two with NeuronLink whose memory the weights fill to 70 % at most; the degree is
// all of its cores.

#include "plan/seed_table.h"

#include <fmt/format.h>

#include <cmath>

#include "model/llama_shapes.h"
#include "stablehlo/tensor_parallel.h"

namespace puna::plan {
namespace {

constexpr const char* kHeadings[] = {"model", "dtype", "B",      "params (B)", "mem GB",
                                     "/16",   "cores", "accel.", "instance",   "tp"};
constexpr int kCoreGigabytes = 16;
constexpr double kFilledMax = 0.7;

SeedRow row_of(const char* model, int billions) {
  struct Linked {
    const char* name;
    int cores;
  };
  constexpr Linked kLinked[] = {{"inf2.24x", 12}, {"inf2.48x", 24}};
  SeedRow row = {.model = model, .dtype = "f16", .bytes = 2, .billions = billions, .instance = {}};
  row.gigabytes = row.billions * row.bytes;
  row.quotient = static_cast<double>(row.gigabytes) / kCoreGigabytes;
  row.cores = (row.gigabytes + kCoreGigabytes - 1) / kCoreGigabytes;
  row.accelerators = (row.cores + 1) / 2;
  for (const Linked& one : kLinked) {
    row.instance = one.name;
    row.tp_degree = one.cores;
    if (row.gigabytes <= kFilledMax * one.cores * kCoreGigabytes) break;
  }
  return row;
}

int largest_degree(const LlamaConfig& config, int cores) {
  int most = 1;
  for (const int degree : stablehlo::valid_degrees(config)) {
    if (degree <= cores) most = degree;
  }
  return most;
}

std::vector<std::string> faults() {
  std::vector<std::string> all;
  for (const SeedRow& row : seed_rows()) {
    const LlamaConfig config = find_llama_shape("llama-2-" + row.model).value_or(LlamaConfig());
    if (stablehlo::check_degree(config, row.tp_degree).ok()) continue;
    all.push_back(fmt::format(
        "{}: tp {} does not divide {} heads and {} KV heads evenly; of {} cores up to "
        "{} can be used",
        row.model, row.tp_degree, config.num_attention_heads, config.num_key_value_heads,
        row.tp_degree, largest_degree(config, row.tp_degree)));
  }
  all.emplace_back(
      "tp 12 is not among the degrees that AWS documents for Inferentia2: 1, 2, 4, 8, 24");
  all.emplace_back(
      "13b: the seed's text and manifests use inf2.48xlarge with tp 24, the table inf2.24x with "
      "12");
  all.emplace_back(
      "the instance does not follow from the columns before it: 7b and 13b fit one chip "
      "(inf2.8xlarge, "
      "for 7b a seventh of the price), and 70b's 9 cores an inf2.24xlarge");
  all.emplace_back(
      "keys and values are left out: 2.1, 3.4 and 1.3 GB for each conversation of 4,096 positions; "
      "so are what a step needs and the host's memory");
  all.emplace_back(
      "nothing is said of speed, users or price: puna plan MODEL --users N --on inf2 computes "
      "them");
  return all;
}

}  // namespace

std::vector<std::string> SeedRow::columns() const {
  constexpr double kHundredths = 100;  // halves up, as in the table
  const double rounded = std::floor(quotient * kHundredths + 0.5) / kHundredths;
  return {model,
          dtype,
          std::to_string(bytes),
          std::to_string(billions),
          std::to_string(gigabytes),
          fmt::format("{:.2f}", rounded),
          std::to_string(cores),
          std::to_string(accelerators),
          instance,
          std::to_string(tp_degree)};
}

std::vector<SeedRow> seed_rows() { return {row_of("70b", 70), row_of("13b", 13), row_of("7b", 7)}; }

std::string describe_seed_table() {
  std::string text;
  const auto add = [&](const auto& cells) {
    std::string line;
    for (const auto& cell : cells) line += fmt::format("{:<11}", cell);
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  };
  add(kHeadings);
  for (const SeedRow& row : seed_rows()) add(row.columns());
  text += "\nWhat is wrong with it:\n";
  for (const std::string& fault : faults()) text += "- " + fault + "\n";
  return text;
}

OrderedJson seed_table_json() {
  OrderedJson json;
  json["rows"] = OrderedJson::array();
  for (const SeedRow& row : seed_rows()) {
    OrderedJson one;
    const std::vector<std::string> cells = row.columns();
    for (size_t i = 0; i < cells.size(); ++i) one[kHeadings[i]] = cells[i];
    json["rows"].push_back(one);
  }
  json["faults"] = faults();
  return json;
}

}  // namespace puna::plan
