// The connection is kept between requests; one that a restarted server has forgotten is made anew
// by libcurl.

#include "app/http_client.h"

#include <curl/curl.h>

#include <array>

#include "base/environment.h"

namespace puna {
namespace {

constexpr int kLookForStopMs = 100;
constexpr long kConnectSeconds = 10;

size_t receive(const char* bytes, size_t size, size_t count, void* receiver) {
  const auto& on_bytes = *static_cast<const HttpClient::OnBytes*>(receiver);
  return on_bytes({bytes, size * count}) ? size * count : 0;
}

}  // namespace

struct HttpClient::Handles {
  CURL* easy = curl_easy_init();
  CURLM* multi = curl_multi_init();
  curl_slist* headers = nullptr;
  std::array<char, CURL_ERROR_SIZE> message = {};

  Handles() = default;
  ~Handles() {
    curl_multi_cleanup(multi);
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;
};

HttpClient::HttpClient(std::string url, const std::string& api_key)
    : url_(std::move(url)), handles_(std::make_unique<Handles>()) {
  curl_slist*& headers = handles_->headers;
  headers = curl_slist_append(nullptr, "Content-Type: application/json");
  headers = curl_slist_append(headers, "Expect:");  // a refusal comes before the body has gone
  if (!api_key.empty()) {
    headers = curl_slist_append(headers, ("Authorization: Bearer " + api_key).c_str());
  }
}

HttpClient::~HttpClient() = default;

Result<HttpClient::Reply> HttpClient::send(const std::string& path, const std::string& body,
                                           const OnBytes& on_bytes,
                                           const std::function<bool()>& goes_on) {
  const std::string target = url_ + path;
  CURL* const easy = handles_->easy;
  curl_easy_reset(easy);
  handles_->message[0] = '\0';
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, handles_->message.data());
  curl_easy_setopt(easy, CURLOPT_URL, target.c_str());
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "puna");
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, handles_->headers);
  const std::string authorities = environment("SSL_CERT_FILE");
  if (!authorities.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, authorities.c_str());
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &on_bytes);
  if (!body.empty()) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
  }
  curl_multi_add_handle(handles_->multi, easy);
  const Status done = perform(target, goes_on);
  Reply reply;
  char* moved_to = nullptr;
  curl_off_t retry_after = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply.status);
  curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
  curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &moved_to);
  reply.retry_after_seconds = static_cast<long>(retry_after);
  if (moved_to != nullptr) reply.moved_to = moved_to;
  curl_multi_remove_handle(handles_->multi, easy);
  RETURN_IF_ERROR(done);
  return reply;
}

Status HttpClient::perform(const std::string& target, const std::function<bool()>& goes_on) {
  int running = 1;
  while (running > 0) {
    if (curl_multi_perform(handles_->multi, &running) != CURLM_OK) break;
    if (!goes_on()) return Status(StatusCode::kCancelled, "stopped");
    if (running > 0) curl_multi_poll(handles_->multi, nullptr, 0, kLookForStopMs, nullptr);
  }
  int left = 0;
  const CURLMsg* message = curl_multi_info_read(handles_->multi, &left);
  const CURLcode code = message == nullptr ? CURLE_RECV_ERROR : message->data.result;
  if (code == CURLE_OK) return {};
  if (code == CURLE_WRITE_ERROR) return Status(StatusCode::kCancelled, "stopped");
  const char* said =
      handles_->message[0] != '\0' ? handles_->message.data() : curl_easy_strerror(code);
  return error(StatusCode::kUnavailable, "{}: {}", target, said);
}

}  // namespace puna
