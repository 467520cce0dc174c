// A comparison that takes the same time however many bytes are right tells nothing about a key, nor
// does one of digests with a salt that nobody knows.

#include "api/auth.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>

#include "base/exceptions.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "http/letter_case.h"

namespace puna {
namespace {

using namespace std::chrono_literals;

// Times of files come from a clock that ticks some hundred times a second, on other machines' disks
// perhaps once.
constexpr auto kSettled = 2s;

bool equal_in_constant_time(const KeyDigest& a, const KeyDigest& b) {
  unsigned difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

int64_t nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

bool is_loopback(const std::string& host) {
  in_addr four{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
  return host == "::1" || host == "localhost";
}

Status check_exposure(std::string_view host, bool has_keys, bool insecure_no_auth) {
  if (has_keys || insecure_no_auth || is_loopback(std::string(host))) return {};
  return error(StatusCode::kFailedPrecondition,
               "--host {} lets other machines in, and no key is set; give --api-key or "
               "--api-key-file, or --insecure-no-auth if something else protects it",
               host);
}

std::optional<Authenticator::FileVersion> Authenticator::FileVersion::of(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return FileVersion{.device = info.st_dev,
                     .file = info.st_ino,
                     .size = info.st_size,
                     .modified_ns = nanoseconds(info.st_mtim),
                     .changed_ns = nanoseconds(info.st_ctim)};
}

bool Authenticator::FileVersion::is_settled() const {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::chrono::nanoseconds last(std::max(modified_ns, changed_ns));
  return now - last > kSettled || last - now > kSettled;
}

Result<std::shared_ptr<Authenticator>> Authenticator::open(const std::vector<std::string>& keys,
                                                           const std::string& file) {
  std::vector<ApiKey> fixed;
  for (const std::string& key : keys) {
    if (key.empty()) return invalid_argument("--api-key is empty; give a key, or leave it out");
    fixed.push_back({.digest = digest_of_key(key), .name = {}, .limits = {}});
  }
  std::shared_ptr<Authenticator> opened(new Authenticator(std::move(fixed), file));
  const std::lock_guard lock(opened->mutex_);
  opened->take({});
  if (!file.empty()) RETURN_IF_ERROR(opened->read_file_keys().with_context("--api-key-file"));
  return opened;
}

// What was known of the file before is looked up first: a change while it is read is seen later.
Status Authenticator::read_file_keys() {
  version_ = FileVersion::of(file_);
  ASSIGN_OR_RETURN(std::string text, read_file(file_, kKeyFileBytesMax));
  auto keys = parse_key_file(text, file_);
  ::explicit_bzero(text.data(), text.size());
  RETURN_IF_ERROR(keys.status());
  take(*keys);
  return {};
}

void Authenticator::read_again_if_changed() {
  const std::optional<FileVersion> now = FileVersion::of(file_);
  if (now == version_ && (!now || now->is_settled())) return;
  const std::vector<ApiKey> before = from_file_;
  const Status read = catching([this] { return read_file_keys(); });
  if (read.ok() && from_file_ != before) {
    log_info("--api-key-file {}: it has changed, and its {} keys hold from now on", file_,
             from_file_.size());
  }
  if (!read.ok() && read.message() != last_error_) {
    log_error("--api-key-file has changed and cannot be used ({}); the keys that it had still hold",
              read.message());
  }
  last_error_ = read.message();
}

// Of a key that is on the command line too, the line of the file says more.
void Authenticator::take(const std::vector<ApiKey>& from_file) {
  std::vector<KnownKey> keys;
  for (const ApiKey& key : fixed_) {
    const bool is_in_file = std::any_of(from_file.begin(), from_file.end(), [&](const ApiKey& one) {
      return one.digest == key.digest;
    });
    if (!is_in_file) keys.push_back({key, client_for(key)});
  }
  for (const ApiKey& key : from_file) keys.push_back({key, client_for(key)});
  keys_ = std::move(keys);
  from_file_ = from_file;
}

ApiClient Authenticator::client_for(const ApiKey& key) {
  const std::string identity =
      key.name.empty() ? std::string(key.digest.begin(), key.digest.end()) : key.name;
  const auto [known, is_new] =
      clients_.try_emplace(identity, static_cast<ClientIndex>(clients_.size()) + 1);
  return {.index = known->second,
          .name = key.name.empty() ? fmt::format("key-{}", known->second) : key.name,
          .limits = key.limits};
}

std::optional<ApiClient> Authenticator::client_of(std::string_view authorization) {
  const size_t space = authorization.find(' ');
  if (space == authorization.npos || !same_letters(authorization.substr(0, space), "bearer")) {
    return std::nullopt;
  }
  const size_t begin = std::min(authorization.find_first_not_of(' ', space), authorization.size());
  const KeyDigest given = digest_of_key(authorization.substr(begin));
  const std::lock_guard lock(mutex_);
  if (!file_.empty()) read_again_if_changed();
  const KnownKey* found = nullptr;
  for (const KnownKey& one : keys_) {
    if (equal_in_constant_time(given, one.key.digest)) found = &one;
  }
  return found == nullptr ? std::nullopt : std::optional(found->client);
}

}  // namespace puna
