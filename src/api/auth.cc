// A comparison that takes the same time however many bytes are right tells nothing about a key.

#include "api/auth.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/mapped_file.h"
#include "http/letter_case.h"

namespace puna {
namespace {

constexpr size_t kKeyFileBytesMax = 1 << 20;

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0U : 1U;
  for (size_t i = 0; i < a.size(); ++i) {
    const char other = b.empty() ? '\0' : b[i % b.size()];
    difference |= static_cast<unsigned>(static_cast<unsigned char>(a[i] ^ other));
  }
  return difference == 0;
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

Result<std::vector<std::string>> read_api_keys(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, read_file(path, kKeyFileBytesMax));
  std::vector<std::string> keys;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (!line.empty() && line.front() != '#') keys.push_back(std::move(line));
    begin = end + 1;
  }
  if (keys.empty()) return invalid_argument("{}: it holds no key", path);
  return keys;
}

std::optional<ClientIndex> Authenticator::client_of(std::string_view authorization) const {
  if (keys_.empty()) return 0;
  const size_t space = authorization.find(' ');
  if (space == authorization.npos || !same_letters(authorization.substr(0, space), "bearer")) {
    return std::nullopt;
  }
  const size_t begin = std::min(authorization.find_first_not_of(' ', space), authorization.size());
  const std::string_view given = authorization.substr(begin);
  std::optional<ClientIndex> client;
  for (size_t i = 0; i < keys_.size(); ++i) {
    if (equal_in_constant_time(given, keys_[i])) client = static_cast<ClientIndex>(i + 1);
  }
  return client;
}

}  // namespace puna
