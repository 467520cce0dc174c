// One easy handle per transfer. Transient failures are tried again, resuming where they broke off.

#include "hub/hub_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "base/log.h"

namespace puna {
namespace {

constexpr int kAttemptsMax = 5;
constexpr long kConnectSeconds = 20;
constexpr long kStallSeconds = 30;  // without a byte
constexpr std::chrono::seconds kRetryAfterMax{60};
constexpr size_t kAnswerBytesMax = 64 << 20;

struct CurlCloser {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using CurlHandle = std::unique_ptr<CURL, CurlCloser>;
using OpenFile = std::unique_ptr<std::FILE, CurlCloser>;

// What came back from one attempt.
struct Answer {
  CURLcode code = CURLE_OK;
  long status = 0;
  std::string error_code;  // X-Error-Code: "GatedRepo", "RepoNotFound", …
  std::optional<std::chrono::seconds> retry_after;
  bool write_failed = false;
};

// Where the body of one attempt goes.
struct Sink {
  CURL* handle = nullptr;
  std::string* text = nullptr;  // either this
  std::FILE* file = nullptr;    // or this
  int64_t offset = 0;           // of the file when the attempt began
  int64_t size = 0;
  int64_t written = 0;
  const std::function<void(int64_t)>* progress = nullptr;
  Answer* answer = nullptr;
};

size_t on_header(char* data, size_t, size_t size, void* context) {
  auto& answer = *static_cast<Answer*>(context);
  std::string line(data, size);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.pop_back();
  const size_t colon = line.find(": ");
  if (colon == std::string::npos) return size;
  std::string name = line.substr(0, colon);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (name == "x-error-code") answer.error_code = line.substr(colon + 2);
  if (name == "retry-after") {
    const long seconds = std::strtol(line.c_str() + colon + 2, nullptr, 10);
    answer.retry_after =
        std::clamp(std::chrono::seconds(seconds), std::chrono::seconds(0), kRetryAfterMax);
  }
  return size;
}

// A whole answer to a ranged request: what the file had already comes again.
bool start_over_when_range_was_ignored(Sink& sink) {
  long status = 0;
  curl_easy_getinfo(sink.handle, CURLINFO_RESPONSE_CODE, &status);
  if (sink.written > 0 || sink.offset == 0 || status == 206) return true;
  (*sink.progress)(-sink.offset);
  sink.offset = 0;
  return std::freopen(nullptr, "wb", sink.file) != nullptr;
}

size_t on_body(char* data, size_t, size_t size, void* context) {
  auto& sink = *static_cast<Sink*>(context);
  if (sink.text != nullptr) {
    if (sink.text->size() + size > kAnswerBytesMax) return 0;
    sink.text->append(data, size);
    return size;
  }
  const bool ready = start_over_when_range_was_ignored(sink);
  const auto count = static_cast<int64_t>(size);
  if (!ready || sink.offset + sink.written + count > sink.size ||
      std::fwrite(data, 1, size, sink.file) != size) {
    sink.answer->write_failed = true;
    return 0;
  }
  sink.written += count;
  (*sink.progress)(count);
  return size;
}

Answer perform(const std::string& url, const std::string& token, Sink& sink) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  Answer answer;
  const CurlHandle handle(curl_easy_init());
  sink.handle = handle.get();
  sink.answer = &answer;
  CURL* curl = handle.get();
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "puna");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kStallSeconds);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);  // the body of an error is not the file
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
  if (!token.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, token.c_str());
  }
  const std::string range = std::to_string(sink.offset) + "-";
  if (sink.offset > 0) curl_easy_setopt(curl, CURLOPT_RANGE, range.c_str());
  answer.code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
  return answer;
}

bool is_transient(const Answer& answer) {
  if (answer.write_failed) return false;
  return answer.status == 429 || answer.status >= 500 ||
         (answer.code != CURLE_OK && answer.code != CURLE_HTTP_RETURNED_ERROR &&
          answer.code != CURLE_COULDNT_RESOLVE_HOST && answer.code != CURLE_COULDNT_CONNECT &&
          answer.code != CURLE_URL_MALFORMAT && answer.code != CURLE_UNSUPPORTED_PROTOCOL);
}

