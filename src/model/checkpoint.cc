// Opens a Hugging Face folder or a GGUF file as a Checkpoint; what it cannot serve it refuses with
// the fix.

#include "model/checkpoint.h"

#include <utility>

#include "base/mapped_file.h"
#include "model/config_object.h"
#include "model/generation_config.h"
#include "model/gguf.h"
#include "model/gguf_llama.h"
#include "model/int4_weights.h"
#include "model/llama_tensors.h"
#include "model/model_folder.h"
#include "model/safetensors_weights.h"

namespace puna {
namespace {

namespace fs = std::filesystem;

Status no_config(const fs::path& folder) {
  if (is_there(folder / "adapter_config.json")) {
    return invalid_argument(
        "{}: a LoRA adapter without its base: give the base model's path and this as --adapter",
        folder.string());
  }
  const std::string gguf = first_file(folder, {".gguf"});
  if (!gguf.empty()) {
    return invalid_argument("{}: no config.json; to serve the GGUF file in it give {}",
                            folder.string(), (folder / gguf).string());
  }
  return error(StatusCode::kNotFound,
               "{}: no config.json: not a Hugging Face model folder (name one, a .gguf file or a "
               "hub repo id)",
               folder.string());
}

Result<std::shared_ptr<const SafetensorsWeights>> open_weights(const fs::path& folder) {
  const fs::path single = folder / "model.safetensors";
  const fs::path index = folder / "model.safetensors.index.json";
  if (is_there(single)) return SafetensorsWeights::open(single);
  if (is_there(index)) return SafetensorsWeights::open_index(index);
  const std::string pickle = first_file(folder, {".bin", ".pt", ".pth", ".ckpt"});
  if (!pickle.empty()) {
    return invalid_argument(
        "{}: only pickle weights ({}), which can run code and are never loaded: convert the model "
        "to safetensors (transformers: save_pretrained)",
        folder.string(), pickle);
  }
  return error(StatusCode::kNotFound,
               "{}: neither model.safetensors nor model.safetensors.index.json: download the "
               "weights too",
               folder.string());
}

Result<Checkpoint> open_folder(const fs::path& folder) {
  const fs::path config_path = folder / "config.json";
  if (!is_there(config_path)) return no_config(folder);
  Checkpoint checkpoint;
  checkpoint.path = folder;
  checkpoint.name = folder_name(folder);
  checkpoint.format = "safetensors";
  ASSIGN_OR_RETURN(const std::string config_text, read_file(config_path, kConfigFileBytesMax));
  ASSIGN_OR_RETURN(checkpoint.config, parse_llama_config(config_text, config_path.string()));
  ASSIGN_OR_RETURN(checkpoint.quantisation,
                   parse_quantisation_config(config_text, config_path.string()));
  const fs::path generation_path = folder / "generation_config.json";
  if (is_there(generation_path)) {
    ASSIGN_OR_RETURN(const std::string text, read_file(generation_path, kConfigFileBytesMax));
    ASSIGN_OR_RETURN(checkpoint.generation,
                     parse_generation_config(text, generation_path.string(), checkpoint.config));
  }
  ASSIGN_OR_RETURN(const auto stored, open_weights(folder));
  checkpoint.weight_bytes = stored->stored_bytes();
  checkpoint.weight_files = stored->paths();
  checkpoint.weights = stored;
  if (checkpoint.quantisation) {
    checkpoint.weight_files.push_back(config_path);  // it says what the packed values mean
    auto packed = Int4Weights::open(stored, *checkpoint.quantisation, checkpoint.config);
    if (!packed.ok()) return packed.status().with_context(folder.string());
    checkpoint.weights = *packed;
  } else if (stored->find_stored("model.layers.0.self_attn.q_proj.qweight") != nullptr) {
    return invalid_argument(
        "{}: its weights are packed (AWQ or GPTQ), but config.json has no quantization_config: "
        "put the file that describes it there",
        folder.string());
  }
  RETURN_IF_ERROR(check_tensors(checkpoint.config, *checkpoint.weights, folder.string()));
  checkpoint.tokenizer.folder = folder;
  ASSIGN_OR_RETURN(checkpoint.chat_template, read_chat_template(folder));
  return checkpoint;
}

Result<Checkpoint> open_gguf(const fs::path& path) {
  Checkpoint checkpoint;
  checkpoint.path = path;
  checkpoint.name = path.stem().string();
  checkpoint.format = "gguf";
  ASSIGN_OR_RETURN(const auto file, GgufFile::open(path));
  ASSIGN_OR_RETURN(checkpoint.config, llama_config_from_gguf(*file));
  const auto weights = std::make_shared<const GgufWeights>(file, checkpoint.config);
  RETURN_IF_ERROR(check_tensors(checkpoint.config, *weights, path.string()));
  checkpoint.weight_bytes = weights->stored_bytes();
  checkpoint.weight_files = {path};
  checkpoint.weights = weights;
  checkpoint.tokenizer.gguf = file;
  if (file->has("tokenizer.chat_template")) {
    ASSIGN_OR_RETURN(checkpoint.chat_template, file->get_string("tokenizer.chat_template"));
  }
  return checkpoint;
}

}  // namespace

Result<Checkpoint> open_checkpoint(const fs::path& path) {
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  if (status.type() == fs::file_type::not_found) {
    return error(StatusCode::kNotFound, "{}: no such file or folder", path.string());
  }
  if (failure) {
    return error(StatusCode::kUnavailable, "{}: {}", path.string(), failure.message());
  }
  if (fs::is_directory(status)) return open_folder(path);
  const std::string extension = path.extension().string();
  if (extension == ".gguf") return open_gguf(path);
  if (extension == ".safetensors") {
    return invalid_argument("{}: give the folder that holds it, with its config.json",
                            path.string());
  }
  return invalid_argument("{}: a model is a folder with config.json or a .gguf file",
                          path.string());
}

}  // namespace puna
