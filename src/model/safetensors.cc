// The safetensors header, read and checked as safetensors.h promises.

#include "model/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/json.h"
#include "model/model_folder.h"

namespace puna {
namespace {

constexpr size_t kHeaderDepthMax = 4;  // {name: {shape: [..]}}
constexpr size_t kHeaderValuesMax = 16 * kSafetensorsTensorsMax;
constexpr size_t kShapeSizesMax = 8;
constexpr uint64_t kLengthBytes = 8;

struct Dtype {
  std::string_view name;
  uint64_t bits;
  std::optional<TensorType> type;
};

// Every dtype of the format; those without a TensorType may be in a file but not in a Llama.
constexpr std::array kDtypes = {
    Dtype{"F32", 32, TensorType::kF32},
    Dtype{"F16", 16, TensorType::kF16},
    Dtype{"BF16", 16, TensorType::kBf16},
    Dtype{"F64", 64, {}},
    Dtype{"C64", 64, {}},
    Dtype{"I64", 64, {}},
    Dtype{"U64", 64, {}},
    Dtype{"I32", 32, {}},
    Dtype{"U32", 32, {}},
    Dtype{"I16", 16, {}},
    Dtype{"U16", 16, {}},
    Dtype{"I8", 8, {}},
    Dtype{"U8", 8, {}},
    Dtype{"BOOL", 8, {}},
    Dtype{"F8_E4M3", 8, {}},
    Dtype{"F8_E5M2", 8, {}},
    Dtype{"F8_E8M0", 8, {}},
    Dtype{"F6_E2M3", 6, {}},
    Dtype{"F6_E3M2", 6, {}},
    Dtype{"F4", 4, {}},
};

struct Range {
  uint64_t begin = 0;
  uint64_t end = 0;
};

Result<std::string_view> header_text(std::span<const std::byte> file, const std::string& origin) {
  if (file.size() < kLengthBytes) {
    return invalid_argument("{}: {} bytes are too few for a safetensors header: download it again",
                            origin, file.size());
  }
  uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof(length));
  if (length > kSafetensorsHeaderBytesMax) {
    return invalid_argument(
        "{}: a header of {} bytes, above the limit of {}: not a safetensors file", origin, length,
        kSafetensorsHeaderBytesMax);
  }
  if (length > file.size() - kLengthBytes) {
    return invalid_argument(
        "{}: truncated: the header needs {} bytes, the file has {}: download it again", origin,
        length, file.size());
  }
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + kLengthBytes,
                              static_cast<size_t>(length));
  if (text.empty() || text.front() != '{') {
    return invalid_argument("{}: the header does not begin with '{{': not a safetensors file",
                            origin);
  }
  // Bounds the memory of the parsed header before it is parsed.
  if (static_cast<size_t>(std::ranges::count(text, '{')) > kSafetensorsTensorsMax ||
      static_cast<size_t>(std::ranges::count(text, ',')) > kHeaderValuesMax) {
    return invalid_argument("{}: the header has more than {} tensors or {} values", origin,
                            kSafetensorsTensorsMax, kHeaderValuesMax);
  }
  return text;
}

Status check_metadata(const Json& metadata, const std::string& origin) {
  const bool strings_only =
      metadata.is_object() &&
      std::ranges::all_of(metadata, [](const Json& value) { return value.is_string(); });
  if (strings_only) return Status();
  return invalid_argument("{}: __metadata__ must map names to strings", origin);
}

// Unsigned integers only: a float or a negative size is never rounded into a valid one.
std::optional<std::vector<uint64_t>> unsigned_numbers(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return std::nullopt;
  std::vector<uint64_t> numbers;
  for (const Json& number : *found) {
    if (!number.is_number_unsigned()) return std::nullopt;
    numbers.push_back(number.get<uint64_t>());
  }
  return numbers;
}

// Bytes that shape and dtype call for; nothing when the product overflows or ends inside a byte.
std::optional<uint64_t> shape_bytes(const std::vector<uint64_t>& shape, uint64_t dtype_bits) {
  uint64_t bits = dtype_bits;
  bool overflow = false;
  for (const uint64_t size : shape) {
    overflow = overflow || !std::in_range<int64_t>(size);
    overflow = overflow || __builtin_mul_overflow(bits, size, &bits);
  }
  if (overflow || bits % 8 != 0) return std::nullopt;
  return bits / 8;
}

