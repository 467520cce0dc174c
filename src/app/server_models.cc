// Waiting is drawn on the terminal.

#include "app/server_models.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <thread>

#include "app/answer_stream.h"
#include "base/utf8.h"
#include "terminal/status_line.h"

namespace puna {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::minutes kWaitMax{10};  // for a server that asks to come back
constexpr long kRetryAfterSecondsMax = 60;
constexpr std::chrono::milliseconds kLookForStop{100};

}  // namespace

std::string without_version(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  if (url.ends_with("/v1")) url.resize(url.size() - 3);
  return url;
}

Result<bool> Patience::waits(const HttpClient::Reply& reply, std::string_view body,
                             const Status& refused) {
  const bool may_help = reply.retry_after_seconds > 0 && !is_for_good(body) &&
                        refused.code() == StatusCode::kUnavailable &&
                        steady_clock::now() - began_ < kWaitMax;
  if (!may_help) return false;
  const auto again = steady_clock::now() + std::chrono::seconds(std::min(reply.retry_after_seconds,
                                                                         kRetryAfterSecondsMax));
  StatusLine line;
  while (steady_clock::now() < again) {
    if (!goes_on_()) return Status(StatusCode::kCancelled, "stopped");
    const auto left = std::chrono::ceil<std::chrono::seconds>(again - steady_clock::now());
    line.show(fmt::format("{}; asking again in {} s", escape_for_terminal(refused.message()),
                          left.count()));
    std::this_thread::sleep_for(kLookForStop);
  }
  return true;
}

Status status_of(const HttpClient& client, const HttpClient::Reply& reply, std::string_view body) {
  if (!reply.moved_to.empty()) {
    return invalid_argument("{} has moved to {}: that is its URL", client.url(), reply.moved_to);
  }
  return refusal(reply.status, body, client.url());
}

Result<Json> json_reply(HttpClient& client, const std::string& path, const std::string& request) {
  const Patience::GoesOn always = [] { return true; };
  Patience patience(always);
  for (;;) {
    std::string body;
    const auto keep = [&](std::string_view bytes) {
      body += bytes;
      return body.size() <= kServerReplyBytesMax;
    };
    ASSIGN_OR_RETURN(const HttpClient::Reply reply, client.send(path, request, keep, always));
    if (reply.status == 200) {
      auto json = parse_json(body);
      if (json.ok()) return json;
      return invalid_argument("{}{} is no server of OpenAI's API: {}", client.url(), path,
                              json.status().message());
    }
    Status refused = status_of(client, reply, body);
    ASSIGN_OR_RETURN(const bool again, patience.waits(reply, body, refused));
    if (!again) return refused;
  }
}

Result<std::vector<ServerModel>> models_of(HttpClient& client) {
  ASSIGN_OR_RETURN(const Json reply, json_reply(client, "/v1/models", ""));
  std::vector<ServerModel> models;
  const bool has_list = reply.is_object() && reply.contains("data") && reply["data"].is_array();
  for (const Json& one : has_list ? reply["data"] : Json::array()) {
    if (!one.is_object() || !one.contains("id") || !one["id"].is_string()) continue;
    models.push_back({text_of(one, "id"), count_of(one, "max_model_len")});
  }
  if (!models.empty()) return models;
  return invalid_argument("{}/v1/models lists no model", client.url());
}

std::string names_of(const std::vector<ServerModel>& models) {
  std::vector<std::string> names;
  for (const ServerModel& model : models) names.push_back(model.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace puna
