// PEFT's LoRA folder: its config, the pairing of lora_A and lora_B, and the merge on read.

#include "model/adapter.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/mapped_file.h"
#include "model/config_object.h"
#include "model/model_folder.h"

namespace puna {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "base_model.model.";
constexpr std::string_view kSuffixA = ".lora_A.weight";
constexpr std::string_view kSuffixB = ".lora_B.weight";

// Settings of LoraConfig that change the sums; each must be off, null or empty.
constexpr std::array<std::string_view, 12> kUnsupportedSettings = {
    "alora_invocation_tokens",
    "arrow_config",
    "fan_in_fan_out",
    "layer_replication",
    "lora_bias",
    "modules_to_save",
    "target_parameters",
    "trainable_token_indices",
    "use_bdlora",
    "use_dora",
    "use_qalora",
    "megatron_config",
};
// Other starts change the base's own weights, which the adapter's file does not hold.
constexpr std::array<std::string_view, 3> kPlainStarts = {"gaussian", "eva", "orthogonal"};

bool is_off(const Json& value) {
  return value == false || ((value.is_object() || value.is_array()) && value.empty());
}

Status check_settings(const ConfigObject& object) {
  for (const std::string_view key : kUnsupportedSettings) {
    const Json* value = object.find(key);
    if (value != nullptr && !is_off(*value)) {
      return object.refuse(key, "it to be off: Puna merges plain LoRA only");
    }
  }
  ASSIGN_OR_RETURN(const auto kind, object.get_string("peft_type"));
  if (!kind || *kind != "LORA") return object.refuse("peft_type", "\"LORA\"");
  ASSIGN_OR_RETURN(const auto bias, object.get_string("bias"));
  if (bias.value_or("none") != "none") return object.refuse("bias", "\"none\"");
  const Json* start = object.find("init_lora_weights");
  if (start != nullptr && start->is_string() &&
      std::ranges::count(kPlainStarts, start->get<std::string>()) == 0) {
    return object.refuse("init_lora_weights",
                         "one that leaves the base as it is: save the adapter with PEFT's "
                         "path_initial_model_for_weight_conversion");
  }
  return Status();
}

// "model.layers.0.self_attn.q_proj" for either of the pair's names; empty for any other name.
std::string_view module_of(std::string_view name) {
  for (const std::string_view suffix : {kSuffixA, kSuffixB}) {
    if (!name.starts_with(kPrefix) || !name.ends_with(suffix)) continue;
    if (name.size() <= kPrefix.size() + suffix.size()) continue;
    return name.substr(kPrefix.size(), name.size() - kPrefix.size() - suffix.size());
  }
  return {};
}

// PEFT's rule for a list of targets: the whole module name, or its end after a dot.
bool is_target(std::string_view module, const std::vector<std::string>& targets) {
  return std::ranges::any_of(targets, [&](const std::string& target) {
    return module == target || module.ends_with("." + target);
  });
}

Result<std::vector<float>> read_all(const WeightSource& weights, const TensorInfo& info) {
  std::vector<float> values(static_cast<size_t>(info.row_count() * info.column_count()));
  RETURN_IF_ERROR(weights.read_rows(info.name, 0, info.row_count(), values));
  return values;
}

// The `side` tensor of `module`, or an error that names it and both shapes.
Result<const TensorInfo*> find_side(const SafetensorsWeights& file, std::string_view module,
                                    std::string_view side, const std::vector<int64_t>& shape) {
  const std::string name = fmt::format("{}{}{}", kPrefix, module, side);
  const TensorInfo* found = file.find(name);
  if (found == nullptr) {
    return invalid_argument("tensor {} is missing, expected {}", printable_name(name), shape);
  }
  if (found->shape != shape) {
    return invalid_argument("tensor {} has shape {}, expected {} for this base and r",
                            printable_name(name), found->shape, shape);
  }
  return found;
}

Result<ModulePatterns> patterns_at(const OrderedJson& document, const ConfigObject& object,
                                   const char* key) {
  if (object.find(key) == nullptr) return ModulePatterns();
  auto parsed = ModulePatterns::parse(document.at(key));
  if (parsed.ok()) return parsed;
  return invalid_argument("{}: {}: {}", object.origin(), key, parsed.status().message());
}

// The first pattern that fits a module counts, so their order in the text does.
Status read_patterns(std::string_view text, const ConfigObject& object, AdapterConfig& config) {
  ASSIGN_OR_RETURN(const OrderedJson document, parse_ordered_json(text));
  ASSIGN_OR_RETURN(config.rank_pattern, patterns_at(document, object, "rank_pattern"));
  ASSIGN_OR_RETURN(config.alpha_pattern, patterns_at(document, object, "alpha_pattern"));
  for (const double rank : config.rank_pattern.values()) {
    if (rank >= 1 && rank <= kAdapterRankMax && rank == std::floor(rank)) continue;
    return object.refuse("rank_pattern", fmt::format("ranks from 1 to {}", kAdapterRankMax));
  }
  return Status();
}

double scale_of(double alpha, int rank, bool divides_by_root) {
  const auto divisor = static_cast<double>(rank);
  return alpha / (divides_by_root ? std::sqrt(divisor) : divisor);
}

}  // namespace

