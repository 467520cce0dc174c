// Rows out of mapped safetensors files, and the rules for sharded checkpoints.

#include "model/safetensors_weights.h"

#include <set>
#include <utility>

#include "model/config_object.h"
#include "model/dequantize.h"
#include "model/model_folder.h"

namespace puna {
namespace {

namespace fs = std::filesystem;

Result<std::map<std::string, std::string>> read_weight_map(const fs::path& index) {
  ASSIGN_OR_RETURN(const Json document, read_config_object(index));
  const ConfigObject object(document, index.string());
  const Json* entries = object.find("weight_map");
  if (entries == nullptr) return object.missing("weight_map");
  if (!entries->is_object() || entries->empty()) {
    return invalid_argument("{}: weight_map must map tensor names to files", index.string());
  }
  std::map<std::string, std::string> shards;
  for (const auto& [tensor, shard] : entries->items()) {
    if (!shard.is_string() || !is_plain_name(shard.get<std::string>())) {
      return invalid_argument(
          "{}: weight_map of \"{}\" is {}, expected a file name without folders", index.string(),
          printable_name(tensor), printable_name(dump_json(shard)));
    }
    shards.emplace(tensor, shard.get<std::string>());
  }
  return shards;
}

}  // namespace

Status SafetensorsWeights::add(const fs::path& path) {
  RETURN_IF_ERROR(check_inside(path.parent_path().empty() ? "." : path.parent_path(), path));
  ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(path));
  for (const SafetensorsTensor& tensor : file.tensors()) {
    // The list of a file stays where it is when the file is moved.
    if (!stored_by_name_.emplace(tensor.name, &tensor).second) {
      return invalid_argument("{}: tensor \"{}\" is in another shard too", file.origin(),
                              printable_name(tensor.name));
    }
    if (!tensor.type) {
      if (!tensor.name.ends_with(".weight") && !tensor.name.ends_with(".bias")) continue;
      return invalid_argument(
          "{}: tensor \"{}\" has dtype {}, which is not read: convert it to F32, F16 or BF16",
          file.origin(), printable_name(tensor.name), tensor.dtype);
    }
    auto entry = std::make_unique<const Entry>(
        Entry{.info = {.name = tensor.name, .type = *tensor.type, .shape = tensor.shape},
              .bytes = tensor.bytes});
    by_name_.emplace(tensor.name, entry.get());
    entries_.push_back(std::move(entry));
  }
  files_.push_back(std::move(file));
  return Status();
}

Result<std::shared_ptr<const SafetensorsWeights>> SafetensorsWeights::open(const fs::path& path) {
  auto weights = std::make_shared<SafetensorsWeights>();
  RETURN_IF_ERROR(weights->add(path));
  return std::shared_ptr<const SafetensorsWeights>(std::move(weights));
}

Result<std::shared_ptr<const SafetensorsWeights>> SafetensorsWeights::open_index(
    const fs::path& index) {
  ASSIGN_OR_RETURN(const auto weight_map, read_weight_map(index));
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : weight_map) shards.insert(shard);
  if (shards.size() > kShardsMax) {
    return invalid_argument("{}: {} shards, above the limit of {}", index.string(), shards.size(),
                            kShardsMax);
  }
  auto weights = std::make_shared<SafetensorsWeights>();
  std::map<std::string, std::set<std::string, std::less<>>> names_of_shard;
  for (const std::string& shard : shards) {
    RETURN_IF_ERROR(weights->add(index.parent_path() / shard));
    for (const SafetensorsTensor& tensor : weights->files_.back().tensors()) {
      names_of_shard[shard].insert(tensor.name);
    }
  }
  for (const auto& [tensor, shard] : weight_map) {
    if (names_of_shard[shard].contains(tensor)) continue;
    return invalid_argument("{}: tensor \"{}\" is not in {} as the index says", index.string(),
                            printable_name(tensor), shard);
  }
  return std::shared_ptr<const SafetensorsWeights>(std::move(weights));
}

int64_t SafetensorsWeights::stored_bytes() const {
  int64_t total = 0;
  for (const auto& [name, tensor] : stored_by_name_) total += std::ssize(tensor->bytes);
  return total;
}

std::vector<fs::path> SafetensorsWeights::paths() const {
  std::vector<fs::path> paths;
  for (const SafetensorsFile& file : files_) paths.emplace_back(file.origin());
  return paths;
}

std::vector<const SafetensorsTensor*> SafetensorsWeights::stored_tensors() const {
  std::vector<const SafetensorsTensor*> tensors;
  for (const SafetensorsFile& file : files_) {
    for (const SafetensorsTensor& tensor : file.tensors()) tensors.push_back(&tensor);
  }
  return tensors;
}

const SafetensorsTensor* SafetensorsWeights::find_stored(std::string_view name) const {
  const auto found = stored_by_name_.find(name);
  return found == stored_by_name_.end() ? nullptr : found->second;
}

std::vector<const TensorInfo*> SafetensorsWeights::tensors() const {
  std::vector<const TensorInfo*> infos;
  for (const auto& entry : entries_) infos.push_back(&entry->info);
  return infos;
}

const TensorInfo* SafetensorsWeights::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &found->second->info;
}

Status SafetensorsWeights::read_rows(std::string_view name, int64_t first_row, int64_t row_count,
                                     std::span<float> out) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    return error(StatusCode::kNotFound, "there is no tensor \"{}\"", name);
  }
  const Entry& entry = *found->second;
  RETURN_IF_ERROR(check_rows(entry.info, first_row, row_count, out.size()));
  const int64_t stride = row_bytes(entry.info.type, entry.info.column_count());
  dequantize(entry.info.type,
             entry.bytes.subspan(static_cast<size_t>(first_row * stride),
                                 static_cast<size_t>(row_count * stride)),
             out);
  return Status();
}

}  // namespace puna
