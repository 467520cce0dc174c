// The parts that text passes through: patterns, normalisers with their marks, merges, and their
// limits.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe_merger.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/text_pattern.h"
#include "tokenizer/tiktoken_vocabulary.h"

namespace puna {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> found(const char* pattern, const std::string& text) {
  const auto compiled = TextPattern::compile(pattern);
  EXPECT_TRUE(compiled.ok()) << compiled.status().message();
  std::vector<PatternMatch> matches;
  EXPECT_TRUE(compiled->find_all(text, matches).ok());
  std::vector<std::string> texts;
  for (const PatternMatch& match : matches) {
    texts.push_back(text.substr(match.begin, match.end - match.begin));
  }
  return texts;
}

TEST(TextPattern, ClassesAreOnigurumas) {
  // U+180E is white space for PCRE2 only; a combining mark is part of a word for Oniguruma only.
  EXPECT_THAT(found(R"(\s)", "a\u180Eb\u00A0c\u3000"), ElementsAre("\u00A0", "\u3000"));
  EXPECT_THAT(found(R"([^\S\n])", "a \n\u180E\t"), ElementsAre(" ", "\t"));
  EXPECT_THAT(found(R"(\w+)", "e\u0301a-b_9"), ElementsAre("e\u0301a", "b_9"));
  EXPECT_THAT(found(R"(\h+)", "xfaceg"), ElementsAre("face"));
  EXPECT_THAT(found(R"(\bcat\b)", "cat scat cat\u0301"), ElementsAre("cat"));
  EXPECT_THAT(found(R"(a$)", "a\nba"), ElementsAre("a", "a"));
  EXPECT_THAT(found(R"(b{,2}c)", "bbbc"), ElementsAre("bbc"));
}

TEST(TextPattern, ALimitOfTheSearchIsAnError) {
  const auto pattern = TextPattern::compile(R"((a|aa)+[^a])");
  ASSERT_TRUE(pattern.ok());
  std::vector<PatternMatch> matches;
  EXPECT_THAT(pattern->find_all(std::string(5000, 'a'), matches).message(),
              HasSubstr("within its limits"));
}

TEST(TextPattern, AMegabyteOfEachKindIsCutByTheBuiltInPatterns) {
  for (const char* letter : {"a", " ", "\n", "<", "1", "\u4F60", "\u0301", "' "}) {
    std::string text;
    while (text.size() < 1 << 20) text += letter;
    for (const char* pattern : {kGpt2Pattern, kLlama3Pattern}) {
      const auto compiled = TextPattern::compile(pattern);
      std::vector<PatternMatch> matches;
      EXPECT_TRUE(compiled->find_all(text, matches).ok()) << letter;
      EXPECT_EQ(matches.back().end, text.size());
    }
  }
}

NormalText normalised(std::vector<NormalizerStep> steps, NormalText text) {
  const auto normalizer = Normalizer::compile(std::move(steps));
  EXPECT_TRUE(normalizer.ok());
  EXPECT_TRUE(normalizer->apply(text).ok());
  return text;
}

TEST(Normalizer, MarksGoWithTheirLetters) {
  NormalizerStep prepend;
  prepend.kind = NormalizerStep::Kind::kPrepend;
  prepend.text = "_";
  NormalizerStep replace;
  replace.kind = NormalizerStep::Kind::kReplace;
  replace.literal = "ab";
  replace.text = "xyz";
  const NormalText text = normalised({replace, prepend}, {"abcabab", "ttppptt"});
  EXPECT_EQ(text.text, "_xyzcxyzxyz");
  EXPECT_EQ(text.marks, "ttttppppttt");  // "ab" of both is the person's
}

TEST(Normalizer, LowerCaseMayBeLonger) {
  NormalizerStep lower;
  lower.kind = NormalizerStep::Kind::kLowercase;
  const NormalText text = normalised({lower}, {"A\u0130\u2163\u01C5", "tppppppp"});
  EXPECT_EQ(text.text, "ai\u0307\u2173\u01C6");
  EXPECT_EQ(text.marks.size(), text.text.size());
}

// As the definition says it: the lowest rank, and of those the leftmost.
std::vector<TokenId> merged_slowly(const std::map<std::pair<TokenId, TokenId>, TokenId>& merges,
                                   std::vector<TokenId> symbols) {
  for (;;) {
    size_t best = symbols.size();
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto one = merges.find({symbols[i], symbols[i + 1]});
      if (one == merges.end()) continue;
      if (best == symbols.size() || one->second < merges.at({symbols[best], symbols[best + 1]})) {
        best = i;
      }
    }
    if (best == symbols.size()) return symbols;
    symbols[best] = merges.at({symbols[best], symbols[best + 1]});
    symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
}

TEST(BpeMerger, ShortAndLongWordsMergeByTheDefinition) {
  std::mt19937 noise(7);
  for (int round = 0; round < 300; ++round) {
    // Tokens from 4 on are made of two others; the rank is the id.
    BpeMerger merger;
    std::map<std::pair<TokenId, TokenId>, TokenId> merges;
    for (TokenId id = 4; id < 20; ++id) {
      const auto any = [&] { return static_cast<TokenId>(noise() % static_cast<unsigned>(id)); };
      const std::pair<TokenId, TokenId> pair = {any(), any()};
      if (!merges.try_emplace(pair, id).second) continue;
      merger.add_merge(pair.first, pair.second, id, static_cast<uint32_t>(id));
    }
    std::vector<TokenId> symbols(noise() % 80);
    for (TokenId& symbol : symbols) symbol = static_cast<TokenId>(noise() % 3);
    const std::vector<TokenId> wanted = merged_slowly(merges, symbols);
    std::vector<TokenId> ids;
    merger.merge(symbols, ids);
    ASSERT_EQ(ids, wanted);
  }
}

TEST(AddedTokens, ALongTextOfBeginningsIsCutWhateverTheNumberOfTokens) {
  std::vector<AddedToken> tokens;
  for (int i = 0; i < 2000; ++i) {
    AddedToken token;
    token.content = fmt::format("<|reserved_special_token_{}|>", i);
    token.id = i;
    tokens.push_back(std::move(token));
  }
  const Normalizer none;
  const auto added = AddedTokens::make(tokens, none);
  ASSERT_TRUE(added.ok());
  std::string text(10 << 20, '<');
  text += "|reserved_special_token_7|>";
  const auto pieces = added->split({text, ""}, AddedTokenUse::kAll, none);
  ASSERT_TRUE(pieces.ok());
  ASSERT_EQ(pieces->size(), 2U);
  EXPECT_EQ((*pieces)[0].text.text.size(), (10U << 20) - 1);
  EXPECT_EQ((*pieces)[1].token, 7);
}

TEST(Tiktoken, ABadLineIsNamed) {
  EXPECT_TRUE(is_tiktoken_list("AA== 0\n"));
  EXPECT_FALSE(is_tiktoken_list(std::string_view("\x0a\x0e\x0a\x05<unk>", 9)));
  const auto refusal = [](const char* list) { return read_tiktoken(list, "t").status().message(); };
  EXPECT_THAT(refusal("AA== 0\nA=A= 1\n"), HasSubstr("line 2"));
  EXPECT_THAT(refusal("AA== 0\nAQ== 0\n"), HasSubstr("the rank 0 of another"));
  EXPECT_THAT(refusal("AA== 0\nAQ== -1\n"), HasSubstr("line 2"));
  EXPECT_THAT(refusal("AA== 0\nAQ== 99999999\n"), HasSubstr("line 2"));
}

}  // namespace
}  // namespace puna
