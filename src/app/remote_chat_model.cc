// A server that is busy or loads its model says when to come back: then it is asked again.

#include "app/remote_chat_model.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "app/answer_stream.h"
#include "app/http_client.h"
#include "base/json.h"
#include "base/utf8.h"
#include "terminal/status_line.h"

namespace puna {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::minutes kWaitMax{10};  // for a server that asks to come back
constexpr long kRetryAfterSecondsMax = 60;
constexpr std::chrono::milliseconds kLookForStop{100};
constexpr size_t kRefusalBytesMax = 64 << 10;

using GoesOn = std::function<bool()>;

struct ServerModel {
  std::string name;
  int max_model_len = 0;  // 0: not known
};

Json messages_of(const std::vector<ChatTurn>& turns) {
  Json messages = Json::array();
  for (const ChatTurn& turn : turns) {
    messages.push_back({{"role", turn.role}, {"content", turn.content}});
  }
  return messages;
}

Json chat_request(const std::string& model, const std::vector<ChatTurn>& turns,
                  const ChatSettings& settings) {
  Json request = {{"model", model}, {"stream", true}, {"messages", messages_of(turns)}};
  request["stream_options"]["include_usage"] = true;
  if (settings.temperature) request["temperature"] = *settings.temperature;
  if (settings.top_p) request["top_p"] = *settings.top_p;
  if (settings.top_k) request["top_k"] = *settings.top_k;
  if (settings.max_tokens) request["max_tokens"] = *settings.max_tokens;
  if (settings.seed) request["seed"] = *settings.seed;
  return request;
}

// Waits for as long as the server says when to ask again; `refused` is what it says why.
class Patience {
 public:
  explicit Patience(const GoesOn& goes_on) : goes_on_(goes_on) {}

  // False: the refusal stands. kCancelled: the person has stopped waiting.
  Result<bool> waits(const HttpClient::Reply& reply, std::string_view body, const Status& refused) {
    const bool may_help = reply.retry_after_seconds > 0 && !is_for_good(body) &&
                          refused.code() == StatusCode::kUnavailable &&
                          steady_clock::now() - began_ < kWaitMax;
    if (!may_help) return false;
    const auto again = steady_clock::now() + std::chrono::seconds(std::min(
                                                 reply.retry_after_seconds, kRetryAfterSecondsMax));
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

 private:
  const GoesOn& goes_on_;
  const steady_clock::time_point began_ = steady_clock::now();
};

// What the server says of a reply that is no success.
Status status_of(const HttpClient& client, const HttpClient::Reply& reply, std::string_view body) {
  if (!reply.moved_to.empty()) {
    return invalid_argument("{} has moved to {}: give that to --url", client.url(), reply.moved_to);
  }
  return refusal(reply.status, body, client.url());
}

Result<Json> json_reply(HttpClient& client, const std::string& path, const std::string& request) {
  const GoesOn always = [] { return true; };
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

class RemoteChatModel final : public ChatModel {
 public:
  // `wanted` is the name that the person gave, or empty.
  RemoteChatModel(std::unique_ptr<HttpClient> client, ServerModel model, bool is_wanted)
      : client_(std::move(client)), model_(std::move(model)), is_wanted_(is_wanted) {}

  std::string describe() const override {
    return fmt::format("{} at {}", model_.name, client_->url());
  }
  int max_model_len() const override { return model_.max_model_len; }

  Result<ChatAnswerEnd> answer(const std::vector<ChatTurn>& turns, const ChatSettings& settings,
                               const OnText& on_text) override {
    const std::string request = dump_json(chat_request(model_.name, turns, settings));
    const GoesOn goes_on = [&] { return on_text(""); };
    Patience patience(goes_on);
    for (;;) {
      AnswerStream stream(on_text);
      std::string body;  // its beginning: a refusal is no stream
      const auto take = [&](std::string_view bytes) {
        body += bytes.substr(0, kRefusalBytesMax - body.size());
        return stream.add(bytes);
      };
      const auto reply = client_->send("/v1/chat/completions", request, take,
                                       [&] { return stream.look_for_stop(); });
      if (stream.is_stopped()) return stream.end();
      if (reply.status().code() == StatusCode::kCancelled) return stream.end();
      RETURN_IF_ERROR(reply.status());
      if (reply->status == 200) return stream.end();
      const Status refused = status_of(*client_, *reply, body);
      if (reply->status == 404) return not_found(refused);
      const auto again = patience.waits(*reply, body, refused);
      if (!again.ok()) return cancelled();
      if (!*again) return refused;
    }
  }

  Result<int> count_tokens(const std::vector<ChatTurn>& turns) override {
    if (turns.empty()) return 0;
    const Json request = {{"messages", messages_of(turns)}, {"add_generation_prompt", false}};
    ASSIGN_OR_RETURN(const Json reply, json_reply(*client_, "/tokenize", dump_json(request)));
    if (!reply.is_object() || !reply.contains("count") || !reply["count"].is_number_integer()) {
      return invalid_argument("{} does not count tokens", client_->url());
    }
    return count_of(reply, "count");
  }

 private:
  static ChatAnswerEnd cancelled() {
    ChatAnswerEnd end;
    end.finish_reason = "cancelled";
    return end;
  }

  // A server may have been started again with another model.
  Status not_found(const Status& refused) {
    const auto models = models_of(*client_);
    if (!models.ok()) return refused;
    const auto is_ours = [this](const ServerModel& one) { return one.name == model_.name; };
    if (std::any_of(models->begin(), models->end(), is_ours)) return refused;
    const std::string lost = model_.name;
    const std::string names = names_of(*models);
    if (is_wanted_) {
      return error(StatusCode::kNotFound, "{} has no model {} any more; it has {}", client_->url(),
                   lost, names);
    }
    model_ = models->front();
    return error(StatusCode::kNotFound,
                 "{} has no model {} any more; it has {}: /retry asks that one", client_->url(),
                 lost, model_.name);
  }

  const std::unique_ptr<HttpClient> client_;
  ServerModel model_;
  const bool is_wanted_;
};

// Both http://host:8000 and the base URL of OpenAI's clients, http://host:8000/v1.
std::string without_version(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  if (url.ends_with("/v1")) url.resize(url.size() - 3);
  return url;
}

}  // namespace

Result<std::unique_ptr<ChatModel>> open_remote_chat_model(const std::string& url,
                                                          const std::string& api_key,
                                                          const std::string& model) {
  auto client = std::make_unique<HttpClient>(without_version(url), api_key);
  const auto models = models_of(*client);
  if (!models.ok()) return models.status().with_context("--url");
  const auto is_wanted = [&](const ServerModel& one) { return model.empty() || one.name == model; };
  const auto chosen = std::find_if(models->begin(), models->end(), is_wanted);
  if (chosen == models->end()) {
    return invalid_argument(
        "--url {} has no model {}; it has {} (a question without a model's name: --prompt)", url,
        escape_for_terminal(model), names_of(*models));
  }
  return std::unique_ptr<ChatModel>(
      std::make_unique<RemoteChatModel>(std::move(client), *chosen, !model.empty()));
}

}  // namespace puna
