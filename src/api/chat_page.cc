// Files are stored compressed; zlib opens them for the rare client that wants plain bytes.

#include "api/chat_page.h"

#include <zlib.h>

#include <algorithm>

#include "base/check.h"
#include "base/json.h"

namespace puna {
namespace {

// No request to anywhere else, no inline script, nobody may frame the page.
constexpr const char* kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types dompurify";

std::string gunzip(std::string_view packed) {
  z_stream stream{};
  constexpr int kGzip = 16 + MAX_WBITS;
  CHECK(inflateInit2(&stream, kGzip) == Z_OK, "zlib has no memory");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string text;
  char piece[16384];
  int code = Z_OK;
  while (code == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(piece);
    stream.avail_out = sizeof(piece);
    code = inflate(&stream, Z_NO_FLUSH);
    text.append(piece, sizeof(piece) - stream.avail_out);
  }
  inflateEnd(&stream);
  CHECK(code == Z_STREAM_END, "an embedded file is broken");
  return text;
}

// {"zh-CN": {"title": …, "greeting": …, "examples": […]}}; what a language does not say is absent.
OrderedJson texts_json(const std::vector<PageTexts>& texts) {
  OrderedJson json = OrderedJson::object();
  for (const PageTexts& one : texts) {
    OrderedJson& language = json[one.language] = OrderedJson::object();
    if (!one.title.empty()) language["title"] = one.title;
    if (!one.greeting.empty()) language["greeting"] = one.greeting;
    if (!one.examples.empty()) language["examples"] = one.examples;
  }
  return json;
}

}  // namespace

const PageAsset* find_page_asset(std::string_view path) {
  if (path == "/") path = "/index.html";
  const auto assets = page_assets();
  const auto found = std::find_if(assets.begin(), assets.end(),
                                  [&](const PageAsset& asset) { return asset.path == path; });
  return found == assets.end() ? nullptr : &*found;
}

HttpReply page_reply(const PageAsset& asset, const HttpRequest& request) {
  HttpReply reply;
  reply.content_type = asset.content_type;
  reply.headers = {
      {"ETag", std::string(asset.etag)},
      {"Cache-Control", asset.immutable ? "public, max-age=31536000, immutable" : "no-cache"},
      {"Content-Security-Policy", kContentSecurityPolicy},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Vary", "Accept-Encoding"}};
  if (request.header("if-none-match").find(asset.etag) != std::string_view::npos) {
    reply.status = 304;
    return reply;
  }
  if (request.header("accept-encoding").find("gzip") != std::string_view::npos) {
    reply.headers.emplace_back("Content-Encoding", "gzip");
    reply.body = asset.gzip;
  } else {
    reply.body = gunzip(asset.gzip);
  }
  return reply;
}

HttpReply page_config_reply(const PageOptions& page, const Generator& generator) {
  OrderedJson json;
  json["title"] = page.title.empty() ? "Puna" : page.title;
  json["model"] = generator.model().name;
  json["examples"] = page.examples;
  json["texts"] = texts_json(page.texts);
  json["system_prompt"] = page.system_prompt;
  json["defaults"]["temperature"] = generator.default_sampling().temperature;
  if (const int tokens = generator.default_max_tokens(); tokens > 0) {
    json["defaults"]["max_tokens"] = tokens;
  }
  json["max_model_len"] = generator.model().max_model_len;
  HttpReply reply;
  reply.body = dump_json(json);
  reply.headers.emplace_back("Cache-Control", "no-store");
  return reply;
}

}  // namespace puna
