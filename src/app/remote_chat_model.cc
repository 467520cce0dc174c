// Answers as streams of /v1/chat/completions.

#include "app/remote_chat_model.h"

#include <algorithm>
#include <functional>

#include "app/answer_stream.h"
#include "app/server_models.h"
#include "base/json.h"
#include "base/utf8.h"

namespace puna {
namespace {

constexpr size_t kRefusalBytesMax = 64 << 10;

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
    const Patience::GoesOn goes_on = [&] { return on_text(""); };
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
