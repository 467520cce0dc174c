// As Hugging Face's modeling_llama computes it, with q, k, v and gate, up stacked.

#include "stablehlo/llama_step.h"

#include <fmt/format.h>

#include <limits>
#include <string_view>
#include <utility>

namespace puna::stablehlo {
namespace {

constexpr double kLowest = -std::numeric_limits<float>::max();

std::string_view name_of(ArgumentRole role) {
  constexpr std::string_view kNames[] = {
      "tokens",     "positions",     "slots",        "tables",       "first_block", "rows",
      "rank",       "cosines",       "sines",        "embedding",    "input_norm",  "qkv",
      "qkv_scale",  "qkv_bias",      "output",       "output_scale", "output_bias", "post_norm",
      "gate_up",    "gate_up_scale", "gate_up_bias", "down",         "down_scale",  "down_bias",
      "final_norm", "head",          "keys",         "values"};
  static_assert(std::size(kNames) == static_cast<size_t>(ArgumentRole::kValues) + 1);
  return kNames[static_cast<size_t>(role)];
}

bool is_of_layer(ArgumentRole role) {
  return role >= ArgumentRole::kInputNorm && role != ArgumentRole::kFinalNorm &&
         role != ArgumentRole::kHead;
}

}  // namespace

LlamaStep::LlamaStep(const LlamaConfig& config, const ProgramShape& shape,
                     const PlatformProfile& profile)
    : config_(config),
      shape_(shape),
      profile_(profile),
      sizes_(shard_sizes(config, shape.degree)),
      tokens_(shape.token_count()),
      group_(sizes_.heads / sizes_.kv_heads),
      builder_({.degree = shape.degree, .mode = profile.tensor_parallel}) {}

Result<LlamaProgram> LlamaStep::write() {
  read_step();
  Value hidden = embed(token_ids_);
  for (int i = 0; i < config_.num_hidden_layers; ++i) hidden = layer(i, hidden);
  choose(hidden);
  for (const Pool& pool : pools_) builder_.result_in_place_of(pool.argument, pool.updated);
  ASSIGN_OR_RETURN(std::string text, builder_.finish());
  return LlamaProgram{std::move(text), std::move(arguments_)};
}

Value LlamaStep::argument(ArgumentRole role, int layer, TensorType type,
                          std::optional<int> shard_dimension) {
  arguments_.push_back({role, layer, type});
  const std::string name = is_of_layer(role) ? fmt::format("layer{}.{}", layer, name_of(role))
                                             : std::string(name_of(role));
  return builder_.argument(name, std::move(type), shard_dimension);
}

Value LlamaStep::indices(ArgumentRole role, Shape shape) {
  return argument(role, 0, {ElementType::kI32, std::move(shape)});
}

Value LlamaStep::floats(ArgumentRole role, int layer, int64_t size,
                        std::optional<int> shard_dimension) {
  return argument(role, layer, {ElementType::kF32, {size}}, shard_dimension);
}

void LlamaStep::read_step() {
  token_ids_ = indices(ArgumentRole::kTokens, {tokens_});
  const Value positions = indices(ArgumentRole::kPositions, {tokens_});
  slots_ = indices(ArgumentRole::kSlots, {tokens_, 2});
  if (profile_.kv_read == KvRead::kTables) {
    tables_ = indices(ArgumentRole::kTables, {shape_.sequences, shape_.table_blocks});
  } else if (shape_.sequences == 1) {
    first_block_ = indices(ArgumentRole::kFirstBlock, {});
  }
  if (shape_.logit_rows < tokens_) rows_ = indices(ArgumentRole::kRows, {shape_.logit_rows});
  if (shape_.degree > 1) {
    rank_ = argument(ArgumentRole::kRank, 0, {ElementType::kI32, {1}}, 0);
  }
  const int64_t half = config_.head_dim / 2;
  const TensorType table = {ElementType::kF32, {shape_.positions, half}};
  const Shape turned = {tokens_, sizes_.heads + sizes_.kv_heads, half};
  const Value cosines = argument(ArgumentRole::kCosines, 0, table);
  const Value sines = argument(ArgumentRole::kSines, 0, table);
  cosines_ = builder_.broadcast(builder_.gather_rows(cosines, positions), turned, {0, 2});
  sines_ = builder_.broadcast(builder_.gather_rows(sines, positions), turned, {0, 2});
  prepare_masks(positions);
}

void LlamaStep::prepare_masks(const Value& positions) {
  const int64_t sequences = shape_.sequences;
  const int64_t queries = shape_.tokens_per_sequence;
  const int64_t blocks = shape_.table_blocks;
  const Value flat = builder_.iota({ElementType::kI32, {shape_.context()}}, 0);
  const Value places = builder_.reshape(flat, {blocks, kBlockPositions});
  const Value by_sequence = builder_.reshape(positions, {sequences, queries});
  const auto not_after = [&](const Value& limits, const Shape& shape, const Shape& dimensions) {
    const Shape place_dimensions = {static_cast<int64_t>(shape.size()) - 2,
                                    static_cast<int64_t>(shape.size()) - 1};
    const Value place = builder_.broadcast(places, shape, place_dimensions);
    const Value limit = builder_.broadcast(limits, shape, dimensions);
    return builder_.compare(Comparison::kLessOrEqual, place, limit);
  };
  const Value seen = not_after(by_sequence, {sequences, queries, blocks, kBlockPositions}, {0, 1});
  visible_ = builder_.broadcast(
      seen, {sequences, sizes_.kv_heads, queries, group_, blocks, kBlockPositions}, {0, 2, 4, 5});
  const Value last = builder_.reduce(Reduction::kMaximum, by_sequence, {1}, 0);
  const Value used = not_after(last, {sequences, blocks, kBlockPositions}, {0});
  in_use_ = builder_.broadcast(
      used, {sequences, blocks, sizes_.kv_heads, kBlockPositions, config_.head_dim}, {0, 1, 3});
}

// Of several devices each looks up its own rows, and the sum has all of them.
Value LlamaStep::embed(const Value& tokens) {
  const int64_t hidden = config_.hidden_size;
  embedding_ =
      argument(ArgumentRole::kEmbedding, 0, {shape_.weights, {sizes_.vocabulary, hidden}}, 0);
  const TensorType ids = {ElementType::kI32, {tokens_}};
  if (!rank_) {
    // A token that is fed back may be "no number": any row does, its answer is an error anyway.
    const Value known = builder_.minimum(tokens, builder_.splat(config_.vocab_size - 1, ids));
    return builder_.convert(builder_.gather_rows(embedding_, known), ElementType::kF32);
  }
  const Value rank = builder_.reshape(*rank_, {});
  const Value size = builder_.splat(static_cast<double>(sizes_.vocabulary), rank.type);
  const Value first = builder_.broadcast(builder_.multiply(rank, size), ids.shape, {});
  const Value local = builder_.subtract(tokens, first);
  const Value zero = builder_.splat(0, ids);
  const Value end = builder_.splat(static_cast<double>(sizes_.vocabulary), ids);
  const Value not_before = builder_.compare(Comparison::kGreaterOrEqual, local, zero);
  const Value not_after = builder_.compare(Comparison::kLess, local, end);
  const Value is_here = builder_.both(not_before, not_after);
  const Value rows = builder_.convert(
      builder_.gather_rows(embedding_, builder_.select(is_here, local, zero)), ElementType::kF32);
  const Value has_row = builder_.broadcast(is_here, rows.type.shape, {0});
  const Value nothing = builder_.splat(0, rows.type);
  return builder_.sum_over_devices(builder_.select(has_row, rows, nothing));
}

Value LlamaStep::norm(const Value& rows, const Value& weight) {
  const int64_t count = rows.type.shape[0];
  const TensorType column = {ElementType::kF32, {count}};
  const Value squares = builder_.reduce(Reduction::kSum, builder_.multiply(rows, rows), {1}, 0);
  const Value mean = builder_.multiply(squares, builder_.splat(1.0 / config_.hidden_size, column));
  const Value root = builder_.reciprocal_root(
      builder_.add(mean, builder_.splat(static_cast<double>(config_.rms_norm_eps), column)));
  const Value scaled = builder_.multiply(rows, builder_.broadcast(root, rows.type.shape, {0}));
  return builder_.multiply(scaled, builder_.broadcast(weight, rows.type.shape, {1}));
}

// [rows, K] times a matrix [N, K] as checkpoints have it.
Value LlamaStep::linear(const Value& rows, const Value& matrix) {
  return builder_.dot(builder_.convert(rows, matrix.type.element), matrix,
                      {.lhs_contracting = {1}, .rhs_contracting = {1}}, ElementType::kF32);
}

// The same with a matrix of a layer, an argument from here on.
Value LlamaStep::project(const Value& rows, ArgumentRole role, int layer, int64_t outputs,
                         int shard_dimension) {
  const Shape shape = {outputs, rows.type.shape[1]};
  if (!shape_.has_int8_matrices) {
    return linear(rows, argument(role, layer, {shape_.weights, shape}, shard_dimension));
  }
  const Value matrix = argument(role, layer, {ElementType::kI8, shape}, shard_dimension);
  const auto scale_role = static_cast<ArgumentRole>(static_cast<int>(role) + 1);
  const Value scales = floats(scale_role, layer, outputs, 0);
  const Value product = linear(rows, builder_.convert(matrix, shape_.weights));
  return builder_.multiply(product, builder_.broadcast(scales, product.type.shape, {1}));
}

Value LlamaStep::add_bias(const Value& rows, const Value& bias) {
  return builder_.add(rows, builder_.broadcast(bias, rows.type.shape, {1}));
}

Value LlamaStep::layer(int index, const Value& hidden) {
  const int64_t size = config_.hidden_size;
  const int64_t width = sizes_.heads * config_.head_dim;
  const int64_t qkv_rows = width + 2 * sizes_.kv_heads * config_.head_dim;
  const Value input = norm(hidden, floats(ArgumentRole::kInputNorm, index, size));
  Value qkv = project(input, ArgumentRole::kQkv, index, qkv_rows, 0);
  if (config_.attention_bias) {
    qkv = add_bias(qkv, floats(ArgumentRole::kQkvBias, index, qkv_rows, 0));
  }
  const int64_t turned = sizes_.heads + sizes_.kv_heads;
  const Value heads = builder_.reshape(qkv, {tokens_, turned + sizes_.kv_heads, config_.head_dim});
  const Value queries_keys = rotate(builder_.slice(heads, 1, 0, turned));
  const Value queries = builder_.slice(queries_keys, 1, 0, sizes_.heads);
  const Value keys = builder_.slice(queries_keys, 1, sizes_.heads, turned);
  const Value values = builder_.slice(heads, 1, turned, turned + sizes_.kv_heads);
  const Value attended = attend(index, queries, keys, values);
  Value output =
      builder_.sum_over_devices(project(attended, ArgumentRole::kOutput, index, size, 1));
  if (config_.attention_bias) {
    output = add_bias(output, floats(ArgumentRole::kOutputBias, index, size));
  }
  const Value middle = builder_.add(hidden, output);

  const Value normed = norm(middle, floats(ArgumentRole::kPostNorm, index, size));
  const int64_t half = sizes_.intermediate;
  Value gate_up = project(normed, ArgumentRole::kGateUp, index, 2 * half, 0);
  if (config_.mlp_bias) {
    gate_up = add_bias(gate_up, floats(ArgumentRole::kGateUpBias, index, 2 * half, 0));
  }
  const Value gate = builder_.slice(gate_up, 1, 0, half);
  const Value up = builder_.slice(gate_up, 1, half, 2 * half);
  const Value gated = builder_.multiply(builder_.multiply(gate, builder_.logistic(gate)), up);
  Value down = builder_.sum_over_devices(project(gated, ArgumentRole::kDown, index, size, 1));
  if (config_.mlp_bias) down = add_bias(down, floats(ArgumentRole::kDownBias, index, size));
  return builder_.add(middle, down);
}

// Wanted rows, logits, and the lowest id among the largest.
void LlamaStep::choose(const Value& hidden) {
  const Value wanted = rows_ ? builder_.gather_rows(hidden, *rows_) : hidden;
  const Value normed = norm(wanted, floats(ArgumentRole::kFinalNorm, 0, config_.hidden_size));
  const TensorType head = {shape_.weights, {sizes_.vocabulary, config_.hidden_size}};
  const Value matrix =
      config_.tie_word_embeddings ? embedding_ : argument(ArgumentRole::kHead, 0, head, 0);
  const Value padded = builder_.concatenate_over_devices(linear(normed, matrix), 1);
  const Value logits = builder_.slice(padded, 1, 0, config_.vocab_size);
  const Value top = builder_.reduce(Reduction::kMaximum, logits, {1}, kLowest);
  const Value is_top = builder_.compare(Comparison::kGreaterOrEqual, logits,
                                        builder_.broadcast(top, logits.type.shape, {0}));
  const TensorType ids = {ElementType::kI32, logits.type.shape};
  const Value each = builder_.iota(ids, 1);
  const Value none = builder_.splat(config_.vocab_size, ids);
  const Value candidates = builder_.select(is_top, each, none);
  builder_.result(builder_.reduce(Reduction::kMinimum, candidates, {1}, config_.vocab_size));
  builder_.result(logits);
}

}  // namespace puna::stablehlo
