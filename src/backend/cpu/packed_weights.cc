// What is mapped, what is made first, and what is done where no file can be made.

#include "backend/cpu/packed_weights.h"

#include <chrono>
#include <stop_token>
#include <utility>

#include "backend/cpu/calibration.h"
#include "backend/cpu/mapped_source.h"
#include "backend/cpu/packing_source.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/progress_bar.h"
#include "packed/packed_cache.h"

namespace puna {
namespace {

namespace fs = std::filesystem;

// Packing less takes about as long as a person notices; a file would only fill the cache.
constexpr int64_t kFileBytesMin = 64 << 20;
// How values are chosen that the checkpoint does not have in the format: with the smallest squared
// error, all inputs alike or weighed by a calibration text. Another text has another name.
constexpr std::string_view kPlainRecipe = "plain";
constexpr std::string_view kCalibratedRecipe = "calibrated 1";

WeightSizes size_of(const PackingJob& job, const WeightChoice& choice) {
  return weight_sizes(job.checkpoint.config, *job.checkpoint.weights, choice.format,
                      static_cast<int>(choice.group_max));
}

bool is_calibrated(const PackingJob& job) {
  return job.calibration_tokens && size_of(job, job.choice).quantises_to_int4;
}

// The tokenizer decides what the model reads of the text. A GGUF file holds its own.
Result<std::string> recipe_of(const PackingJob& job) {
  if (!is_calibrated(job)) return std::string(kPlainRecipe);
  const fs::path& folder = job.checkpoint.tokenizer.folder;
  if (folder.empty()) return std::string(kCalibratedRecipe);
  ASSIGN_OR_RETURN(const std::string tokenizer,
                   hash_of_files({folder / "tokenizer.model", folder / "tokenizer.json"}));
  return fmt::format("{} {}", kCalibratedRecipe, tokenizer);
}

Result<PackedIdentity> identify(const PackingJob& job, const PackedCache* cache) {
  ASSIGN_OR_RETURN(const std::string recipe, recipe_of(job));
  return identify_weights(job.checkpoint, recipe, cache, job.pool);
}

// Where no folder can be made, the weight files are read at every start.
Result<PackedIdentity> identify(const PackingJob& job) {
  const auto cache = PackedCache::open();
  return identify(job, cache.ok() ? &*cache : nullptr);
}

// For weights whose files were not read at this start, because their stamp is that of an earlier
// one: reads them after all, in the background. kDataLoss when they are others.
Status check_origin(const PackedIdentity& identity, const std::stop_token& stop) {
  ThreadPool one(1);
  ASSIGN_OR_RETURN(const std::string weights, identity.files->hash(one, stop));
  if (weights == identity.weights || !identity.files->are_unchanged()) return Status();
  if (const auto cache = PackedCache::open(); cache.ok()) cache->forget(identity.files->stamp());
  return error(StatusCode::kDataLoss,
               "the checkpoint's weights are not those that were packed, although their times are");
}

// What the inputs of the linear layers are like, measured on the model in int8.
Result<Importance> calibrate(const PackingJob& job) {
  if (!is_calibrated(job)) return Importance();
  const WeightChoice choice = {.format = WeightFormat::kInt8, .group_max = 32};
  const WeightSizes size = size_of(job, choice);
  if (size.bytes > available_memory_bytes()) {
    return error(StatusCode::kResourceExhausted,
                 "calibrating int4 weights takes {} and {} of memory are free: free some, run "
                 "'puna quantize' on a larger machine, or choose --weights int8",
                 describe_bytes(size.bytes), describe_bytes(available_memory_bytes()));
  }
  const std::vector<TokenId> tokens = job.calibration_tokens();
  log_info("calibrating {} for int4 with {} tokens, once", job.checkpoint.name, tokens.size());
  ASSIGN_OR_RETURN(const Isa isa, choose_isa());
  PackingSource source(*job.checkpoint.weights, choice, job.pool);
  ASSIGN_OR_RETURN(const CpuWeights weights, load_cpu_weights(job.checkpoint.config, source));
  size_t done = 0;
  return measure_importance(job.checkpoint.config, weights, kernels_for(isa), tokens, job.pool,
                            [&](size_t count) {
                              done += count;
                              log_info("calibrating: {} of {} tokens", done, tokens.size());
                            });
}

Result<CpuWeights> pack_into_memory(const PackingJob& job) {
  ASSIGN_OR_RETURN(Importance importance, calibrate(job));
  PackingSource source(*job.checkpoint.weights, job.choice, job.pool, std::move(importance));
  ASSIGN_OR_RETURN(CpuWeights weights, load_cpu_weights(job.checkpoint.config, source));
  weights.format = job.choice.format;
  return weights;
}

// Whether a file that could not be opened so is none of these weights; what could not be read may
// be a good one.
bool calls_for_another(const Status& status) {
  return status.code() == StatusCode::kNotFound || status.code() == StatusCode::kDataLoss ||
         status.code() == StatusCode::kFailedPrecondition;
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

Result<CpuWeights> map_weights(const PackingJob& job, const PackedIdentity& identity,
                               PackedFile file) {
  const std::string path = file.path().string();
  WeightMemory::Options options;
  if (identity.is_recalled) {
    options.check_origin = [identity](const std::stop_token& stop) {
      return check_origin(identity, stop);
    };
  }
  ASSIGN_OR_RETURN(auto memory, WeightMemory::map(std::move(file), options));
  MappedSource source(*job.checkpoint.weights, *memory);
  auto weights = load_cpu_weights(job.checkpoint.config, source);
  if (!weights.ok()) return weights.status().with_context(path);
  weights->format = job.choice.format;
  weights->mapped = std::move(memory);
  return weights;
}

Status write_file(const fs::path& path, const PackingJob& job, const PackedIdentity& identity) {
  const Checkpoint& checkpoint = job.checkpoint;
  const auto started = std::chrono::steady_clock::now();
  const WeightSizes size = size_of(job, job.choice);
  RETURN_IF_ERROR(check_disk_room(path, size.bytes));
  ASSIGN_OR_RETURN(Importance importance, calibrate(job));
  ASSIGN_OR_RETURN(PackedFileWriter writer,
                   PackedFileWriter::create(path, {.layout_version = kPackedLayoutVersion,
                                                   .content = identity.content,
                                                   .format = describe(job.choice),
                                                   .model = checkpoint.name}));
  log_info("packing {} as {}, once: {} into {}", checkpoint.name, describe(job.choice),
           describe_bytes(size.bytes), path.string());
  {
    ProgressBar progress(fmt::format("packing {}", checkpoint.name), 0, size.bytes);
    PackingSource packing(*checkpoint.weights, job.choice, job.pool, std::move(importance));
    WritingSource source(packing, writer, progress);
    RETURN_IF_ERROR(load_cpu_weights(checkpoint.config, source).status());
  }
  if (!identity.files->are_unchanged()) {
    return error(StatusCode::kUnavailable, "{}: was written to while it was packed",
                 checkpoint.path.string());
  }
  RETURN_IF_ERROR(writer.commit());
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
  log_info("packed in {:.1f} s; to have the room back delete {}", taken.count(), path.string());
  return Status();
}

// The file if it is whole, else a new one. `made` says which.
Result<PackedFile> open_or_make(const PackedCache& cache, const PackingJob& job,
                                const PackedIdentity& identity, bool& made) {
  const WeightChoice& choice = job.choice;
  const fs::path path = cache.path_of(identity, describe(choice), kPackedLayoutVersion);
  made = false;
  auto file = open_file(path, identity, choice);
  if (file.ok() || !calls_for_another(file.status())) return file;
  const auto lock = cache.lock(path);
  // Another process may have made it meanwhile.
  if (lock.ok()) file = open_file(path, identity, choice);
  if (file.ok() || !calls_for_another(file.status())) return file;
  if (file.status().code() != StatusCode::kNotFound) {
    log_warning("{}; it is made again", file.status().message());
  }
  RETURN_IF_ERROR(write_file(path, job, identity));
  cache.remove_other_layouts(path);
  made = true;
  return open_file(path, identity, choice);
}

Result<CpuWeights> map_from_cache(const PackingJob& job) {
  ASSIGN_OR_RETURN(const PackedCache cache, PackedCache::open());
  ASSIGN_OR_RETURN(const PackedIdentity identity, identify(job, &cache));
  for (;;) {
    bool made = false;
    ASSIGN_OR_RETURN(PackedFile file, open_or_make(cache, job, identity, made));
    const fs::path path = file.path();
    auto weights = map_weights(job, identity, std::move(file));
    if (weights.ok() || made || weights.status().code() != StatusCode::kDataLoss) return weights;
    log_warning("{}; it is made again", weights.status().message());
    std::error_code failure;
    if (!fs::remove(path, failure)) return weights;
  }
}

}  // namespace

Result<CpuWeights> open_cpu_weights(const PackingJob& job, const std::string& place) {
  if (place == "off" || job.checkpoint.weight_files.empty()) return pack_into_memory(job);
  if (names_packed_file(place)) {
    ASSIGN_OR_RETURN(const PackedIdentity identity, identify(job));
    auto file = open_file(place, identity, job.choice);
    if (!file.ok()) {
      return error(file.status().code(), "--packed-weights {}; make it with puna quantize",
                   file.status().message());
    }
    return map_weights(job, identity, std::move(*file));
  }
  const WeightSizes size = size_of(job, job.choice);
  if (size.bytes < kFileBytesMin) return pack_into_memory(job);
  auto weights = map_from_cache(job);
  // What the checkpoint holds cannot be packed anywhere; all else is about the file.
  if (weights.ok() || weights.status().code() == StatusCode::kInvalidArgument) return weights;
  log_warning(
      "{}: the weights are packed into memory, and again at every start; give PUNA_CACHE a folder "
      "with room that may be written to, or say --packed-weights off",
      weights.status().message());
  return pack_into_memory(job);
}

bool names_packed_file(const std::string& place) { return place != "auto" && place != "off"; }

Result<WeightChoice> packed_choice(const fs::path& path) {
  ASSIGN_OR_RETURN(const PackedFile file, PackedFile::open(path, kPackedLayoutVersion));
  const auto choice = parse_weight_choice(file.info().format);
  if (choice) return *choice;
  return error(StatusCode::kDataLoss, "--packed-weights {}: holds {}", path.string(),
               file.info().format);
}

Result<PackedReport> write_packed_weights(const PackingJob& job, const fs::path& output) {
  PackedReport report;
  if (job.checkpoint.weight_files.empty()) {
    return invalid_argument("{}: these weights come from no file", job.checkpoint.name);
  }
  if (output.empty()) {
    ASSIGN_OR_RETURN(const PackedCache cache, PackedCache::open());
    ASSIGN_OR_RETURN(const PackedIdentity identity, identify(job, &cache));
    bool made = false;
    ASSIGN_OR_RETURN(const PackedFile file, open_or_make(cache, job, identity, made));
    report = {
        .path = file.path(), .bytes = static_cast<int64_t>(file.file_bytes()), .was_there = !made};
    return report;
  }
  ASSIGN_OR_RETURN(const PackedIdentity identity, identify(job));
  auto file = open_file(output, identity, job.choice);
  if (!file.ok()) {
    const StatusCode code = file.status().code();
    if (code != StatusCode::kNotFound && code != StatusCode::kFailedPrecondition) {
      return error(code, "--output {}; delete it, or name another file", file.status().message());
    }
    RETURN_IF_ERROR(write_file(output, job, identity));
    file = open_file(output, identity, job.choice);
    if (!file.ok()) return file.status();
  } else {
    report.was_there = true;
  }
  report.path = output;
  report.bytes = static_cast<int64_t>(file->file_bytes());
  return report;
}

}  // namespace puna
