// SafetensorsFile: one .safetensors file, checked whole when opened; tensors as byte ranges.
//
// Grammar: u64 header_bytes (little endian), header_bytes of JSON
//   {"name": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [begin, end]}, "__metadata__":
//   {..}},
// then the data that the offsets count from. Rules (those of the audited reference): the header is
// at most 100 MB and starts with '{'; names are unique; ranges follow each other from 0 without
// holes or overlaps to the last byte of the file; each is as long as its shape and dtype say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "base/status.h"
#include "model/weight_source.h"

namespace puna {

inline constexpr uint64_t kSafetensorsHeaderBytesMax = 100'000'000;
inline constexpr size_t kSafetensorsTensorsMax = 100'000;

struct SafetensorsTensor {
  std::string name;
  std::string dtype;               // as written, one of the format's own names
  std::optional<TensorType> type;  // empty when Puna does not read this dtype
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;
};

// Checks the bytes of a whole file and lists its tensors in the order of their data; the spans
// point into `file`. `origin` begins every message.
Result<std::vector<SafetensorsTensor>> parse_safetensors(std::span<const std::byte> file,
                                                         const std::string& origin);

class SafetensorsFile {
 public:
  static Result<SafetensorsFile> open(const std::filesystem::path& path);

  const std::string& origin() const { return origin_; }
  const std::vector<SafetensorsTensor>& tensors() const { return tensors_; }

 private:
  std::string origin_;
  MappedFile mapped_;
  std::vector<SafetensorsTensor> tensors_;
};

}  // namespace puna
