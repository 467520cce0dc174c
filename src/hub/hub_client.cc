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
constexpr size_t kReplyBytesMax = 64 << 20;

struct CurlCloser {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using CurlHandle = std::unique_ptr<CURL, CurlCloser>;
using OpenFile = std::unique_ptr<std::FILE, CurlCloser>;

// What came back from one attempt.
struct HubReply {
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
  HubReply* reply = nullptr;
};

size_t on_header(char* data, size_t, size_t size, void* context) {
  auto& reply = *static_cast<HubReply*>(context);
  std::string line(data, size);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.pop_back();
  const size_t colon = line.find(": ");
  if (colon == std::string::npos) return size;
  std::string name = line.substr(0, colon);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (name == "x-error-code") reply.error_code = line.substr(colon + 2);
  if (name == "retry-after") {
    const long seconds = std::strtol(line.c_str() + colon + 2, nullptr, 10);
    reply.retry_after =
        std::clamp(std::chrono::seconds(seconds), std::chrono::seconds(0), kRetryAfterMax);
  }
  return size;
}

// A whole reply to a ranged request: what the file had already comes again.
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
    if (sink.text->size() + size > kReplyBytesMax) return 0;
    sink.text->append(data, size);
    return size;
  }
  const bool ready = start_over_when_range_was_ignored(sink);
  const auto count = static_cast<int64_t>(size);
  if (!ready || sink.offset + sink.written + count > sink.size ||
      std::fwrite(data, 1, size, sink.file) != size) {
    sink.reply->write_failed = true;
    return 0;
  }
  sink.written += count;
  (*sink.progress)(count);
  return size;
}

HubReply perform(const std::string& url, const std::string& token, Sink& sink) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  HubReply reply;
  const CurlHandle handle(curl_easy_init());
  sink.handle = handle.get();
  sink.reply = &reply;
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
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &reply);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
  if (!token.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, token.c_str());
  }
  const std::string range = std::to_string(sink.offset) + "-";
  if (sink.offset > 0) curl_easy_setopt(curl, CURLOPT_RANGE, range.c_str());
  reply.code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
  return reply;
}

bool is_transient(const HubReply& reply) {
  if (reply.write_failed) return false;
  return reply.status == 429 || reply.status >= 500 ||
         (reply.code != CURLE_OK && reply.code != CURLE_HTTP_RETURNED_ERROR &&
          reply.code != CURLE_COULDNT_RESOLVE_HOST && reply.code != CURLE_COULDNT_CONNECT &&
          reply.code != CURLE_URL_MALFORMAT && reply.code != CURLE_UNSUPPORTED_PROTOCOL);
}

Status refusal(const HubReply& reply, const std::string& repo, const std::string& endpoint,
               bool has_token) {
  if (reply.error_code == "GatedRepo" || reply.status == 403) {
    return error(StatusCode::kPermissionDenied,
                 "{}: access is gated; ask for it at {}/{} while logged in, then set HF_TOKEN to a "
                 "token of that account",
                 repo, endpoint, repo);
  }
  if (reply.status == 401) {
    return error(StatusCode::kUnauthenticated,
                 "{}: no such repository, or a private one; check its name, or set HF_TOKEN{}",
                 repo, has_token ? " (the one given was not accepted)" : "");
  }
  if (reply.status == 404) {
    return error(StatusCode::kNotFound, "{}: not found on {} ({}); check the name and the revision",
                 repo, endpoint, reply.error_code.empty() ? "404" : reply.error_code);
  }
  if (reply.status == 429) {
    return error(
        StatusCode::kUnavailable,
        "{}: {} asks to slow down (429); wait a few minutes{} and run the command again: it "
        "continues where it stopped",
        repo, endpoint, has_token ? "" : ", or set HF_TOKEN for a higher limit,");
  }
  if (reply.status >= 400) {
    return error(StatusCode::kUnavailable, "{}: {} answered {}; try again later", repo, endpoint,
                 reply.status);
  }
  return error(StatusCode::kUnavailable,
               "{}: cannot reach {}: {}; check the network (HTTPS_PROXY is honoured) and run the "
               "command again: it continues where it stopped",
               repo, endpoint, curl_easy_strerror(reply.code));
}

// Waits before attempt `attempt` + 1: what the server asks for, else 0.5 s doubling.
void pause(const HubReply& reply, int attempt, const std::string& repo) {
  const auto doubling = std::chrono::milliseconds(500 << attempt);
  const std::chrono::milliseconds wait =
      reply.retry_after ? std::chrono::milliseconds(*reply.retry_after) : doubling;
  const std::string reason =
      reply.status >= 400 ? std::to_string(reply.status) : curl_easy_strerror(reply.code);
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
    const HubReply reply = perform(endpoint_ + path, token_, sink);
    if (reply.code == CURLE_OK) return body;
    if (!is_transient(reply) || attempt + 1 == kAttemptsMax) {
      return refusal(reply, repo, endpoint_, !token_.empty());
    }
    pause(reply, attempt, repo);
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
    const HubReply reply = perform(endpoint_ + path, token_, sink);
    if (std::fflush(file.get()) != 0 || reply.write_failed) {
      return error(StatusCode::kResourceExhausted,
                   "{}: cannot write: the disk is full, or the hub sent more than the {} bytes it "
                   "stated; make room or set HF_HUB_CACHE",
                   target.string(), size);
    }
    if (reply.code == CURLE_OK && sink.offset + sink.written == size) return {};
    const bool cut_short = reply.code == CURLE_OK;
    if ((!is_transient(reply) && !cut_short) || attempt + 1 == kAttemptsMax) {
      return refusal(reply, repo, endpoint_, !token_.empty());
    }
    pause(reply, attempt, repo);
  }
}

}  // namespace puna
