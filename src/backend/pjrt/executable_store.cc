// A file is "PUNAEXE1", the checksum of what follows, and what the plugin serialized or notes have.
// Two servers on one store see whole files only.

#include "backend/pjrt/executable_store.h"

#include <fmt/format.h>

#include <cstring>
#include <span>
#include <system_error>

#include "base/cache_folder.h"
#include "base/checksum.h"
#include "base/environment.h"
#include "base/file_descriptor.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "base/replace_file.h"

namespace puna::pjrt {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kMagic = "PUNAEXE1";
constexpr size_t kHeadBytes = kMagic.size() + sizeof(uint64_t);
constexpr size_t kCpuInfoBytesMax = 1 << 20;

// The first line of /proc/cpuinfo with the instruction sets: code for one processor need not run on
// another.
std::string processor() {
  const auto text = read_file("/proc/cpuinfo", kCpuInfoBytesMax);
  if (!text.ok()) return "";
  const size_t begin = text->find("\nflags");
  if (begin == text->npos) return "";
  return text->substr(begin + 1, text->find('\n', begin + 1) - begin - 1);
}

Result<std::string> maker_of(const DeviceClient& client, const fs::path& plugin) {
  ASSIGN_OR_RETURN(const FileDescriptor file, FileDescriptor::open_regular(plugin));
  ASSIGN_OR_RETURN(const struct stat info, file.info(plugin));
  ASSIGN_OR_RETURN(const std::string name, client.platform_name());
  ASSIGN_OR_RETURN(const std::string version, client.platform_version());
  ASSIGN_OR_RETURN(const std::string kind, client.device_kind(0));
  // A platform's version may be a word that never changes.
  return fmt::format("{}|{}|{}|{} bytes of {}.{}|{}|{}|{}", name, version, kind, info.st_size,
                     info.st_mtim.tv_sec, info.st_mtim.tv_nsec, environment("XLA_FLAGS"),
                     environment("NEURON_CC_FLAGS"), processor());
}

Result<std::string_view> content_of(const MappedFile& file) {
  const auto bytes = file.bytes();
  const bool is_ours =
      bytes.size() > kHeadBytes && std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0;
  if (!is_ours) return error(StatusCode::kDataLoss, "this is no file of the store");
  uint64_t expected = 0;
  std::memcpy(&expected, bytes.data() + kMagic.size(), sizeof expected);
  const auto content = bytes.subspan(kHeadBytes);
  if (checksum(content) != expected) return error(StatusCode::kDataLoss, "it is damaged");
  return std::string_view(reinterpret_cast<const char*>(content.data()), content.size());
}

Result<LoadedProgram> load(const DeviceClient& client, const fs::path& path) {
  ASSIGN_OR_RETURN(const MappedFile file, MappedFile::open(path));
  ASSIGN_OR_RETURN(const std::string_view content, content_of(file));
  return client.load(content);
}

Status write(std::string_view content, const fs::path& path) {
  const auto bytes = std::as_bytes(std::span(content));
  const uint64_t sum = checksum(bytes);
  return replace_file(path,
                      {std::as_bytes(std::span(kMagic)), std::as_bytes(std::span(&sum, 1)), bytes});
}

}  // namespace

Result<ExecutableStore> ExecutableStore::open(const std::string& place, const DeviceClient& client,
                                              const fs::path& plugin) {
  ExecutableStore store;
  if (place == "off") return store;
  ASSIGN_OR_RETURN(store.maker_, maker_of(client, plugin));
  fs::path folder = place;
  if (place == "auto") {
    const auto cache = cache_folder();
    if (!cache.ok()) {
      log_warning("compiled programs are not kept: {}", cache.status().message());
      return store;
    }
    folder = *cache / "executables";
  }
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (!failure) {
    store.folder_ = folder;
    return store;
  }
  const Status status = file_error(folder, failure.value());
  if (place != "auto") return status.with_context("--executable-store");
  log_warning("compiled programs are not kept: {}", status.message());
  return store;
}

fs::path ExecutableStore::path_of(std::string_view text, const CompileOptions& options) const {
  ContentHash hash;
  hash.add(text);
  hash.add(encode(options));
  hash.add(maker_);
  return folder_ / (hash.hexadecimal() + ".executable");
}

std::optional<LoadedProgram> ExecutableStore::find(const DeviceClient& client,
                                                   const fs::path& path) const {
  std::error_code ignored;
  if (!is_on() || !fs::exists(path, ignored)) return std::nullopt;
  auto program = load(client, path);
  if (program.ok()) return std::move(program).value();
  log_warning("{}: compiled again: {}", path.string(), program.status().message());
  return std::nullopt;
}

void ExecutableStore::keep(const LoadedProgram& program, const fs::path& path) const {
  if (!is_on()) return;
  const auto content = program.serialize();
  const Status status = content.ok() ? write(*content, path) : content.status();
  if (!status.ok()) log_warning("a compiled program is not kept: {}", status.message());
}

fs::path ExecutableStore::notes_path(std::span<const fs::path> programs) const {
  ContentHash hash;
  for (const fs::path& program : programs) hash.add(program.filename().string());
  return folder_ / (hash.hexadecimal() + ".notes");
}

std::optional<std::string> ExecutableStore::find_notes(const fs::path& path) const {
  std::error_code ignored;
  if (!is_on() || !fs::exists(path, ignored)) return std::nullopt;
  const auto file = MappedFile::open(path);
  const auto content = file.ok() ? content_of(*file) : file.status();
  if (content.ok()) return std::string(*content);
  log_warning("{}: found out again: {}", path.string(), content.status().message());
  return std::nullopt;
}

void ExecutableStore::keep_notes(std::string_view notes, const fs::path& path) const {
  if (!is_on()) return;
  const Status status = write(notes, path);
  if (!status.ok()) log_warning("notes on compiled programs are not kept: {}", status.message());
}

}  // namespace puna::pjrt
