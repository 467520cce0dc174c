// Reads a whole GGUF file's structure with every length checked against the bytes that are left.
//
// No number of the file is used to allocate before that much of the file has been seen.

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <set>
#include <utility>

#include "model/dequantize.h"
#include "model/gguf.h"
#include "model/model_folder.h"

namespace puna {
namespace {

constexpr uint64_t kDefaultAlignment = 32;
constexpr uint64_t kAlignmentMax = uint64_t{1} << 20;
constexpr uint32_t kDimensionsMax = 4;  // GGML_MAX_DIMS

// Bytes of one number, 0 for strings and arrays, nothing for a type that does not exist.
std::optional<size_t> value_bytes(uint32_t type) {
  switch (static_cast<GgufType>(type)) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kBool:
      return 1;
    case GgufType::kU16:
    case GgufType::kI16:
      return 2;
    case GgufType::kU32:
    case GgufType::kI32:
    case GgufType::kF32:
      return 4;
    case GgufType::kU64:
    case GgufType::kI64:
    case GgufType::kF64:
      return 8;
    case GgufType::kString:
    case GgufType::kArray:
      return 0;
  }
  return std::nullopt;
}

// The type numbers of ggml.h that are read here.
std::optional<TensorType> tensor_type(uint32_t number) {
  switch (number) {
    case 0:
      return TensorType::kF32;
    case 1:
      return TensorType::kF16;
    case 2:
      return TensorType::kQ4_0;
    case 3:
      return TensorType::kQ4_1;
    case 6:
      return TensorType::kQ5_0;
    case 7:
      return TensorType::kQ5_1;
    case 8:
      return TensorType::kQ8_0;
    case 12:
      return TensorType::kQ4_K;
    case 13:
      return TensorType::kQ5_K;
    case 14:
      return TensorType::kQ6_K;
    case 30:
      return TensorType::kBf16;
    default:
      return std::nullopt;
  }
}

}  // namespace

class GgufParser {
 public:
  explicit GgufParser(GgufFile& file) : file_(file), bytes_(file.bytes()) {}

  Status parse() {
    RETURN_IF_ERROR(parse_header());
    for (uint64_t i = 0; i < key_count_; ++i) RETURN_IF_ERROR(parse_key());
    RETURN_IF_ERROR(parse_alignment());
    std::vector<uint64_t> offsets;
    for (uint64_t i = 0; i < tensor_count_; ++i) RETURN_IF_ERROR(parse_tensor(offsets));
    return place_tensors(offsets);
  }

 private:
  template <typename... Args>
  Status refuse(fmt::format_string<Args...> format, Args&&... args) const {
    return invalid_argument("{}: {}", file_.origin_,
                            fmt::format(format, std::forward<Args>(args)...));
  }

  Result<std::span<const std::byte>> take(uint64_t count, std::string_view what) {
    if (count > bytes_.size() - at_) {
      return refuse("{} needs {} bytes at byte {}, but the file ends after {}: download it again",
                    what, count, at_, bytes_.size());
    }
    const auto taken = bytes_.subspan(at_, static_cast<size_t>(count));
    at_ += taken.size();
    return taken;
  }

  template <typename T>
  Result<T> take_number(std::string_view what) {
    ASSIGN_OR_RETURN(const auto taken, take(sizeof(T), what));
    T number;
    std::memcpy(&number, taken.data(), sizeof(number));
    return number;
  }

  Result<std::string_view> take_string(std::string_view what) {
    ASSIGN_OR_RETURN(const auto length, take_number<uint64_t>(what));
    ASSIGN_OR_RETURN(const auto taken, take(length, what));
    return std::string_view(reinterpret_cast<const char*>(taken.data()), taken.size());
  }

  Result<std::string> take_name(std::string_view what) {
    ASSIGN_OR_RETURN(const std::string_view name, take_string(what));
    if (name.empty()) return refuse("{} is empty", what);
    if (name.size() > kGgufNameBytesMax) {
      return refuse("{} has {} bytes, above the limit of {}", what, name.size(), kGgufNameBytesMax);
    }
    return std::string(name);
  }