int AdapterConfig::rank_of(std::string_view module) const {
  return static_cast<int>(rank_pattern.find(module).value_or(rank));
}

double AdapterConfig::scale_of(std::string_view module) const {
  return puna::scale_of(alpha_pattern.find(module).value_or(alpha), rank_of(module),
                        divides_by_root);
}

double AdapterConfig::scale() const { return puna::scale_of(alpha, rank, divides_by_root); }

Result<AdapterConfig> parse_adapter_config(std::string_view text, std::string_view origin) {
  ASSIGN_OR_RETURN(const Json document, parse_config_object(text, origin));
  const ConfigObject object(document, std::string(origin));
  RETURN_IF_ERROR(check_settings(object));
  ASSIGN_OR_RETURN(const auto rank, object.get_integer("r", 1, kAdapterRankMax));
  if (!rank) return object.missing("r");
  ASSIGN_OR_RETURN(const auto alpha, object.get_number("lora_alpha"));
  if (!alpha) return object.missing("lora_alpha");
  ASSIGN_OR_RETURN(const auto root, object.get_bool("use_rslora"));
  AdapterConfig config;
  config.rank = static_cast<int>(*rank);
  config.alpha = *alpha;
  config.divides_by_root = root.value_or(false);
  RETURN_IF_ERROR(read_patterns(text, object, config));
  // A text is a pattern (or "all-linear"), and layers may be chosen: then the file alone decides.
  const Json* targets = object.find("target_modules");
  const bool chosen =
      object.find("layers_to_transform") != nullptr || object.find("exclude_modules") != nullptr;
  if (targets != nullptr && !targets->is_string()) {
    ASSIGN_OR_RETURN(const auto names, object.get_strings("target_modules"));
    if (names->empty()) return object.refuse("target_modules", "at least one name");
    if (!chosen) config.target_modules = *names;
  }
  return config;
}

Status AdapterWeights::add_update(const SafetensorsWeights& file, const std::string& module,
                                  const AdapterConfig& config) {
  const std::string target = module + ".weight";
  const TensorInfo* target_tensor = find(target);
  const bool is_projection = module.ends_with("_proj") || module == "lm_head";
  if (target_tensor == nullptr || target_tensor->shape.size() != 2 || !is_projection) {
    return invalid_argument("it changes {}, which is not a linear layer of the base model",
                            printable_name(module));
  }
  if (!config.target_modules.empty() && !is_target(module, config.target_modules)) {
    return invalid_argument("it changes {}, which is not in target_modules {}",
                            printable_name(module), config.target_modules);
  }
  const int rank = config.rank_of(module);
  Update update;
  update.rank = static_cast<size_t>(rank);
  update.scale = static_cast<float>(config.scale_of(module));
  ASSIGN_OR_RETURN(const TensorInfo* a,
                   find_side(file, module, kSuffixA, {rank, target_tensor->column_count()}));
  ASSIGN_OR_RETURN(const TensorInfo* b,
                   find_side(file, module, kSuffixB, {target_tensor->row_count(), rank}));
  ASSIGN_OR_RETURN(update.a, read_all(file, *a));
  ASSIGN_OR_RETURN(update.b, read_all(file, *b));
  parameter_count_ += std::ssize(update.a) + std::ssize(update.b);
  updates_.emplace(target, std::move(update));
  return Status();
}