Result<Range> parse_tensor(const Json& entry, const std::string& where, SafetensorsTensor& tensor) {
  if (!entry.is_object()) return invalid_argument("{}: must be an object", where);
  const auto dtype_name = entry.find("dtype");
  if (dtype_name == entry.end() || !dtype_name->is_string()) {
    return invalid_argument("{}: dtype must be a string", where);
  }
  tensor.dtype = dtype_name->get<std::string>();
  const auto dtype = std::ranges::find(kDtypes, std::string_view(tensor.dtype), &Dtype::name);
  if (dtype == kDtypes.end()) {
    return invalid_argument("{}: unknown dtype \"{}\"", where, printable_name(tensor.dtype));
  }
  tensor.type = dtype->type;
  const auto shape = unsigned_numbers(entry, "shape");
  if (!shape || shape->size() > kShapeSizesMax) {
    return invalid_argument("{}: shape must be a list of up to {} sizes", where, kShapeSizesMax);
  }
  const auto offsets = unsigned_numbers(entry, "data_offsets");
  if (!offsets || offsets->size() != 2 || offsets->at(0) > offsets->at(1)) {
    return invalid_argument("{}: data_offsets must be [begin, end]", where);
  }
  const Range range = {offsets->at(0), offsets->at(1)};
  const std::optional<uint64_t> expected = shape_bytes(*shape, dtype->bits);
  if (!expected) return invalid_argument("{}: the size of its shape overflows", where);
  if (range.end - range.begin != *expected) {
    return invalid_argument("{}: data_offsets span {} bytes, but shape and dtype {} need {}", where,
                            range.end - range.begin, tensor.dtype, *expected);
  }
  for (const uint64_t size : *shape) tensor.shape.push_back(static_cast<int64_t>(size));
  return range;
}

// Sorts tensors by where their data begins and cuts `data` for them, without holes or overlaps.
Status place_tensors(std::span<const std::byte> data, const std::string& origin,
                     std::vector<std::pair<Range, SafetensorsTensor>>& tensors) {
  std::ranges::sort(tensors, [](const auto& a, const auto& b) {
    return std::pair(a.first.begin, a.first.end) < std::pair(b.first.begin, b.first.end);
  });
  uint64_t end = 0;
  for (auto& [range, tensor] : tensors) {
    if (range.begin != end) {
      return invalid_argument(
          "{}: tensor \"{}\" begins at data byte {}, expected {} (a hole or an overlap)", origin,
          printable_name(tensor.name), range.begin, end);
    }
    end = range.end;
    if (end > data.size()) {
      return invalid_argument(
          "{}: truncated: tensor \"{}\" ends at data byte {}, the file has {}: download it again",
          origin, printable_name(tensor.name), end, data.size());
    }
    tensor.bytes = data.subspan(static_cast<size_t>(range.begin),
                                static_cast<size_t>(range.end - range.begin));
  }
  if (end != data.size()) {
    return invalid_argument("{}: {} bytes follow the last tensor", origin, data.size() - end);
  }
  return Status();
}

}  // namespace

Result<std::vector<SafetensorsTensor>> parse_safetensors(std::span<const std::byte> file,
                                                         const std::string& origin) {
  ASSIGN_OR_RETURN(const std::string_view text, header_text(file, origin));
  const Result<Json> header = parse_json(text, {.depth_max = kHeaderDepthMax});
  if (!header.ok()) return header.status().with_context(origin + ": header");
  std::vector<std::pair<Range, SafetensorsTensor>> placed;
  for (const auto& [name, entry] : header->items()) {
    if (name == "__metadata__") {
      RETURN_IF_ERROR(check_metadata(entry, origin));
      continue;
    }
    SafetensorsTensor tensor;
    tensor.name = name;
    const std::string where = fmt::format("{}: tensor \"{}\"", origin, printable_name(name));
    ASSIGN_OR_RETURN(const Range range, parse_tensor(entry, where, tensor));
    placed.emplace_back(range, std::move(tensor));
  }
  RETURN_IF_ERROR(place_tensors(file.subspan(kLengthBytes + text.size()), origin, placed));
  std::vector<SafetensorsTensor> tensors;
  tensors.reserve(placed.size());
  for (auto& [range, tensor] : placed) tensors.push_back(std::move(tensor));
  return tensors;
}

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  SafetensorsFile file;
  file.origin_ = path.string();
  ASSIGN_OR_RETURN(file.mapped_, MappedFile::open(path));
  ASSIGN_OR_RETURN(file.tensors_, parse_safetensors(file.mapped_.bytes(), file.origin_));
  return file;
}

}  // namespace puna