  Status parse_header() {
    ASSIGN_OR_RETURN(const auto magic, take(4, "the magic \"GGUF\""));
    if (std::memcmp(magic.data(), "GGUF", 4) != 0) {
      return refuse("not a GGUF file (its first four bytes are not \"GGUF\")");
    }
    ASSIGN_OR_RETURN(file_.version_, take_number<uint32_t>("the version"));
    if ((file_.version_ & 0xFFFFu) == 0 && file_.version_ != 0) {
      return refuse("big-endian GGUF is not read: convert it to little endian");
    }
    if (file_.version_ != 2 && file_.version_ != 3) {
      return refuse("GGUF version {} is not read, only 2 and 3: convert the model again",
                    file_.version_);
    }
    ASSIGN_OR_RETURN(tensor_count_, take_number<uint64_t>("the number of tensors"));
    ASSIGN_OR_RETURN(key_count_, take_number<uint64_t>("the number of metadata keys"));
    if (tensor_count_ > kGgufTensorsMax) {
      return refuse("{} tensors, above the limit of {}", tensor_count_, kGgufTensorsMax);
    }
    if (key_count_ > kGgufKeysMax) {
      return refuse("{} metadata keys, above the limit of {}", key_count_, kGgufKeysMax);
    }
    return Status();
  }

  // The bytes of `count` values of `type`, strings with their lengths.
  Result<std::span<const std::byte>> take_values(uint32_t type, uint64_t count,
                                                 const std::string& what) {
    const std::optional<size_t> size = value_bytes(type);
    if (!size) return refuse("{} has the unknown type {}", what, type);
    if (static_cast<GgufType>(type) == GgufType::kArray) {
      return refuse("{} is an array of arrays, which is not read", what);
    }
    if (*size > 0) {
      if (count > bytes_.size()) {  // keeps the product below far from overflow
        return refuse("{} says it has {} values, more than the file has bytes", what, count);
      }
      return take(count * *size, what);
    }
    const size_t begin = at_;
    for (uint64_t i = 0; i < count; ++i) RETURN_IF_ERROR(take_string(what).status());
    return bytes_.subspan(begin, at_ - begin);
  }

  Status parse_key() {
    ASSIGN_OR_RETURN(const std::string key, take_name("the name of a metadata key"));
    const std::string what = fmt::format("metadata key \"{}\"", printable_name(key));
    GgufFile::Value value;
    ASSIGN_OR_RETURN(uint32_t type, take_number<uint32_t>(what));
    if (static_cast<GgufType>(type) == GgufType::kArray) {
      value.is_array = true;
      ASSIGN_OR_RETURN(type, take_number<uint32_t>(what));
      ASSIGN_OR_RETURN(value.count, take_number<uint64_t>(what));
    }
    ASSIGN_OR_RETURN(value.bytes, take_values(type, value.count, what));
    value.type = static_cast<GgufType>(type);
    if (!file_.values_.emplace(key, value).second) return refuse("{} appears twice", what);
    return Status();
  }

  Status parse_alignment() {
    constexpr std::string_view kKey = "general.alignment";
    if (!file_.has(kKey)) return Status();
    const GgufFile::Value& value = file_.values_.find(kKey)->second;
    if (value.is_array || value.type != GgufType::kU32) {
      return refuse("general.alignment must be a u32");
    }
    ASSIGN_OR_RETURN(const int64_t alignment, file_.get_integer(kKey));
    alignment_ = static_cast<uint64_t>(alignment);
    if (!std::has_single_bit(alignment_) || alignment_ > kAlignmentMax) {
      return refuse("general.alignment is {}, expected a power of two up to {}", alignment_,
                    kAlignmentMax);
    }
    return Status();
  }

  Status parse_tensor(std::vector<uint64_t>& offsets) {
    GgufTensor tensor;
    ASSIGN_OR_RETURN(tensor.info.name, take_name("the name of a tensor"));
    const std::string what = fmt::format("tensor \"{}\"", printable_name(tensor.info.name));
    if (!names_.insert(tensor.info.name).second) return refuse("{} appears twice", what);
    ASSIGN_OR_RETURN(const auto dimension_count, take_number<uint32_t>(what));
    if (dimension_count == 0 || dimension_count > kDimensionsMax) {
      return refuse("{} has {} dimensions, expected 1 to {}", what, dimension_count,
                    kDimensionsMax);
    }
    for (uint32_t i = 0; i < dimension_count; ++i) {
      ASSIGN_OR_RETURN(const auto size, take_number<uint64_t>(what));
      if (size == 0 || !std::in_range<int64_t>(size)) {
        return refuse("{} has a dimension of size {}", what, size);
      }
      tensor.info.shape.insert(tensor.info.shape.begin(), static_cast<int64_t>(size));
    }
    ASSIGN_OR_RETURN(const auto type_number, take_number<uint32_t>(what));
    const std::optional<TensorType> type = tensor_type(type_number);
    if (!type) {
      return refuse(
          "{} has the ggml type {}, which is not read; supported are F32 F16 BF16 Q8_0 Q4_0 Q4_1 "
          "Q5_0 Q5_1 Q4_K Q5_K Q6_K",
          what, type_number);
    }
    tensor.info.type = *type;
    ASSIGN_OR_RETURN(const auto offset, take_number<uint64_t>(what));
    offsets.push_back(offset);
    file_.tensors_.push_back(std::move(tensor));
    return Status();
  }

