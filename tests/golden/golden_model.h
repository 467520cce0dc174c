// GoldenModel: one checkpoint on the CPU backend, run as a single sequence, for comparison with
// goldens.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "backend/open_backend.h"
#include "base/json.h"
#include "model/checkpoint.h"

namespace puna {

// The committed golden file, parsed; a test fails with its reason when it cannot be.
Json read_golden(const std::filesystem::path& path);

class GoldenModel {
 public:
  // Fails the running test when the checkpoint or backend cannot be opened.
  GoldenModel(const std::filesystem::path& checkpoint, WeightFormat weights);

  bool ok() const { return backend_ != nullptr; }
  const Checkpoint& checkpoint() const { return *checkpoint_; }
  int vocab_size() const { return backend_->limits().vocab_size; }

  // Logits of every position of `ids` from an empty sequence, cut into runs of `chunk` tokens.
  std::vector<std::vector<float>> logits(const std::vector<TokenId>& ids, int chunk = 100);

  // Greedy continuation of `prompt`: at most `count` tokens, ending after `end`.
  std::vector<TokenId> greedy(const std::vector<TokenId>& prompt, int count, TokenId end);

 private:
  void open(const std::filesystem::path& checkpoint, WeightFormat weights);
  std::vector<std::vector<float>> run(const std::vector<TokenId>& ids, int first_position);

  std::unique_ptr<Checkpoint> checkpoint_;
  std::unique_ptr<Backend> backend_;
};

}  // namespace puna
