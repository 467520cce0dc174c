// GgufFile: one GGUF file, checked whole when opened; metadata by key, tensors as byte ranges.
//
// Values stay in the file's bytes and are decoded when asked for; views live as long as the
// GgufFile. Format: docs/gguf.md of ggml-org/ggml, versions 2 and 3, little endian:
//   "GGUF" u32 version, u64 tensor_count, u64 key_count,
//   key_count * {string key, u32 type, value}, string = u64 length + bytes, array = u32 type, u64
//   count, values tensor_count * {string name, u32 dimensions, u64 sizes (fastest first), u32 type,
//   u64 offset}, padding to `general.alignment` (32), tensor data
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/status.h"
#include "model/weight_source.h"

namespace puna {

inline constexpr uint64_t kGgufKeysMax = 65536;
inline constexpr uint64_t kGgufTensorsMax = 100000;
inline constexpr uint64_t kGgufNameBytesMax = 65535;

// The numbers are the file format's.
enum class GgufType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

std::string_view describe(GgufType type);

struct GgufTensor {
  TensorInfo info;                   // the file's own name; shape [row_count, column_count]
  std::span<const std::byte> bytes;  // rows one after the other, as stored
};

class GgufFile {
 public:
  static Result<std::shared_ptr<const GgufFile>> open(const std::filesystem::path& path);
  // The same from memory; `origin` stands for the file name in messages.
  static Result<std::shared_ptr<const GgufFile>> parse(std::vector<std::byte> bytes,
                                                       std::string origin);
  GgufFile(const GgufFile&) = delete;
  GgufFile& operator=(const GgufFile&) = delete;

  const std::string& origin() const { return origin_; }
  uint32_t version() const { return version_; }

  // Metadata. A missing key is kNotFound, a value of another type or range kInvalidArgument; both
  // messages name file and key.
  bool has(std::string_view key) const;
  std::vector<std::string> keys() const;
  Result<std::string> get_string(std::string_view key) const;
  Result<bool> get_bool(std::string_view key) const;
  Result<int64_t> get_integer(std::string_view key) const;  // stored as any integer type
  Result<double> get_float(std::string_view key) const;     // stored as any number type
  Result<std::vector<std::string_view>> get_strings(std::string_view key) const;
  Result<std::vector<int32_t>> get_integers(std::string_view key) const;
  Result<std::vector<float>> get_floats(std::string_view key) const;

  // In the order of the file.
  const std::vector<GgufTensor>& tensors() const { return tensors_; }

 private:
  friend class GgufParser;
  struct Value {
    GgufType type = GgufType::kU8;
    bool is_array = false;
    uint64_t count = 1;
    std::span<const std::byte> bytes;
  };

  GgufFile() = default;
  std::span<const std::byte> bytes() const;
  Result<const Value*> find(std::string_view key, bool is_array) const;
  Status wrong_type(std::string_view key, const Value& value, std::string_view wanted) const;
  template <typename T>
  Result<std::vector<T>> get_numbers(std::string_view key, std::string_view wanted) const;

  std::string origin_;
  MappedFile mapped_;
  std::vector<std::byte> owned_;  // instead of mapped_ after parse()
  uint32_t version_ = 0;
  std::map<std::string, Value, std::less<>> values_;
  std::vector<GgufTensor> tensors_;
};

}  // namespace puna