  // Bytes of the tensor's data; an error where the product of its sizes overflows.
  Result<uint64_t> stored_bytes(const TensorInfo& info) const {
    // Rows are bounded first: row_bytes() itself must not overflow.
    bool overflow = info.shape.back() > INT64_MAX / 4;
    const int64_t per_row = overflow ? 0 : row_bytes(info.type, info.shape.back());
    if (per_row < 0) {
      return refuse("tensor \"{}\" has rows of {} values, not a whole number of {} blocks",
                    printable_name(info.name), info.shape.back(), describe(info.type));
    }
    int64_t total = per_row;
    for (size_t i = 0; i + 1 < info.shape.size(); ++i) {
      overflow = overflow || __builtin_mul_overflow(total, info.shape[i], &total);
    }
    if (overflow) {
      return refuse("tensor \"{}\" has a size that overflows 64 bits", printable_name(info.name));
    }
    return static_cast<uint64_t>(total);
  }

  uint64_t aligned(uint64_t offset) const { return (offset + alignment_ - 1) & ~(alignment_ - 1); }

  // Tensors must follow each other without holes: a file cannot hide data or share bytes.
  Status place_tensors(const std::vector<uint64_t>& offsets) {
    if (file_.tensors_.empty()) return Status();
    const uint64_t data_begin = aligned(at_);
    uint64_t expected = 0;
    uint64_t end = 0;
    for (size_t i = 0; i < file_.tensors_.size(); ++i) {
      GgufTensor& tensor = file_.tensors_[i];
      const std::string name = printable_name(tensor.info.name);
      ASSIGN_OR_RETURN(const uint64_t size, stored_bytes(tensor.info));
      if (offsets[i] != expected) {
        return refuse("tensor \"{}\" begins at data byte {}, expected {}", name, offsets[i],
                      expected);
      }
      if (data_begin > bytes_.size() || expected > bytes_.size() - data_begin ||
          size > bytes_.size() - data_begin - expected) {
        return refuse(
            "truncated: tensor \"{}\" needs {} bytes at data byte {}, but the file has {} bytes: "
            "download it again",
            name, size, expected, bytes_.size());
      }
      tensor.bytes =
          bytes_.subspan(static_cast<size_t>(data_begin + expected), static_cast<size_t>(size));
      end = data_begin + expected + size;
      expected = aligned(expected + size);
    }
    if (bytes_.size() > data_begin + expected) {
      return refuse("{} bytes follow the last tensor", bytes_.size() - end);
    }
    return Status();
  }

  GgufFile& file_;
  const std::span<const std::byte> bytes_;
  size_t at_ = 0;
  uint64_t tensor_count_ = 0;
  uint64_t key_count_ = 0;
  uint64_t alignment_ = kDefaultAlignment;
  std::set<std::string> names_;
};

Result<std::shared_ptr<const GgufFile>> GgufFile::open(const std::filesystem::path& path) {
  std::shared_ptr<GgufFile> file(new GgufFile);
  file->origin_ = path.string();
  ASSIGN_OR_RETURN(file->mapped_, MappedFile::open(path));
  RETURN_IF_ERROR(GgufParser(*file).parse());
  return std::shared_ptr<const GgufFile>(std::move(file));
}

Result<std::shared_ptr<const GgufFile>> GgufFile::parse(std::vector<std::byte> bytes,
                                                        std::string origin) {
  std::shared_ptr<GgufFile> file(new GgufFile);
  file->origin_ = std::move(origin);
  file->owned_ = std::move(bytes);
  RETURN_IF_ERROR(GgufParser(*file).parse());
  return std::shared_ptr<const GgufFile>(std::move(file));
}

}  // namespace puna
