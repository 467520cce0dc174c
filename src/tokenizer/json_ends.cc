// tokenizer.json: post_processor and decoder.

#include <algorithm>

#include "tokenizer/json_fields.h"
#include "tokenizer/json_steps.h"

namespace puna {
namespace {

constexpr size_t kPromptEndTokensMax = 64;

class DecoderReader {
 public:
  Status read(const Json& json, std::string where, int depth) {
    ASSIGN_OR_RETURN(const JsonFields fields, JsonFields::of(json, std::move(where)));
    ASSIGN_OR_RETURN(const auto named, fields.text("type"));
    const std::string type = named.value_or("");
    if (spelling_.replaced.size() >= kStepsMax) return fields.refuse("is one step too many");
    if (type == "Sequence") return read_sequence(fields, depth);
    if (type == "ByteLevel") return read_byte_level(fields);
    if (type == "Metaspace") return read_metaspace(fields);
    if (type == "Replace") return read_replace(fields);
    if (type == "Strip") return read_strip(fields);
    if (type == "Fuse") return fields.allow({"type"});
    if (type == "ByteFallback") {
      spelling_.byte_fallback = true;
      return fields.allow({"type"});
    }
    return fields.refuse(fmt::format(
        "has the type {}, which is not supported; Sequence, ByteLevel, Metaspace, Replace, Strip, "
        "Fuse and ByteFallback are",
        type.empty() ? "null" : type));
  }

  PieceSpelling take() { return std::move(spelling_); }

 private:
  Status read_sequence(const JsonFields& fields, int depth) {
    return read_json_sequence(fields, "decoders", depth, [&](const Json& step, std::string where) {
      return read(step, std::move(where), depth + 1);
    });
  }

