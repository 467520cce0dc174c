// The page may load from its own server and from nowhere else.

#include "api/chat_page.h"

#include "base/json.h"

namespace puna {
namespace {

constexpr const char* kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

const PageAsset* find_asset(std::string_view path) {
  if (path == "/") path = "/index.html";
  for (const PageAsset& asset : page_assets()) {
    if (asset.path == path) return &asset;
  }
  return nullptr;
}

}  // namespace

Result<std::vector<std::string>> parse_examples(std::string_view json_text,
                                                std::string_view origin) {
  auto json = parse_json(json_text);
  if (!json.ok()) return json.status().with_context(origin);
  std::vector<std::string> examples;
  bool valid = json->is_array();
  for (size_t i = 0; valid && i < json->size(); ++i) {
    valid = (*json)[i].is_string();
    if (valid) examples.push_back((*json)[i].get<std::string>());
  }
  if (!valid) return invalid_argument("{}: not a JSON list of texts", origin);
  return examples;
}

std::optional<HttpReply> find_page_asset(const HttpRequest& request) {
  const PageAsset* asset = find_asset(request.path());
  if (asset == nullptr) return std::nullopt;
  HttpReply reply;
  reply.content_type = asset->content_type;
  reply.headers = {
      {"ETag", std::string(asset->etag)},
      {"Cache-Control", asset->immutable ? "public, max-age=31536000, immutable" : "no-cache"},
      {"Content-Security-Policy", kContentSecurityPolicy},
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
  };
  if (request.header("if-none-match") == asset->etag) {
    reply.status = 304;
    return reply;
  }
  reply.headers.emplace_back("Content-Encoding", "gzip");
  reply.body = asset->gzip;
  return reply;
}

HttpReply page_config_reply(const PageOptions& options, const Generator& generator) {
  OrderedJson json;
  json["title"] = options.title;
  json["model"] = generator.model().name;
  json["max_model_len"] = generator.model().max_model_len;
  json["examples"] = options.examples;
  json["system_prompt"] = options.system_prompt;
  json["defaults"]["temperature"] = generator.default_sampling().temperature;
  json["defaults"]["top_p"] = generator.default_sampling().top_p;
  HttpReply reply;
  reply.body = dump_json(json);
  reply.headers.emplace_back("Cache-Control", "no-store");
  return reply;
}

}  // namespace puna