Result<std::shared_ptr<const AdapterWeights>> AdapterWeights::open(
    std::shared_ptr<const WeightSource> base, const fs::path& path, const AdapterConfig& config) {
  const std::string origin = path.string();
  ASSIGN_OR_RETURN(const auto file, SafetensorsWeights::open(path));
  auto weights = std::make_shared<AdapterWeights>(std::move(base));
  for (const TensorInfo* tensor : file->tensors()) {
    const std::string module(module_of(tensor->name));
    if (module.empty()) {
      return invalid_argument("{}: tensor {} is not {}MODULE{} or {}", origin,
                              printable_name(tensor->name), kPrefix, kSuffixA, kSuffixB);
    }
    if (weights->updates_.contains(module + ".weight")) continue;  // the pair's other half
    const Status added = weights->add_update(*file, module, config);
    if (!added.ok()) return added.with_context(origin);
  }
  if (weights->updates_.empty()) return invalid_argument("{}: holds no tensors", origin);
  for (const TensorInfo* tensor : weights->base().tensors()) {
    if (tensor->shape.size() != 2 || weights->updates_.contains(tensor->name)) continue;
    const std::string_view module =
        std::string_view(tensor->name).substr(0, tensor->name.rfind('.'));
    if (is_target(module, config.target_modules)) {
      return invalid_argument("{}: tensors for {} are missing, which target_modules name", origin,
                              module);
    }
  }
  return std::shared_ptr<const AdapterWeights>(std::move(weights));
}

Status AdapterWeights::read_rows(std::string_view name, int64_t first_row, int64_t row_count,
                                 std::span<float> out) const {
  RETURN_IF_ERROR(base().read_rows(name, first_row, row_count, out));
  const auto found = updates_.find(name);
  if (found == updates_.end() || row_count == 0) return Status();
  const Update& update = found->second;
  const size_t columns = out.size() / static_cast<size_t>(row_count);
  std::vector<float> change(columns);
  for (size_t i = 0; i < static_cast<size_t>(row_count); ++i) {
    const size_t row = static_cast<size_t>(first_row) + i;
    std::ranges::fill(change, 0.0f);
    for (size_t k = 0; k < update.rank; ++k) {
      const float b = update.b[row * update.rank + k];
      const float* a = update.a.data() + k * columns;
      for (size_t j = 0; j < columns; ++j) change[j] += b * a[j];
    }
    for (size_t j = 0; j < columns; ++j) out[i * columns + j] += update.scale * change[j];
  }
  return Status();
}

std::optional<QuantisedLayout> AdapterWeights::quantised_layout(std::string_view name) const {
  return changes(name) ? std::nullopt : base().quantised_layout(name);
}

Status AdapterWeights::read_quantised_rows(std::string_view name, int64_t first_row,
                                           int64_t row_count, QuantisedRows& out) const {
  if (changes(name)) return invalid_argument("tensor {} is changed by an adapter", name);
  return base().read_quantised_rows(name, first_row, row_count, out);
}

std::optional<Int8Layout> AdapterWeights::int8_layout(std::string_view name) const {
  return changes(name) ? std::nullopt : base().int8_layout(name);
}

Status AdapterWeights::read_int8_rows(std::string_view name, int64_t first_row, int64_t row_count,
                                      Int8Rows& out) const {
  if (changes(name)) return invalid_argument("tensor {} is changed by an adapter", name);
  return base().read_int8_rows(name, first_row, row_count, out);
}

Status apply_adapter(Checkpoint& checkpoint, const fs::path& adapter) {
  const fs::path config_path = adapter / "adapter_config.json";
  const fs::path weights_path = adapter / "adapter_model.safetensors";
  if (!is_there(config_path)) {
    return error(StatusCode::kNotFound,
                 "{}: no adapter_config.json: --adapter is a folder that PEFT saved",
                 adapter.string());
  }
  if (!is_there(weights_path)) {
    return error(StatusCode::kNotFound, "{}: no adapter_model.safetensors{}", adapter.string(),
                 first_file(adapter, {".bin", ".pt"}).empty()
                     ? ""
                     : ": pickle files can run code and are never loaded, save it with "
                       "safe_serialization=True");
  }
  ASSIGN_OR_RETURN(const std::string text, read_file(config_path, kConfigFileBytesMax));
  ASSIGN_OR_RETURN(const AdapterConfig config, parse_adapter_config(text, config_path.string()));
  ASSIGN_OR_RETURN(const auto weights,
                   AdapterWeights::open(checkpoint.weights, weights_path, config));
  if (checkpoint.config.tie_word_embeddings && weights->changes("lm_head.weight")) {
    return invalid_argument("{}: it changes lm_head, which this base shares with its embeddings",
                            weights_path.string());
  }
  checkpoint.adapters.push_back({.name = folder_name(adapter),
                                 .path = adapter,
                                 .rank = config.rank,
                                 .scale = config.scale(),
                                 .parameter_count = weights->parameter_count()});
  checkpoint.weights = weights;
  return Status();
}

}  // namespace puna
