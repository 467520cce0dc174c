// Optional files of a checkpoint: recommendations are read leniently, templates strictly.

#include "model/generation_config.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/mapped_file.h"
#include "model/config_object.h"
#include "model/model_folder.h"

namespace puna {
namespace {

// The value when it is a number in [minimum, maximum]; nothing, with a warning, when it is not.
std::optional<double> recommended(const ConfigObject& object, std::string_view key, double minimum,
                                  double maximum) {
  if (object.find(key) == nullptr) return std::nullopt;
  const auto value = object.get_number(key);
  if (value.ok() && **value >= minimum && **value <= maximum) return *value;
  const Status refusal =
      object.refuse(key, fmt::format("a number from {} to {}", minimum, maximum));
  log_warning("{}; it is ignored", refusal.message());
  return std::nullopt;
}

void add_eos_ids(const ConfigObject& object, LlamaConfig& config) {
  const Json* eos = object.find("eos_token_id");
  if (eos == nullptr) return;
  for (const Json& id : eos->is_array() ? *eos : Json::array({*eos})) {
    if (!id.is_number_unsigned() ||
        id.get<uint64_t>() >= static_cast<uint64_t>(config.vocab_size) ||
        config.eos_token_ids.size() >= static_cast<size_t>(kEosTokensMax)) {
      log_warning("{}; it is ignored",
                  object.refuse("eos_token_id", "ids of the vocabulary").message());
      continue;
    }
    const auto token = id.get<TokenId>();
    if (std::ranges::count(config.eos_token_ids, token) == 0) config.eos_token_ids.push_back(token);
  }
}

Result<std::string> template_from_list(const Json& list, const std::string& origin) {
  for (const Json& item : list) {
    if (!item.is_object()) break;
    const auto name = item.find("name");
    const auto text = item.find("template");
    if (name == item.end() || text == item.end() || !text->is_string()) break;
    if (*name == "default") return text->get<std::string>();
  }
  return invalid_argument(
      "{}: chat_template is a list without a \"default\" template: choose one with --chat-template",
      origin);
}

}  // namespace

Result<GenerationConfig> parse_generation_config(std::string_view text, std::string_view origin,
                                                 LlamaConfig& config) {
  ASSIGN_OR_RETURN(const Json document, parse_config_object(text, origin));
  const ConfigObject object(document, std::string(origin));
  GenerationConfig generation;
  generation.temperature = recommended(object, "temperature", 0.0, 2.0);
  generation.top_p = recommended(object, "top_p", 1e-6, 1.0);
  generation.repetition_penalty = recommended(object, "repetition_penalty", 0.01, 100.0);
  const auto top_k = recommended(object, "top_k", 0.0, kVocabularySizeMax);
  if (top_k) generation.top_k = static_cast<int>(*top_k);
  const auto do_sample = object.get_bool("do_sample");
  if (do_sample.ok()) generation.do_sample = *do_sample;
  add_eos_ids(object, config);
  return generation;
}

Result<std::string> read_chat_template(const std::filesystem::path& folder) {
  const std::filesystem::path jinja = folder / "chat_template.jinja";
  if (is_there(jinja)) return read_file(jinja, kChatTemplateBytesMax);
  const std::filesystem::path path = folder / "tokenizer_config.json";
  if (!is_there(path)) return std::string();
  ASSIGN_OR_RETURN(const Json document, read_config_object(path));
  const Json* chat_template = ConfigObject(document, path.string()).find("chat_template");
  if (chat_template == nullptr) return std::string();
  std::string text;
  if (chat_template->is_array()) {
    ASSIGN_OR_RETURN(text, template_from_list(*chat_template, path.string()));
  } else if (chat_template->is_string()) {
    text = chat_template->get<std::string>();
  } else {
    return invalid_argument("{}: chat_template must be a string or a list", path.string());
  }
  if (text.size() > kChatTemplateBytesMax) {
    return invalid_argument("{}: a chat_template of {} bytes, above the limit of {}", path.string(),
                            text.size(), kChatTemplateBytesMax);
  }
  return text;
}

}  // namespace puna