Status refusal(const Answer& answer, const std::string& repo, const std::string& endpoint,
               bool has_token) {
  if (answer.error_code == "GatedRepo" || answer.status == 403) {
    return error(StatusCode::kPermissionDenied,
                 "{}: access is gated; ask for it at {}/{} while logged in, then set HF_TOKEN to a "
                 "token of that account",
                 repo, endpoint, repo);
  }
  if (answer.status == 401) {
    return error(StatusCode::kUnauthenticated,
                 "{}: no such repository, or a private one; check its name, or set HF_TOKEN{}",
                 repo, has_token ? " (the one given was not accepted)" : "");
  }
  if (answer.status == 404) {
    return error(StatusCode::kNotFound, "{}: not found on {} ({}); check the name and the revision",
                 repo, endpoint, answer.error_code.empty() ? "404" : answer.error_code);
  }
  if (answer.status == 429) {
    return error(
        StatusCode::kUnavailable,
        "{}: {} asks to slow down (429); wait a few minutes{} and run the command again: it "
        "continues where it stopped",
        repo, endpoint, has_token ? "" : ", or set HF_TOKEN for a higher limit,");
  }
  if (answer.status >= 400) {
    return error(StatusCode::kUnavailable, "{}: {} answered {}; try again later", repo, endpoint,
                 answer.status);
  }
  return error(StatusCode::kUnavailable,
               "{}: cannot reach {}: {}; check the network (HTTPS_PROXY is honoured) and run the "
               "command again: it continues where it stopped",
               repo, endpoint, curl_easy_strerror(answer.code));
}

// Waits before attempt `attempt` + 1: what the server asks for, else 0.5 s doubling.
void pause(const Answer& answer, int attempt, const std::string& repo) {
  const auto doubling = std::chrono::milliseconds(500 << attempt);
  const std::chrono::milliseconds wait =
      answer.retry_after ? std::chrono::milliseconds(*answer.retry_after) : doubling;
  const std::string reason =
      answer.status >= 400 ? std::to_string(answer.status) : curl_easy_strerror(answer.code);
  log_warning("{}: {}; trying again in {:.1f} s", repo, reason,
              std::chrono::duration<double>(wait).count());
  std::this_thread::sleep_for(wait);
}

}  // namespace

HubClient::HubClient(std::string endpoint, std::string token)
    : endpoint_(std::move(endpoint)), token_(std::move(token)) {}

Result<std::string> HubClient::get(const std::string& path, const std::string& repo) const {
  for (int attempt = 0;; ++attempt) {
    std::string body;
    Sink sink;
    sink.text = &body;
    const Answer answer = perform(endpoint_ + path, token_, sink);
    if (answer.code == CURLE_OK) return body;
    if (!is_transient(answer) || attempt + 1 == kAttemptsMax) {
      return refusal(answer, repo, endpoint_, !token_.empty());
    }
    pause(answer, attempt, repo);
  }
}

Status HubClient::download(const std::string& path, const std::string& repo, int64_t size,
                           const std::filesystem::path& target,
                           const std::function<void(int64_t)>& progress) const {
  for (int attempt = 0;; ++attempt) {
    const OpenFile file(std::fopen(target.c_str(), "ab"));
    if (!file) return error(StatusCode::kPermissionDenied, "{}: cannot write", target.string());
    std::fseek(file.get(), 0, SEEK_END);
    Sink sink;
    sink.file = file.get();
    sink.offset = std::ftell(file.get());
    sink.size = size;
    sink.progress = &progress;
    if (sink.offset == size) return {};
    const Answer answer = perform(endpoint_ + path, token_, sink);
    if (std::fflush(file.get()) != 0 || answer.write_failed) {
      return error(StatusCode::kResourceExhausted,
                   "{}: cannot write: the disk is full, or the hub sent more than the {} bytes it "
                   "stated; make room or set HF_HUB_CACHE",
                   target.string(), size);
    }
    if (answer.code == CURLE_OK && sink.offset + sink.written == size) return {};
    const bool cut_short = answer.code == CURLE_OK;
    if ((!is_transient(answer) && !cut_short) || attempt + 1 == kAttemptsMax) {
      return refusal(answer, repo, endpoint_, !token_.empty());
    }
    pause(answer, attempt, repo);
  }
}

}  // namespace puna
