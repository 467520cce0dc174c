// SafetensorsWeights: a WeightSource over one .safetensors file or over the shards of an index.
//
// Refuses: a weight or bias of a dtype other than F32, F16, BF16; in an index, a shard that is not
// a plain file name beside it, that is missing, that links out of the model's folder, and a tensor
// that is in two shards or not where the index says.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/safetensors.h"

namespace puna {

inline constexpr size_t kShardsMax = 1000;

class SafetensorsWeights : public WeightSource {
 public:
  static Result<std::shared_ptr<const SafetensorsWeights>> open(const std::filesystem::path& path);
  static Result<std::shared_ptr<const SafetensorsWeights>> open_index(
      const std::filesystem::path& index);

  int64_t stored_bytes() const;
  std::vector<std::filesystem::path> paths() const;

  // Tensors of any dtype, those that are no WeightSource's business included. In the order of the
  // file; nullptr when there is none.
  std::vector<const SafetensorsTensor*> stored_tensors() const;
  const SafetensorsTensor* find_stored(std::string_view name) const;

  std::vector<const TensorInfo*> tensors() const override;
  const TensorInfo* find(std::string_view name) const override;
  Status read_rows(std::string_view name, int64_t first_row, int64_t row_count,
                   std::span<float> out) const override;

 private:
  struct Entry {
    TensorInfo info;
    std::span<const std::byte> bytes;
  };
  Status add(const std::filesystem::path& path);

  std::vector<SafetensorsFile> files_;
  std::vector<std::unique_ptr<const Entry>> entries_;
  std::map<std::string, const Entry*, std::less<>> by_name_;
  std::map<std::string, const SafetensorsTensor*, std::less<>> stored_by_name_;
};

}  // namespace puna
