// TokenConstraint: which tokens may follow, decided token by token: a grammar, a list of choices.
//
// The sampler asks it before each choice and tells it what was chosen; a verified draft that is
// not kept is taken back.
#pragma once

#include <cstdint>
#include <span>

#include "model/llama_config.h"

namespace puna {

// Words of a mask over the vocabulary; bit i % 32 of word i / 32 is token i.
inline size_t mask_word_count(size_t vocab_size) { return (vocab_size + 31) / 32; }

class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;
  // Sets the bits of the tokens that may come next and clears all others.
  virtual void fill(std::span<uint32_t> mask) = 0;  // [mask_word_count(vocab_size)]
  virtual void accept(TokenId token) = 0;
  // Forgets the last `count` accepted tokens.
  virtual void take_back(int count) = 0;
  // Nothing may follow: the answer ends.
  virtual bool is_done() const = 0;
};

}  // namespace puna
