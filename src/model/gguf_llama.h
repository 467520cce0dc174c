// A GGUF file as a Llama: its metadata as a LlamaConfig, its tensors by Hugging Face names.
//
// llama.cpp stores the rows of q and k so that RoPE pairs are neighbours (2i, 2i + 1); here they
// are put back to Hugging Face's order, where the pairs are (i, i + head_dim / 2).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/gguf.h"
#include "model/llama_config.h"
#include "model/weight_source.h"

namespace puna {

// Refuses other architectures, mixtures of experts, and parts of a split model.
Result<LlamaConfig> llama_config_from_gguf(const GgufFile& file);

// The row (or bias value) of the file that holds Hugging Face's row `row` of a q or k projection.
int64_t gguf_row_of(int64_t row, int64_t head_dim);

class GgufWeights : public WeightSource {
 public:
  // `config` must come from the same file. Tensors without a Hugging Face name are left out.
  GgufWeights(std::shared_ptr<const GgufFile> file, const LlamaConfig& config);

  int64_t stored_bytes() const;

  std::vector<const TensorInfo*> tensors() const override;
  const TensorInfo* find(std::string_view name) const override;
  Status read_rows(std::string_view name, int64_t first_row, int64_t row_count,
                   std::span<float> out) const override;
  std::optional<QuantisedLayout> quantised_layout(std::string_view name) const override;
  Status read_quantised_rows(std::string_view name, int64_t first_row, int64_t row_count,
                             QuantisedRows& out) const override;
  std::optional<Int8Layout> int8_layout(std::string_view name) const override;
  Status read_int8_rows(std::string_view name, int64_t first_row, int64_t row_count,
                        Int8Rows& out) const override;

 private:
  struct Entry {
    TensorInfo info;
    std::span<const std::byte> bytes;
    int64_t head_dim = 0;  // of q and k, whose rows are permuted; 0 for all others

    // The stored bytes of Hugging Face's row `row` of a matrix.
    std::span<const std::byte> row_bytes(int64_t row) const;
  };
  const Entry* find_matrix(std::string_view name) const;

  std::shared_ptr<const GgufFile> file_;
  std::vector<std::unique_ptr<const Entry>> entries_;
  std::map<std::string, const Entry*, std::less<>> by_name_;
};

}  // namespace puna
