// HTTP by libcurl: one request at a time, polled so that the person can stop an answer.

#include "app/remote_chat_model.h"

#include <curl/curl.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>

#include "base/json.h"
#include "base/utf8.h"

namespace puna {
namespace {

using std::chrono::steady_clock;

constexpr size_t kReplyBytesMax = 64 << 20;
constexpr int kLookForStopMs = 100;
constexpr long kConnectSeconds = 10;
constexpr std::string_view kData = "data:";

struct Reply {
  long status = 0;
  std::string body;
};

// Gets bytes of the body as they come; false ends the request.
using OnBytes = std::function<bool(std::string_view)>;

size_t receive(const char* bytes, size_t size, size_t count, void* receiver) {
  const auto& on_bytes = *static_cast<const OnBytes*>(receiver);
  return on_bytes({bytes, size * count}) ? size * count : 0;
}

// What a server says of an error: OpenAI's {"error": {"message": …}}, else the status.
Status status_of(const Reply& reply, const std::string& url) {
  const auto json = parse_json(reply.body);
  std::string message;
  if (json.ok() && json->is_object() && json->contains("error")) {
    const Json& failure = (*json)["error"];
    const Json* text =
        failure.is_object() && failure.contains("message") ? &failure["message"] : &failure;
    if (text->is_string()) message = text->get<std::string>();
  }
  if (message.empty()) message = fmt::format("{} answers {}", url, reply.status);
  if (reply.status == 401) message += " (--api-key or PUNA_API_KEY)";
  return Status(StatusCode::kInvalidArgument, message);
}

class Client {
 public:
  Client(std::string url, const std::string& api_key)
      : url_(std::move(url)), easy_(curl_easy_init()), multi_(curl_multi_init()) {
    headers_ = curl_slist_append(nullptr, "Content-Type: application/json");
    if (!api_key.empty()) {
      headers_ = curl_slist_append(headers_, ("Authorization: Bearer " + api_key).c_str());
    }
  }
  ~Client() {
    curl_multi_cleanup(multi_);
    curl_easy_cleanup(easy_);
    curl_slist_free_all(headers_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  const std::string& url() const { return url_; }

  // GET without a body. `idle` is asked several times a second; false ends the request.
  Result<long> send(const std::string& path, const std::string& body, const OnBytes& on_bytes,
                    const std::function<bool()>& idle) {
    const std::string target = url_ + path;
    curl_easy_reset(easy_);
    curl_easy_setopt(easy_, CURLOPT_URL, target.c_str());
    curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &on_bytes);
    if (!body.empty()) {
      curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, body.data());
      curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    }
    curl_multi_add_handle(multi_, easy_);
    const Status done = perform(target, idle);
    curl_multi_remove_handle(multi_, easy_);
    RETURN_IF_ERROR(done);
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    return status;
  }

  Result<Json> get_json(const std::string& path, const std::string& body) {
    Reply reply;
    const auto keep = [&](std::string_view bytes) {
      reply.body += bytes;
      return reply.body.size() <= kReplyBytesMax;
    };
    ASSIGN_OR_RETURN(reply.status, send(path, body, keep, [] { return true; }));
    if (reply.status != 200) return status_of(reply, url_ + path);
    auto json = parse_json(reply.body);
    if (json.ok()) return json;
    return invalid_argument("{}{}: {}", url_, path, json.status().message());
  }

 private:
  Status perform(const std::string& target, const std::function<bool()>& idle) {
    int running = 1;
    while (running > 0) {
      if (curl_multi_perform(multi_, &running) != CURLM_OK) break;
      if (!idle()) return Status(StatusCode::kCancelled, "stopped");
      if (running > 0) curl_multi_poll(multi_, nullptr, 0, kLookForStopMs, nullptr);
    }
    int left = 0;
    const CURLMsg* message = curl_multi_info_read(multi_, &left);
    const CURLcode code = message == nullptr ? CURLE_RECV_ERROR : message->data.result;
    if (code == CURLE_OK) return {};
    return error(StatusCode::kUnavailable, "{}: {}", target, curl_easy_strerror(code));
  }

  const std::string url_;
  CURL* const easy_;
  CURLM* const multi_;
  curl_slist* headers_ = nullptr;
};

Json messages_of(const std::vector<ChatTurn>& turns) {
  Json messages = Json::array();
  for (const ChatTurn& turn : turns) {
    messages.push_back({{"role", turn.role}, {"content", turn.content}});
  }
  return messages;
}

// The stream of one answer: lines of server-sent events, put together from pieces.
class AnswerReader {
 public:
  explicit AnswerReader(const ChatModel::OnText& on_text)
      : on_text_(on_text), started_(steady_clock::now()) {}

  bool add(std::string_view bytes) {
    pending_ += bytes;
    if (pending_.size() > kReplyBytesMax) return false;
    for (size_t end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n')) {
      std::string line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      if (line.ends_with('\r')) line.pop_back();
      if (line.starts_with(kData)) take(line.substr(kData.size()));
    }
    return goes_on_;
  }

  // Of a reply that was no stream.
  const std::string& rest() const { return pending_; }
  bool goes_on() const { return goes_on_; }
  const Status& status() const { return status_; }

  ChatAnswerEnd end() const {
    ChatAnswerEnd end = end_;
    const std::chrono::duration<double> decode = last_ - first_;
    end.first_token_seconds = std::chrono::duration<double>(first_ - started_).count();
    if (end.completion_tokens > 1 && decode.count() > 0) {
      end.tokens_per_second = (end.completion_tokens - 1) / decode.count();
    }
    return end;
  }
  bool look_for_stop() {
    if (goes_on_) goes_on_ = on_text_("");
    return goes_on_;
  }

