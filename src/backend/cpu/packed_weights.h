// Packed weights in files: written once from a checkpoint, then mapped by every start.
//
// Matrices are entries by the names of StackedTensors ("layers.0.qkv", "layers.0.qkv.bias"), norms
// by the names of their tensors; metadata says the shape and format of each.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "backend/cpu/packing_source.h"
#include "model/checkpoint.h"

namespace puna {

// Of the bytes of PackedMatrix: another number whenever a kernel's layout or the packing of values
// changes, so that files of an older Puna are made again.
inline constexpr uint32_t kPackedLayoutVersion = 3;

struct PackingJob {
  const Checkpoint& checkpoint;
  WeightChoice choice;
  // What the model reads before values are quantised to int4, to weigh their errors, asked for only
  // then; none: all inputs count alike.
  std::function<std::vector<TokenId>()> calibration_tokens;
  ThreadPool& pool;
};

// Weights of the job's checkpoint, kept where `place` says, the value of --packed-weights: "auto"
// maps the cache's file and makes it first if need be, and packs into memory where no file can be
// made (a warning says why) or the weights are too small for one; "off" packs into memory; else the
// file that is named, which must hold these weights.
Result<CpuWeights> open_cpu_weights(const PackingJob& job, const std::string& place);

// Whether the value of --packed-weights is neither "auto" nor "off".
bool names_packed_file(const std::string& place);
// What the file that --packed-weights names is packed as.
Result<WeightChoice> packed_choice(const std::filesystem::path& path);

struct PackedReport {
  std::filesystem::path path;
  int64_t bytes = 0;
  bool was_there = false;  // and whole, so that nothing was done
};

// Makes the packed file of the job's checkpoint if it is not there: `output`, or the cache's when
// empty. A file at `output` that is no whole packed file is not replaced: it may be anything.
Result<PackedReport> write_packed_weights(const PackingJob& job,
                                          const std::filesystem::path& output);

}  // namespace puna
