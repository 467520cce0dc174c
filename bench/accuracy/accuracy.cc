// What each weight format costs in accuracy: perplexity, mean KL and top-1 agreement against f32.
//
//   accuracy MODEL TEXT [CHUNKS [JSON_FILE|- [NAME...]]]
//
// measures every format, or f32 and those that are named as in the table.
//
// The rule of chunks is llama-perplexity's, so that the figures stand beside llama.cpp's: chunk i
// is tokens [512 i, 512 i + 512) of the text, computed from nothing at positions 0 up (a model that
// wants BOS has it in place of the chunk's first token); scored are the predictions of tokens
// 257..511 of each chunk. int4 comes in two kinds: the values that the checkpoint has, taken over
// (if it has any), and the f32 rows quantised again by plain rounding, by the search, and by the
// search with the importance of inputs that a calibration text gives.

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <numeric>
#include <optional>
#include <vector>

#include "agreement.h"
#include "app/calibration_tokens.h"
#include "backend/cpu/calibration.h"
#include "backend/cpu/isa.h"
#include "backend/cpu/packing_source.h"
#include "backend/open_backend.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/thread_pool.h"
#include "requantised_weights.h"
#include "tokenizer/tokenizer.h"

namespace puna {
namespace {

constexpr int kContext = 512;
constexpr int kFirstScored = kContext / 2 + 1;  // token, predicted at the position before
constexpr size_t kTextBytesMax = size_t{64} << 20;
constexpr int kChunksDefault = 32;

// A checkpoint with the same weights in f32: nothing in it can be taken over.
class FloatWeights final : public ForwardingWeights {
 public:
  using ForwardingWeights::ForwardingWeights;

  std::optional<QuantisedLayout> quantised_layout(std::string_view) const override { return {}; }
  std::optional<Int8Layout> int8_layout(std::string_view) const override { return {}; }
};

struct Variant {
  std::string name;
  std::unique_ptr<MeasuredBackend> backend;
  Agreement agreement;
};

Result<std::unique_ptr<MeasuredBackend>> open_variant(const Checkpoint& checkpoint,
                                                      WeightFormat format,
                                                      std::optional<KvCacheType> kv) {
  BackendOptions options;
  options.cpu().weights = format;
  options.cpu().kv_cache_type = kv;
  options.max_model_len = std::min(kContext, checkpoint.config.max_position_embeddings);
  options.max_num_seqs = 1;
  options.step_tokens_max = kContext;
  return open_measured_backend(options, checkpoint);
}

Result<std::shared_ptr<const Importance>> calibrate(const Checkpoint& checkpoint,
                                                    const Tokenizer& tokenizer, ThreadPool& pool) {
  ASSIGN_OR_RETURN(const Isa isa, choose_isa());
  PackingSource source(*checkpoint.weights, {.format = WeightFormat::kBf16}, pool);
  ASSIGN_OR_RETURN(const CpuWeights weights, load_cpu_weights(checkpoint.config, source));
  const std::vector<TokenId> tokens = calibration_tokens(tokenizer);
  fmt::print(stderr, "calibrating with {} tokens\n", tokens.size());
  ASSIGN_OR_RETURN(Importance importance,
                   measure_importance(checkpoint.config, weights, kernels_for(isa), tokens, pool));
  return std::shared_ptr<const Importance>(
      std::make_shared<const Importance>(std::move(importance)));
}

// The variants of a checkpoint, opened one after the other. The first is the reference.
class Variants {
 public:
  // All, if no name is wanted.
  Variants(const Checkpoint& checkpoint, const Tokenizer& tokenizer, ThreadPool& pool,
           std::span<char*> wanted)
      : checkpoint_(checkpoint), tokenizer_(tokenizer), pool_(pool), wanted_(wanted) {}

  Result<std::vector<Variant>> open() {
    RETURN_IF_ERROR(add("f32", checkpoint_, WeightFormat::kF32));
    RETURN_IF_ERROR(add("bf16", checkpoint_, WeightFormat::kBf16));
    RETURN_IF_ERROR(add("int8", checkpoint_, WeightFormat::kInt8));
    RETURN_IF_ERROR(add_int8_from_f32());
    RETURN_IF_ERROR(add("bf16, int8 KV", checkpoint_, WeightFormat::kBf16, KvCacheType::kInt8));
    if (checkpoint_.weights->quantised_layout("model.layers.0.mlp.down_proj.weight")) {
      RETURN_IF_ERROR(add("int4 as stored", checkpoint_, WeightFormat::kInt4));
    }
    for (const bool symmetric : {false, true}) {
      for (const int group : {32, 64, 128}) RETURN_IF_ERROR(add_int4_from_f32(group, symmetric));
    }
    return std::move(variants_);
  }

