// Reads the file once, from its beginning: a resumed download is checked as a whole.

#include "hub/hub_hash.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <fstream>
#include <memory>
#include <vector>

namespace puna {
namespace {

constexpr size_t kPieceBytes = 1 << 20;

struct DigestFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

std::string hexadecimal(const unsigned char* bytes, unsigned count) {
  std::string text;
  for (unsigned i = 0; i < count; ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

}  // namespace

Status check_hub_file(const std::filesystem::path& path, const HubFile& file) {
  const std::unique_ptr<EVP_MD_CTX, DigestFree> digest(EVP_MD_CTX_new());
  EVP_DigestInit_ex(digest.get(), file.large ? EVP_sha256() : EVP_sha1(), nullptr);
  if (!file.large) {
    const std::string header = fmt::format("blob {}", file.size);
    EVP_DigestUpdate(digest.get(), header.c_str(), header.size() + 1);
  }
  std::ifstream input(path, std::ios::binary);
  std::vector<char> piece(kPieceBytes);
  int64_t size = 0;
  while (input.read(piece.data(), static_cast<std::streamsize>(piece.size())), input.gcount() > 0) {
    EVP_DigestUpdate(digest.get(), piece.data(), static_cast<size_t>(input.gcount()));
    size += input.gcount();
  }
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned count = 0;
  EVP_DigestFinal_ex(digest.get(), bytes, &count);
  const std::string found = hexadecimal(bytes, count);
  if (size == file.size && found == file.hash) return {};
  return error(StatusCode::kDataLoss,
               "{}: what arrived is not what the hub stated ({} bytes, hash {}; expected {} bytes, "
               "hash {}); it was thrown away, run the command again",
               file.path, size, found, file.size, file.hash);
}

}  // namespace puna