  Status read_byte_level(const JsonFields& fields) {
    spelling_.byte_level = true;
    return fields.allow({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  }

  Status read_metaspace(const JsonFields& fields) {
    RETURN_IF_ERROR(fields.allow(
        {"type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"}));
    ASSIGN_OR_RETURN(const auto replacement, fields.text("replacement"));
    ASSIGN_OR_RETURN(const auto scheme, fields.text("prepend_scheme"));
    ASSIGN_OR_RETURN(const bool adds_space, fields.flag("add_prefix_space", true));
    if (!replacement || replacement->empty()) return fields.refuse("has no replacement");
    spelling_.replaced.emplace_back(*replacement, " ");
    if (scheme.value_or(adds_space ? "always" : "never") != "never") {
      spelling_.drops_first_space = true;
    }
    return {};
  }

  Status read_replace(const JsonFields& fields) {
    RETURN_IF_ERROR(fields.allow({"type", "pattern", "content"}));
    ASSIGN_OR_RETURN(const auto content, fields.text("content"));
    if (!content) return fields.refuse("has no content");
    ASSIGN_OR_RETURN(const JsonPattern pattern, read_json_pattern(fields));
    if (pattern.regex || pattern.literal.empty()) {
      return fields.refuse("has a pattern that is not a String");
    }
    spelling_.replaced.emplace_back(pattern.literal, *content);
    return {};
  }

  // The space that was put before the first word.
  Status read_strip(const JsonFields& fields) {
    RETURN_IF_ERROR(fields.allow({"type", "content", "start", "stop"}));
    const Json* start = fields.find("start");
    const Json* stop = fields.find("stop");
    ASSIGN_OR_RETURN(const auto content, fields.text("content"));
    if (content != " " || (start != nullptr && *start != 0 && *start != 1) ||
        (stop != nullptr && *stop != 0)) {
      return fields.refuse("strips something else than one space at the start");
    }
    if (start != nullptr && *start == 1) spelling_.drops_first_space = true;
    return {};
  }

  PieceSpelling spelling_;
};

class EndsReader {
 public:
  explicit EndsReader(const std::vector<std::string>& pieces) : pieces_(pieces) {}

  Status read(const Json& json, std::string where, int depth) {
    ASSIGN_OR_RETURN(const JsonFields fields, JsonFields::of(json, std::move(where)));
    ASSIGN_OR_RETURN(const auto named, fields.text("type"));
    const std::string type = named.value_or("");
    if (type == "Sequence") return read_sequence(fields, depth);
    if (type == "TemplateProcessing") return read_template(fields);
    if (type == "ByteLevel") {  // about offsets only
      return fields.allow({"type", "add_prefix_space", "trim_offsets", "use_regex"});
    }
    if (type == "RobertaProcessing" || type == "BertProcessing") return read_pair(fields);
    return fields.refuse(fmt::format(
        "has the type {}, which is not supported; Sequence, TemplateProcessing, ByteLevel, "
        "RobertaProcessing and BertProcessing are",
        type.empty() ? "null" : type));
  }

  PromptEnds take() { return std::move(ends_); }

 private:
  Status read_sequence(const JsonFields& fields, int depth) {
    return read_json_sequence(fields, "processors", depth,
                              [&](const Json& step, std::string where) {
                                return read(step, std::move(where), depth + 1);
                              });
  }

  // Each one puts its tokens around what the ones before it gave.
  Status wrap(const JsonFields& fields, const std::vector<TokenId>& before,
              const std::vector<TokenId>& after) {
    ends_.before.insert(ends_.before.begin(), before.begin(), before.end());
    ends_.after.insert(ends_.after.end(), after.begin(), after.end());
    if (ends_.before.size() + ends_.after.size() > kPromptEndTokensMax) {
      return fields.refuse(
          fmt::format("puts more than {} tokens around a text", kPromptEndTokensMax));
    }
    return {};
  }

  Status read_template(const JsonFields& fields) {
    RETURN_IF_ERROR(fields.allow({"type", "single", "pair", "special_tokens"}));
    const Json* single = fields.find("single");
    if (single == nullptr || !single->is_array()) return fields.refuse("has no list \"single\"");
    std::vector<TokenId> before;
    std::vector<TokenId> after;
    int texts = 0;
    for (const Json& one : *single) {
      ASSIGN_OR_RETURN(const JsonFields item, JsonFields::of(one, fields.below("single[]")));
      RETURN_IF_ERROR(item.allow({"SpecialToken", "Sequence"}));
      const Json* special = item.find("SpecialToken");
      const Json* text = item.find("Sequence");
      if (text != nullptr && text->is_object() && text->value("id", Json()) == "A") ++texts;
      if (special == nullptr) continue;
      auto& ids = texts == 0 ? before : after;
      RETURN_IF_ERROR(append_special(fields, *special, ids));
    }
    if (texts != 1) return fields.refuse("does not have the text once in \"single\"");
    return wrap(fields, before, after);
  }

  Status append_special(const JsonFields& fields, const Json& special, std::vector<TokenId>& ids) {
    const Json* table = fields.find("special_tokens");
    if (!special.is_object() || !special.contains("id") || !special["id"].is_string() ||
        table == nullptr || !table->is_object()) {
      return fields.refuse("has a special token without id, or no table of them");
    }
    const std::string name = special["id"].get<std::string>();
    const auto entry = table->find(name);
    if (entry == table->end() || !entry->is_object() || !entry->contains("ids") ||
        !(*entry)["ids"].is_array()) {
      return fields.refuse(fmt::format("names {}, which its special_tokens lack", name));
    }
    for (const Json& id : (*entry)["ids"]) RETURN_IF_ERROR(append(fields, id, ids));
    return {};
  }

  Status append(const JsonFields& fields, const Json& id, std::vector<TokenId>& ids) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 ||
        id.get<int64_t>() >= static_cast<int64_t>(pieces_.size())) {
      return fields.refuse(
          fmt::format("has the token id {}, which is not in the vocabulary", dump_json(id)));
    }
    ids.push_back(static_cast<TokenId>(id.get<int64_t>()));
    return {};
  }

  // "cls": ["<s>", 0] before, "sep" after.
  Status read_pair(const JsonFields& fields) {
    RETURN_IF_ERROR(fields.allow({"type", "sep", "cls", "trim_offsets", "add_prefix_space"}));
    std::vector<TokenId> before;
    std::vector<TokenId> after;
    for (const char* name : {"cls", "sep"}) {
      const Json* pair = fields.find(name);
      if (pair == nullptr || !pair->is_array() || pair->size() != 2) {
        return fields.refuse(fmt::format("has no \"{}\" of a text and an id", name));
      }
      RETURN_IF_ERROR(append(fields, (*pair)[1], *name == 'c' ? before : after));
    }
    return wrap(fields, before, after);
  }

  const std::vector<std::string>& pieces_;
  PromptEnds ends_;
};

}  // namespace

Result<PieceSpelling> read_json_decoder(const Json& json) {
  DecoderReader reader;
  RETURN_IF_ERROR(reader.read(json, "decoder", 0));
  return reader.take();
}

Result<PromptEnds> read_json_post_processor(const Json* json,
                                            const std::vector<std::string>& pieces) {
  EndsReader reader(pieces);
  if (json != nullptr) RETURN_IF_ERROR(reader.read(*json, "post_processor", 0));
  return reader.take();
}

}  // namespace puna