 private:
  bool is_wanted(std::string_view name) const {
    return wanted_.empty() || name == "f32" || std::ranges::find(wanted_, name) != wanted_.end();
  }

  Status add(const std::string& name, const Checkpoint& from, WeightFormat format,
             std::optional<KvCacheType> kv = std::nullopt) {
    if (!is_wanted(name)) return Status();
    fmt::print(stderr, "packing {}\n", name);
    ASSIGN_OR_RETURN(auto backend, open_variant(from, format, kv));
    variants_.push_back({name, std::move(backend), {}});
    return Status();
  }

  Status add_int8_from_f32() {
    Checkpoint floats = checkpoint_;
    floats.weights = std::make_shared<FloatWeights>(checkpoint_.weights);
    return add("int8 from f32", floats, WeightFormat::kInt8);
  }

  Status add_int4_from_f32(int group, bool symmetric) {
    struct Way {
      std::string_view name;
      Rounding rounding;
      bool calibrated;
    };
    for (const Way& way :
         {Way{"nearest", Rounding::kNearest, false}, Way{"search", Rounding::kSearched, false},
          Way{"calibrated", Rounding::kSearched, true}}) {
      const std::string name =
          fmt::format("int4 group {}{}, {}", group, symmetric ? " symmetric" : "", way.name);
      if (!is_wanted(name)) continue;
      Requantisation how = {
          .group = group, .symmetric = symmetric, .rounding = way.rounding, .importance = nullptr};
      if (way.calibrated) {
        if (!importance_) {
          ASSIGN_OR_RETURN(importance_, calibrate(checkpoint_, tokenizer_, pool_));
        }
        how.importance = importance_;
      }
      Checkpoint requantised = checkpoint_;
      requantised.weights = std::make_shared<RequantisedWeights>(checkpoint_.weights, how);
      RETURN_IF_ERROR(add(name, requantised, WeightFormat::kInt4));
    }
    return Status();
  }