 private:
  void take(const std::string& data) {
    const auto json = parse_json(data);
    if (!json.ok() || !json->is_object()) return;  // "[DONE]"
    if (json->contains("error")) status_ = status_of({.status = 200, .body = data}, "the server");
    read_usage(*json);
    const auto choices = json->find("choices");
    if (choices == json->end() || !choices->is_array() || choices->empty()) return;
    read_choice(choices->front());
  }

  void read_usage(const Json& json) {
    const auto usage = json.find("usage");
    if (usage == json.end() || !usage->is_object()) return;
    end_.prompt_tokens = usage->value("prompt_tokens", 0);
    end_.completion_tokens = usage->value("completion_tokens", 0);
  }

  void read_choice(const Json& choice) {
    if (!choice.is_object()) return;
    const auto reason = choice.find("finish_reason");
    if (reason != choice.end() && reason->is_string())
      end_.finish_reason = reason->get<std::string>();
    const auto delta = choice.find("delta");
    if (delta == choice.end() || !delta->is_object()) return;
    const auto content = delta->find("content");
    if (content == delta->end() || !content->is_string()) return;
    const auto text = content->get<std::string>();
    if (text.empty()) return;
    last_ = steady_clock::now();
    if (first_ == steady_clock::time_point()) first_ = last_;
    goes_on_ = on_text_(text) && goes_on_;
  }

  const ChatModel::OnText& on_text_;
  const steady_clock::time_point started_;
  steady_clock::time_point first_, last_;
  std::string pending_;
  ChatAnswerEnd end_;
  Status status_;
  bool goes_on_ = true;
};

class RemoteChatModel final : public ChatModel {
 public:
  RemoteChatModel(std::unique_ptr<Client> client, std::string name, int max_model_len)
      : client_(std::move(client)), name_(std::move(name)), max_model_len_(max_model_len) {}

  std::string describe() const override { return fmt::format("{} at {}", name_, client_->url()); }
  int max_model_len() const override { return max_model_len_; }

  Result<ChatAnswerEnd> answer(const std::vector<ChatTurn>& turns, const ChatSettings& settings,
                               const OnText& on_text) override {
    Json request = {{"model", name_}, {"stream", true}, {"messages", messages_of(turns)}};
    request["stream_options"]["include_usage"] = true;
    if (settings.temperature) request["temperature"] = *settings.temperature;
    if (settings.top_p) request["top_p"] = *settings.top_p;
    if (settings.top_k) request["top_k"] = *settings.top_k;
    if (settings.max_tokens) request["max_tokens"] = *settings.max_tokens;
    if (settings.seed) request["seed"] = *settings.seed;
    AnswerReader reader(on_text);
    const auto status = client_->send(
        "/v1/chat/completions", dump_json(request),
        [&](std::string_view bytes) { return reader.add(bytes); },
        [&] { return reader.look_for_stop(); });
    ChatAnswerEnd end = reader.end();
    if (!reader.goes_on()) {
      end.finish_reason = "cancelled";
      return end;
    }
    RETURN_IF_ERROR(status.status());
    if (*status != 200)
      return status_of({.status = *status, .body = reader.rest()}, client_->url());
    RETURN_IF_ERROR(reader.status());
    return end;
  }

  Result<int> count_tokens(const std::vector<ChatTurn>& turns) override {
    if (turns.empty()) return 0;
    const Json request = {{"messages", messages_of(turns)}, {"add_generation_prompt", false}};
    ASSIGN_OR_RETURN(const Json reply, client_->get_json("/tokenize", dump_json(request)));
    if (!reply.is_object() || !reply.contains("count") || !reply["count"].is_number_integer()) {
      return invalid_argument("{} does not count tokens", client_->url());
    }
    return reply["count"].get<int>();
  }

 private:
  const std::unique_ptr<Client> client_;
  const std::string name_;
  const int max_model_len_;
};

std::string without_path(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  if (url.ends_with("/v1")) url.resize(url.size() - 3);
  return url;
}

}  // namespace

Result<std::unique_ptr<ChatModel>> open_remote_chat_model(const std::string& url,
                                                          const std::string& api_key,
                                                          const std::string& model) {
  auto client = std::make_unique<Client>(without_path(url), api_key);
  ASSIGN_OR_RETURN(const Json reply, client->get_json("/v1/models", ""));
  std::vector<std::string> names;
  int max_model_len = 0;
  const bool has_list = reply.is_object() && reply.contains("data") && reply["data"].is_array();
  for (const Json& one : has_list ? reply["data"] : Json::array()) {
    if (!one.is_object() || !one.contains("id") || !one["id"].is_string()) continue;
    names.push_back(one["id"].get<std::string>());
    const auto length = one.find("max_model_len");
    const bool is_wanted = model.empty() ? names.size() == 1 : names.back() == model;
    if (is_wanted && length != one.end() && length->is_number_integer()) {
      max_model_len = length->get<int>();
    }
  }
  if (names.empty()) return invalid_argument("--url {}: /v1/models lists no model", url);
  if (!model.empty() && std::find(names.begin(), names.end(), model) == names.end()) {
    return invalid_argument("--url {} has no model {}; it has {}", url, escape_for_terminal(model),
                            fmt::join(names, ", "));
  }
  return std::unique_ptr<ChatModel>(std::make_unique<RemoteChatModel>(
      std::move(client), model.empty() ? names.front() : model, max_model_len));
}

}  // namespace puna
