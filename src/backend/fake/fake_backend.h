// FakeBackend: a deterministic model without weights, for tests of everything above a backend.
//
// Its text is made of lower-case words and sentences that depend on every token before them, and
// ends by itself, unless FakeOptions::is_endless is set. With FakeOptions::is_repetitive most
// letters follow from the one before alone, so that words come again and again. What it remembers
// of a sequence lies in the sequence's KV blocks, so a mistake in a block table changes the text.
#pragma once

#include <memory>

#include "backend/backend.h"
#include "backend/open_backend.h"

namespace puna {

inline constexpr int kFakeVocabularySize = 512;  // bytes, then special tokens
inline constexpr TokenId kFakeEndToken = 258;    // "<|im_end|>" of the byte tokenizer

// options.kv_cache_bytes counts 64 bytes a position; 0: room for every sequence at full length.
Result<std::unique_ptr<Backend>> open_fake_backend(const BackendOptions& options);

}  // namespace puna
