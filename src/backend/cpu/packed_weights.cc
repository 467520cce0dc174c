// What is mapped, what is made first, and what is done where no file can be made.

#include "backend/cpu/packed_weights.h"

#include <chrono>
#include <utility>

#include "backend/cpu/mapped_source.h"
#include "backend/cpu/packing_source.h"
#include "base/log.h"
#include "model/packed_cache.h"

namespace puna {
namespace {

namespace fs = std::filesystem;

// Packing less takes about as long as a person notices; a file would only fill the cache.
constexpr int64_t kFileBytesMin = 64 << 20;
// How values are chosen that the checkpoint does not have in the format: with the smallest squared
// error, all inputs alike.
constexpr std::string_view kRecipe = "plain";

Result<CpuWeights> pack_into_memory(const Checkpoint& checkpoint, const WeightChoice& choice,
                                    ThreadPool& pool) {
  PackingSource source(*checkpoint.weights, choice, pool);
  ASSIGN_OR_RETURN(CpuWeights weights, load_cpu_weights(checkpoint.config, source));
  weights.format = choice.format;
  return weights;
}

Result<int64_t> packed_bytes(const Checkpoint& checkpoint, const WeightChoice& choice) {
  CountingSource source(*checkpoint.weights, choice);
  RETURN_IF_ERROR(load_cpu_weights(checkpoint.config, source).status());
  return source.bytes();
}

// A whole file of these weights, or why it is none.
Result<PackedFile> open_file(const fs::path& path, const PackedIdentity& identity,
                             const WeightChoice& choice) {
  ASSIGN_OR_RETURN(PackedFile file, PackedFile::open(path, kPackedLayoutVersion));
  if (file.info().content != identity.content) {
    return error(StatusCode::kFailedPrecondition, "{}: holds weights of another checkpoint ({})",
                 path.string(), file.info().model);
  }
  if (file.info().format != describe(choice)) {
    return error(StatusCode::kFailedPrecondition, "{}: holds {}, {} is asked for", path.string(),
                 file.info().format, describe(choice));
  }
  return file;
}

Result<CpuWeights> map_weights(const Checkpoint& checkpoint, const WeightChoice& choice,
                               PackedFile file) {
  const std::string path = file.path().string();
  ASSIGN_OR_RETURN(auto memory, WeightMemory::map(std::move(file), {}));
  MappedSource source(*checkpoint.weights, *memory);
  auto weights = load_cpu_weights(checkpoint.config, source);
  if (!weights.ok()) return weights.status().with_context(path);
  weights->format = choice.format;
  weights->mapped = std::move(memory);
  return weights;
}

Status write_file(const fs::path& path, const Checkpoint& checkpoint,
                  const PackedIdentity& identity, const WeightChoice& choice, ThreadPool& pool) {
  const auto started = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(const int64_t bytes, packed_bytes(checkpoint, choice));
  RETURN_IF_ERROR(check_disk_room(path, bytes));
  ASSIGN_OR_RETURN(PackedFileWriter writer,
                   PackedFileWriter::create(path, {.layout_version = kPackedLayoutVersion,
                                                   .content = identity.content,
                                                   .format = describe(choice),
                                                   .model = checkpoint.name}));
  log_info("packing {} as {}, once: {} into {}", checkpoint.name, describe(choice),
           describe_bytes(bytes), path.string());
  {
    ProgressBar progress(fmt::format("packing {}", checkpoint.name), 0, bytes);
    PackingSource packing(*checkpoint.weights, choice, pool);
    WritingSource source(packing, writer, progress);
    RETURN_IF_ERROR(load_cpu_weights(checkpoint.config, source).status());
  }
  RETURN_IF_ERROR(writer.commit());
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
  log_info("packed in {:.1f} s; to have the room back delete {}", taken.count(), path.string());
  return Status();
}

// The file if it is whole, else a new one. `made` says which.
Result<PackedFile> open_or_make(const PackedCache& cache, const Checkpoint& checkpoint,
                                const WeightChoice& choice, ThreadPool& pool, bool& made) {
  ASSIGN_OR_RETURN(const PackedIdentity identity, identify_weights(checkpoint, kRecipe));
  const fs::path path = cache.path_of(identity, describe(choice), kPackedLayoutVersion);
  made = false;
  auto file = open_file(path, identity, choice);
  if (file.ok()) return file;
  const auto lock = cache.lock(path);
  // Another process may have made it meanwhile.
  if (lock.ok()) file = open_file(path, identity, choice);
  if (file.ok()) return file;
  if (file.status().code() != StatusCode::kNotFound) {
    log_warning("{}; it is made again", file.status().message());
  }
  RETURN_IF_ERROR(write_file(path, checkpoint, identity, choice, pool));
  cache.remove_other_layouts(path);
  made = true;
  return open_file(path, identity, choice);
}

Result<CpuWeights> map_from_cache(const Checkpoint& checkpoint, const WeightChoice& choice,
                                  ThreadPool& pool) {
  ASSIGN_OR_RETURN(const PackedCache cache, PackedCache::open());
  for (;;) {
    bool made = false;
    ASSIGN_OR_RETURN(PackedFile file, open_or_make(cache, checkpoint, choice, pool, made));
    const fs::path path = file.path();
    auto weights = map_weights(checkpoint, choice, std::move(file));
    if (weights.ok() || made || weights.status().code() != StatusCode::kDataLoss) return weights;
    log_warning("{}; it is made again", weights.status().message());
    std::error_code failure;
    if (!fs::remove(path, failure)) return weights;
  }
}

}  // namespace

Result<CpuWeights> open_cpu_weights(const Checkpoint& checkpoint, const WeightChoice& choice,
                                    const std::string& place, ThreadPool& pool) {
  if (place == "off" || checkpoint.weight_files.empty())
    return pack_into_memory(checkpoint, choice, pool);
  if (names_packed_file(place)) {
    ASSIGN_OR_RETURN(const PackedIdentity identity, identify_weights(checkpoint, kRecipe));
    auto file = open_file(place, identity, choice);
    if (!file.ok()) {
      return error(file.status().code(), "--packed-weights {}; make it with puna quantize",
                   file.status().message());
    }
    return map_weights(checkpoint, choice, std::move(*file));
  }
  ASSIGN_OR_RETURN(const int64_t bytes, packed_bytes(checkpoint, choice));
  if (bytes < kFileBytesMin) return pack_into_memory(checkpoint, choice, pool);
  auto weights = map_from_cache(checkpoint, choice, pool);
  if (weights.ok()) return weights;
  log_warning(
      "{}: the weights are packed into memory, and again at every start; give PUNA_CACHE a folder "
      "with room that may be written to, or say --packed-weights off",
      weights.status().message());
  return pack_into_memory(checkpoint, choice, pool);
}

bool names_packed_file(const std::string& place) { return place != "auto" && place != "off"; }

Result<WeightChoice> packed_choice(const fs::path& path) {
  ASSIGN_OR_RETURN(const PackedFile file, PackedFile::open(path, kPackedLayoutVersion));
  const auto choice = parse_weight_choice(file.info().format);
  if (choice) return *choice;
  return error(StatusCode::kDataLoss, "--packed-weights {}: holds {}", path.string(),
               file.info().format);
}

Result<PackedReport> write_packed_weights(const Checkpoint& checkpoint, const WeightChoice& choice,
                                          const fs::path& output, ThreadPool& pool) {
  PackedReport report;
  if (output.empty()) {
    ASSIGN_OR_RETURN(const PackedCache cache, PackedCache::open());
    bool made = false;
    ASSIGN_OR_RETURN(const PackedFile file, open_or_make(cache, checkpoint, choice, pool, made));
    report = {
        .path = file.path(), .bytes = static_cast<int64_t>(file.file_bytes()), .was_there = !made};
    return report;
  }
  ASSIGN_OR_RETURN(const PackedIdentity identity, identify_weights(checkpoint, kRecipe));
  auto file = open_file(output, identity, choice);
  if (!file.ok()) {
    const StatusCode code = file.status().code();
    if (code != StatusCode::kNotFound && code != StatusCode::kFailedPrecondition) {
      return error(code, "--output {}; delete it, or name another file", file.status().message());
    }
    RETURN_IF_ERROR(write_file(output, checkpoint, identity, choice, pool));
    file = open_file(output, identity, choice);
    if (!file.ok()) return file.status();
  } else {
    report.was_there = true;
  }
  report.path = output;
  report.bytes = static_cast<int64_t>(file->file_bytes());
  return report;
}

}  // namespace puna
