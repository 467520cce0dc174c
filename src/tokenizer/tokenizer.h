// Tokenizer: text <-> token ids, equal to the reference implementation of each kind of checkpoint.
//
// Immutable and thread-safe after loading and guard_marks(). Text may hold any bytes; ill-formed
// UTF-8 is read as U+FFFD.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/checkpoint.h"
#include "tokenizer/chat_message.h"

namespace puna {

class ChatTemplate;

enum class SpecialTokens { kAsText, kRecognise };
// What control tokens are in a text made of ids.
enum class SpecialText { kLeftOut, kShown };

// What the files put around a plain prompt: BOS and EOS, mostly.
struct PromptEnds {
  std::vector<TokenId> before, after;
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Ids of `text` alone, without BOS or EOS. kAsText: "<|im_end|>" in the text is spelled out.
  // kInvalidArgument: a limit of the tokenizer's pattern.
  virtual Result<std::vector<TokenId>> encode(std::string_view text,
                                              SpecialTokens special) const = 0;
  // Special tokens, and tokens that the chat template writes, only where the template wrote all of
  // their bytes. Adds no BOS: templates write their own.
  virtual Result<std::vector<TokenId>> encode_prompt(const PromptText& prompt) const = 0;
  // A plain prompt as transformers and vLLM read it: special tokens in the text are tokens, BOS and
  // EOS as the files say.
  Result<std::vector<TokenId>> encode_plain(std::string_view text) const;
  // Called once, before the first text: tokens that `chat` writes belong to it, whatever the files
  // call them.
  virtual void guard_marks(const ChatTemplate& /*chat*/) {}

  // The bytes a token stands for ("" for control tokens). SentencePiece: "▁" is a space.
  virtual std::string_view token_bytes(TokenId id) const = 0;
  // The token as the vocabulary spells it, for /tokenize and logprobs.
  virtual std::string_view token_piece(TokenId id) const = 0;
  virtual bool is_special(TokenId id) const = 0;
  virtual std::optional<TokenId> find_piece(std::string_view piece) const = 0;

  virtual int vocabulary_size() const = 0;
  virtual std::optional<TokenId> bos_id() const = 0;
  virtual std::optional<TokenId> eos_id() const = 0;
  virtual const PromptEnds& prompt_ends() const = 0;
  // Whether a plain prompt starts with BOS (Llama 2 and 3: yes, SmolLM2: no).
  bool adds_bos() const;
  // Whether a text's first token carries a space that is not part of the text (SentencePiece).
  virtual bool has_dummy_prefix() const = 0;
  virtual std::string_view kind() const = 0;  // "sentencepiece", "byte-level bpe", "bpe"

  // The text of `ids`. Ill-formed UTF-8 becomes U+FFFD.
  std::string decode(std::span<const TokenId> ids,
                     SpecialText special = SpecialText::kLeftOut) const;
};

Result<std::unique_ptr<Tokenizer>> load_tokenizer(const TokenizerSource& source);

}  // namespace puna