  const Checkpoint& checkpoint_;
  const Tokenizer& tokenizer_;
  ThreadPool& pool_;
  const std::span<char*> wanted_;
  std::shared_ptr<const Importance> importance_;
  std::vector<Variant> variants_;
};

Result<std::vector<TokenId>> tokens_of(const Tokenizer& tokenizer, const char* path) {
  ASSIGN_OR_RETURN(const std::string text, read_file(path, kTextBytesMax));
  std::vector<TokenId> tokens;
  if (tokenizer.adds_bos()) tokens.push_back(*tokenizer.bos_id());
  ASSIGN_OR_RETURN(const auto ids, tokenizer.encode(text, SpecialTokens::kAsText));
  tokens.insert(tokens.end(), ids.begin(), ids.end());
  return tokens;
}

StepBatch chunk_batch(std::span<const TokenId> tokens, int block_tokens) {
  StepBatch batch;
  batch.tokens.assign(tokens.begin(), tokens.end());
  SequenceRun run;
  run.token_count = kContext;
  run.block_table.resize(static_cast<size_t>(blocks_for(kContext, block_tokens)));
  std::iota(run.block_table.begin(), run.block_table.end(), 0);
  batch.runs = {run};
  for (int i = kFirstScored - 1; i < kContext - 1; ++i) {
    batch.wanted_rows.push_back({.token = i, .use = RowUse::kScorePrompt});
  }
  return batch;
}

Status measure_chunk(std::vector<TokenId> tokens, ThreadPool& pool,
                     std::vector<Variant>& variants) {
  const int block_tokens = variants.front().backend->traits().block_tokens;
  const StepBatch batch = chunk_batch(tokens, block_tokens);
  const std::vector<TokenId> scored(tokens.begin() + kFirstScored, tokens.end());
  std::vector<float> reference;
  for (Variant& variant : variants) {
    ASSIGN_OR_RETURN(const StepResult result, variant.backend->run(batch));
    const StepLogits& logits = result.logits;
    if (reference.empty()) reference.assign(logits.values.begin(), logits.values.end());
    add_chunk(logits.values, reference, scored, pool, variant.agreement);
  }
  return Status();
}

OrderedJson json_of(const std::vector<Variant>& variants) {
  OrderedJson types;
  const double reference = variants.front().agreement.perplexity();
  for (const Variant& variant : variants) {
    const Agreement& agreement = variant.agreement;
    types[variant.name] = {{"perplexity", agreement.perplexity()},
                           {"perplexity_over_f32", agreement.perplexity() / reference},
                           {"kl", agreement.mean_divergence()},
                           {"kl_error", agreement.divergence_error()},
                           {"kl_maximum", agreement.divergence_max},
                           {"top1", agreement.top1()},
                           {"weight_bytes", variant.backend->memory().weight_bytes}};
  }
  return types;
}

void print_table(const std::vector<Variant>& variants) {
  const double reference = variants.front().agreement.perplexity();
  fmt::print("{:<36}{:>11}{:>9}{:>10}{:>9}{:>9}\n", "weights", "perplexity", "to f32", "mean kl",
             "top-1", "MB");
  for (const Variant& variant : variants) {
    const Agreement& agreement = variant.agreement;
    fmt::print("{:<36}{:>11.3f}{:>+8.2f}%{:>10.5f}{:>8.2f}%{:>9.1f}\n", variant.name,
               agreement.perplexity(), 100 * (agreement.perplexity() / reference - 1),
               agreement.mean_divergence(), 100 * agreement.top1(),
               static_cast<double>(variant.backend->memory().weight_bytes) / 1e6);
  }
}

Status measure(const char* model, const char* text, int chunks, std::string_view json_file,
               std::span<char*> wanted) {
  ASSIGN_OR_RETURN(const Checkpoint checkpoint, open_checkpoint(model));
  if (checkpoint.config.max_position_embeddings < kContext) {
    return invalid_argument("{}: a context of {} tokens, the rule of chunks needs {}", model,
                            checkpoint.config.max_position_embeddings, kContext);
  }
  ASSIGN_OR_RETURN(const auto tokenizer, load_tokenizer(checkpoint.tokenizer));
  ASSIGN_OR_RETURN(const std::vector<TokenId> tokens, tokens_of(*tokenizer, text));
  const auto available = static_cast<int>(tokens.size() / kContext);
  if (available < chunks) {
    return invalid_argument("{}: {} tokens are {} chunks of {}, expected {}", text, tokens.size(),
                            available, kContext, chunks);
  }
  ThreadPool pool(usable_core_count());
  ASSIGN_OR_RETURN(std::vector<Variant> variants,
                   Variants(checkpoint, *tokenizer, pool, wanted).open());
  for (int chunk = 0; chunk < chunks; ++chunk) {
    const auto first = tokens.begin() + static_cast<ptrdiff_t>(chunk) * kContext;
    std::vector<TokenId> of_chunk(first, first + kContext);
    if (tokenizer->adds_bos()) of_chunk.front() = *tokenizer->bos_id();
    RETURN_IF_ERROR(measure_chunk(std::move(of_chunk), pool, variants));
    fmt::print(stderr, "chunk {} of {}\n", chunk + 1, chunks);
  }
  print_table(variants);
  if (json_file == "-") return Status();
  OrderedJson json = {{"model", checkpoint.name},
                      {"context", kContext},
                      {"chunks", chunks},
                      {"scored_tokens", variants.front().agreement.token_count},
                      {"backend", variants.back().backend->describe()},
                      {"types", json_of(variants)}};
  std::ofstream(std::string(json_file)) << json.dump(1) << "\n";
  return Status();
}

}  // namespace
}  // namespace puna

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: accuracy MODEL TEXT [CHUNKS [JSON_FILE|- [NAME...]]]\n");
    return 2;
  }
  const int chunks = argc > 3 ? std::max(1, std::atoi(argv[3])) : puna::kChunksDefault;
  const auto wanted = std::span(argv, static_cast<size_t>(argc))
                          .subspan(std::min<size_t>(5, static_cast<size_t>(argc)));
  const puna::Status status =
      puna::measure(argv[1], argv[2], chunks, argc > 4 ? argv[4] : "-", wanted);
  if (status.ok()) return 0;
  fmt::print(stderr, "error: {}\n", status.message());
  return 1;
}
