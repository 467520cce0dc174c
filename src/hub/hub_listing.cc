// The fields of the hub's JSON that are needed; everything in it is from outside.

#include "hub/hub_listing.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/json.h"

namespace puna {
namespace {

constexpr size_t kSha1Digits = 40;
constexpr size_t kSha256Digits = 64;
constexpr int64_t kFileBytesMax = int64_t{1} << 46;
constexpr std::string_view kDescriptions[] = {
    "config.json",         "generation_config.json",      "tokenizer.model",
    "tokenizer.json",      "tokenizer_config.json",       "special_tokens_map.json",
    "chat_template.jinja", "model.safetensors.index.json"};

bool is_hash(std::string_view text, size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

bool is_inside(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.find('\\') != path.npos) return false;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return std::none_of(path.begin(), path.end(), [](char c) { return c > 0 && c < ' '; });
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<HubFile> parse_file(const Json& sibling, std::string_view repo) {
  if (!sibling.is_object()) return invalid_argument("{}: the hub listed a file oddly", repo);
  HubFile file;
  file.path = text_of(sibling, "rfilename");
  if (!is_inside(file.path)) {
    return invalid_argument("{}: the hub listed a file outside of the repository: {}", repo,
                            file.path);
  }
  const auto size = sibling.find("size");
  if (size != sibling.end() && size->is_number_integer()) file.size = size->get<int64_t>();
  file.hash = text_of(sibling, "blobId");
  const auto lfs = sibling.find("lfs");
  if (lfs != sibling.end() && lfs->is_object()) {
    file.large = true;
    file.hash = text_of(*lfs, "sha256");
  }
  if (file.size < 0 || file.size > kFileBytesMax ||
      !is_hash(file.hash, file.large ? kSha256Digits : kSha1Digits)) {
    return invalid_argument("{}: the hub stated no valid size and hash for {}", repo, file.path);
  }
  return file;
}

bool is_weight_file(std::string_view path) {
  return path.ends_with(".safetensors") && path.find('/') == path.npos && path.starts_with("model");
}

std::vector<std::string> paths_ending(const HubListing& listing, std::string_view ending) {
  std::vector<std::string> paths;
  for (const HubFile& file : listing.files) {
    if (file.path.ends_with(ending)) paths.push_back(file.path);
  }
  return paths;
}

Result<std::vector<HubFile>> choose_file(const HubListing& listing, std::string_view repo,
                                         std::string_view path) {
  for (const HubFile& file : listing.files) {
    if (file.path == path) return std::vector<HubFile>{file};
  }
  return error(StatusCode::kNotFound, "{}: there is no file {}; there are {}", repo, path,
               fmt::join(paths_ending(listing, ""), ", "));
}

}  // namespace

Result<HubListing> parse_hub_listing(std::string_view json_text, std::string_view repo) {
  ASSIGN_OR_RETURN(const Json json, parse_json(json_text));
  const auto siblings = json.is_object() ? json.find("siblings") : json.end();
  if (!json.is_object() || siblings == json.end() || !siblings->is_array() ||
      siblings->size() > kHubFilesMax) {
    return invalid_argument("{}: the hub's answer lists no files (or more than {})", repo,
                            kHubFilesMax);
  }
  HubListing listing;
  listing.commit = text_of(json, "sha");
  if (!is_hash(listing.commit, kSha1Digits)) {
    return invalid_argument("{}: the hub's answer names no commit", repo);
  }
  const auto gated = json.find("gated");
  listing.gated = gated != json.end() && (gated->is_string() || *gated == Json(true));
  const auto card = json.find("cardData");
  if (card != json.end() && card->is_object()) listing.license = text_of(*card, "license");
  for (const Json& sibling : *siblings) {
    ASSIGN_OR_RETURN(HubFile file, parse_file(sibling, repo));
    listing.files.push_back(std::move(file));
  }
  return listing;
}

Result<std::vector<HubFile>> choose_files(const HubListing& listing, std::string_view repo,
                                          std::string_view file) {
  if (!file.empty()) return choose_file(listing, repo, file);
  std::vector<HubFile> chosen;
  bool has_weights = false;
  for (const HubFile& one : listing.files) {
    has_weights = has_weights || is_weight_file(one.path);
    const bool described = std::find(std::begin(kDescriptions), std::end(kDescriptions),
                                     one.path) != std::end(kDescriptions);
    if (described || is_weight_file(one.path)) chosen.push_back(one);
  }
  if (has_weights) return chosen;
  const std::vector<std::string> ggufs = paths_ending(listing, ".gguf");
  if (ggufs.size() == 1) return choose_file(listing, repo, ggufs[0]);
  if (!ggufs.empty()) {
    return invalid_argument(
        "{}: several .gguf files; fetch one with 'puna pull {} --file NAME': {}", repo, repo,
        fmt::join(ggufs, ", "));
  }
  if (!paths_ending(listing, ".bin").empty() || !paths_ending(listing, ".pth").empty()) {
    return invalid_argument(
        "{}: only pickle files (.bin, .pth), which can run code when they are read; choose a "
        "repository with .safetensors or .gguf files, or convert it with save_pretrained("
        "safe_serialization=True)",
        repo);
  }
  return invalid_argument("{}: no model.safetensors and no .gguf file; is it a model?", repo);
}

bool is_meta_licensed(const HubListing& listing, std::string_view repo) {
  return repo.starts_with("meta-llama/") || (listing.gated && listing.license.starts_with("llama"));
}

}  // namespace puna
