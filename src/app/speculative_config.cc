// Of vLLM's methods the one that needs no second model.

#include "app/speculative_config.h"

#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace puna {
namespace {

constexpr std::string_view kFlag = "--speculative-config";

Status check_method(const Json& value) {
  if (value == "ngram" || value == "[ngram]") return {};
  return invalid_argument(
      "{}: the method is {}, and drafts come from prompt and answer only: \"ngram\"", kFlag,
      dump_json(value));
}

Status store_count(std::string_view name, const Json& value, std::optional<int>& count) {
  if (!value.is_number_integer() || value < 1 || value > std::numeric_limits<int>::max()) {
    return invalid_argument("{}: {} is {}: expected a whole number from 1", kFlag, name,
                            dump_json(value));
  }
  count = value.get<int>();
  return {};
}

Result<SpeculationOptions> parse_config(const std::string& text) {
  const auto parsed = parse_json(text);
  if (!parsed.ok() || !parsed->is_object()) {
    return invalid_argument("{}: not a JSON object: {}", kFlag,
                            parsed.ok() ? text : parsed.status().message());
  }
  std::optional<int> tokens, least, most;
  for (const auto& [name, value] : parsed->items()) {
    if (name == "method" || name == "model") {
      RETURN_IF_ERROR(check_method(value));
    } else if (name == "num_speculative_tokens") {
      RETURN_IF_ERROR(store_count(name, value, tokens));
    } else if (name == "prompt_lookup_min") {
      RETURN_IF_ERROR(store_count(name, value, least));
    } else if (name == "prompt_lookup_max") {
      RETURN_IF_ERROR(store_count(name, value, most));
    } else {
      return invalid_argument(
          "{}: {} is not one of method, num_speculative_tokens, prompt_lookup_min, "
          "prompt_lookup_max",
          kFlag, name);
    }
  }
  SpeculationOptions options;
  options.num_speculative_tokens = tokens.value_or(options.num_speculative_tokens);
  // Who names one of them means it for both, as in vLLM.
  options.prompt_lookup_min = least.value_or(most.value_or(options.prompt_lookup_min));
  options.prompt_lookup_max = most.value_or(least.value_or(options.prompt_lookup_max));
  RETURN_IF_ERROR(validate(options).with_context(kFlag));
  return options;
}

}  // namespace

Result<SpeculationOptions> speculation_options(const ModelOptions& options) {
  if (options.speculative_config.empty()) return SpeculationOptions{.is_on = options.speculation};
  if (!options.speculation) {
    return invalid_argument("{} says how to do what --no-speculation switches off; leave one out",
                            kFlag);
  }
  return parse_config(options.speculative_config);
}

}  // namespace puna
