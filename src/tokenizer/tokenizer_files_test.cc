// Folders in the forms of published fine-tunes give transformers' ids
// (tools/goldens/make_tokenizer_file_goldens.py), and what is not understood is refused by name.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/json.h"
#include "base/utf8.h"
#include "tokenizer/bpe_tokenizer.h"
#include "tokenizer/chat_template.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_config.h"

namespace puna {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kFolders = "tests/golden/tokenizer_files/";

std::vector<Json> goldens() {
  std::ifstream file(kFolders + "goldens.jsonl");
  std::string line;
  std::getline(file, line);  // versions
  std::vector<Json> folders;
  while (std::getline(file, line)) folders.push_back(parse_json(line).value());
  return folders;
}

std::unique_ptr<Tokenizer> load(const std::string& folder) {
  auto tokenizer = load_tokenizer({.folder = kFolders + folder, .gguf = nullptr});
  EXPECT_TRUE(tokenizer.ok()) << folder << ": " << tokenizer.status().message();
  return tokenizer.ok() ? std::move(tokenizer).value() : nullptr;
}

ChatTemplate chat_template_of(const std::string& folder) {
  const Json config = read_json_file(kFolders + folder + "/tokenizer_config.json").value();
  return ChatTemplate::parse(config["chat_template"].get<std::string>(), folder).value();
}

struct ChatFolder {
  Json golden;
  std::string folder;
  std::unique_ptr<Tokenizer> tokenizer;  // the template's marks are guarded
  ChatTemplate chat;
};

std::vector<ChatFolder> chat_folders() {
  std::vector<ChatFolder> folders;
  for (Json& golden : goldens()) {
    if (golden["chat"].empty()) continue;
    auto folder = golden["folder"].get<std::string>();
    auto tokenizer = load(folder);
    if (tokenizer == nullptr) continue;  // has failed the test
    ChatTemplate chat = chat_template_of(folder);
    tokenizer->guard_marks(chat);
    folders.push_back(
        {std::move(golden), std::move(folder), std::move(tokenizer), std::move(chat)});
  }
  return folders;
}

std::string piece_or_empty(const Tokenizer& tokenizer, std::optional<TokenId> id) {
  return id ? std::string(tokenizer.token_piece(*id)) : "";
}

std::vector<TokenId> prompt_ids(const Tokenizer& tokenizer, const ChatTemplate& chat,
                                const std::vector<ChatMessage>& messages) {
  ChatTemplateOptions options;
  options.bos_token = piece_or_empty(tokenizer, tokenizer.bos_id());
  options.eos_token = piece_or_empty(tokenizer, tokenizer.eos_id());
  return tokenizer.encode_prompt(chat.render(messages, options).value()).value();
}

std::vector<ChatMessage> messages_of(const Json& conversation) {
  std::vector<ChatMessage> messages;
  for (const Json& message : conversation) {
    messages.push_back({message["role"].get<std::string>(), message["content"].get<std::string>()});
  }
  return messages;
}

TEST(TokenizerFiles, TextsGetTransformersIds) {
  const std::vector<Json> folders = goldens();
  EXPECT_GE(folders.size(), 45U);
  for (const Json& golden : folders) {
    const std::string folder = golden["folder"].get<std::string>();
    const auto tokenizer = load(folder);
    ASSERT_NE(tokenizer, nullptr);
    for (const Json& one : golden["encoded"]) {
      const std::string text = one[0].get<std::string>();
      EXPECT_EQ(tokenizer->encode(text, SpecialTokens::kRecognise).value(),
                one[1].get<std::vector<TokenId>>())
          << folder << ": " << escape_for_terminal(text);
    }
  }
}

TEST(TokenizerFiles, PlainPromptsGetTheTokensAroundThem) {
  for (const Json& golden : goldens()) {
    const std::string folder = golden["folder"].get<std::string>();
    const auto tokenizer = load(folder);
    ASSERT_NE(tokenizer, nullptr);
    for (const Json& one : golden["plain"]) {
      EXPECT_EQ(tokenizer->encode_plain(one[0].get<std::string>()).value(),
                one[1].get<std::vector<TokenId>>())
          << folder << ": " << one[0];
    }
  }
}

TEST(TokenizerFiles, ConversationsGetTransformersIds) {
  int conversations = 0;
  for (const auto& [golden, folder, tokenizer, chat] : chat_folders()) {
    for (const Json& one : golden["chat"]) {
      EXPECT_EQ(prompt_ids(*tokenizer, chat, messages_of(one[0])),
                one[1].get<std::vector<TokenId>>())
          << folder << ": " << one[0];
      ++conversations;
    }
  }
  EXPECT_GE(conversations, 40);
}

// Whatever a person writes, a conversation has as many marks as one about nothing.
TEST(TokenizerFiles, WhatTheTemplateWritesIsNeverMadeOfAPersonsText) {
  for (const auto& [golden, folder, tokenizer, chat] : chat_folders()) {
    const std::vector<TokenId> calm = prompt_ids(*tokenizer, chat, {{"user", "x"}});
    for (TokenId id = 0; id < tokenizer->vocabulary_size(); ++id) {
      const std::string piece(tokenizer->token_piece(id));
      const auto written = std::count(calm.begin(), calm.end(), id);
      const bool is_mark = written > 0 && piece.find_first_of("<\xEF") != std::string::npos &&
                           !piece.starts_with("<0x");
      if (!tokenizer->is_special(id) && !is_mark) continue;
      const auto ids = prompt_ids(*tokenizer, chat, {{"user", "x" + piece + "\n" + piece + " y"}});
      EXPECT_EQ(std::count(ids.begin(), ids.end(), id), written) << folder << ": " << piece;
    }
  }
}

TEST(TokenizerFiles, AMarkInABranchThatNoSampleTakesIsGuardedToo) {
  const auto tokenizer = load("hermes3");
  ASSERT_NE(tokenizer, nullptr);
  const auto chat = ChatTemplate::parse(
      "{% for m in messages %}{% if m.content == 'never' %}{{ '<tool_call>' }}{% endif %}"
      "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>' }}{% endfor %}",
      "t");
  const auto tool_call = tokenizer->find_piece("<tool_call>");
  const auto count = [&] {
    const auto ids = prompt_ids(*tokenizer, *chat, {{"user", "a<tool_call>b"}});
    return std::count(ids.begin(), ids.end(), *tool_call);
  };
  EXPECT_EQ(count(), 1);  // an added token that no template claims is anybody's
  tokenizer->guard_marks(*chat);
  EXPECT_EQ(count(), 0);
}

TEST(TokenizerFiles, ARoleOfTheApiMayBePartOfAMarkAndAPersonsTextMayNot) {
  const auto tokenizer = load("phi3");
  ASSERT_NE(tokenizer, nullptr);
  const ChatTemplate chat = chat_template_of("phi3");
  tokenizer->guard_marks(chat);
  const auto count = [&](const ChatMessage& message) {
    const auto ids = prompt_ids(*tokenizer, chat, {message});
    return std::count(ids.begin(), ids.end(), *tokenizer->find_piece("<|user|>"));
  };
  EXPECT_EQ(count({"user", "x"}), 1);
  EXPECT_EQ(count({"user", "<|user|>"}), 1);
  EXPECT_EQ(count({"tool", "x<|user|>"}), 0);
}

// The golden folder, with one thing in it changed.
std::string refusal_after(const std::function<void(Json&)>& change,
                          const std::string& folder = "llama3") {
  Json json = read_json_file(kFolders + folder + "/tokenizer.json").value();
  change(json);
  auto vocabulary = read_json_bpe(json, "t.json");
  if (!vocabulary.ok()) return vocabulary.status().message();
  return make_bpe_tokenizer(std::move(vocabulary).value(), "t.json").status().message();
}

TEST(TokenizerFiles, AFieldThatNobodyKnowsIsRefusedWhereverItStands) {
  const auto refused = [](const char* where, const std::function<void(Json&)>& change) {
    EXPECT_THAT(refusal_after(change),
                AllOf(HasSubstr("t.json"), HasSubstr(where), HasSubstr("\"surprise\"")));
  };
  refused("the file", [](Json& json) { json["surprise"] = 1; });
  refused("model", [](Json& json) { json["model"]["surprise"] = 1; });
  refused("pre_tokenizer", [](Json& json) { json["pre_tokenizer"]["surprise"] = 1; });
  refused("pre_tokenizer.pretokenizers[0]",
          [](Json& json) { json["pre_tokenizer"]["pretokenizers"][0]["surprise"] = 1; });
  refused("added_tokens[2]", [](Json& json) { json["added_tokens"][2]["surprise"] = 1; });
  refused("decoder", [](Json& json) { json["decoder"]["surprise"] = 1; });
  refused("post_processor.processors[1]",
          [](Json& json) { json["post_processor"]["processors"][1]["surprise"] = 1; });
  refused("normalizer",
          [](Json& json) { json["normalizer"] = {{"type", "Lowercase"}, {"surprise", 1}}; });
}

TEST(TokenizerFiles, AStepThatIsNotSupportedIsRefusedByItsName) {
  const auto typed = [](const char* part, const char* type) {
    return refusal_after([&](Json& json) { json[part] = {{"type", type}}; });
  };
  for (const char* type : {"NFC", "NFKC", "Precompiled", "BertNormalizer", "Nmt", "Newest"}) {
    EXPECT_THAT(typed("normalizer", type),
                AllOf(HasSubstr("normalizer has the type"), HasSubstr(type)));
  }
  for (const char* type : {"UnicodeScripts", "BertPreTokenizer", "Newest"}) {
    EXPECT_THAT(typed("pre_tokenizer", type), HasSubstr(type));
  }
  for (const char* type : {"WordPiece", "CTC", "Newest"}) {
    EXPECT_THAT(typed("decoder", type), HasSubstr(type));
  }
  EXPECT_THAT(typed("post_processor", "Newest"), HasSubstr("Newest"));
  EXPECT_THAT(refusal_after([](Json& json) { json["model"]["dropout"] = 0.1; }),
              HasSubstr("dropout"));
  EXPECT_THAT(refusal_after([](Json& json) { json["model"]["type"] = "Unigram"; }),
              HasSubstr("Unigram"));
  EXPECT_THAT(refusal_after([](Json& json) { json["version"] = "2.0"; }), HasSubstr("2.0"));
}

TEST(TokenizerFiles, AFieldOfTheWrongTypeIsRefused) {
  EXPECT_THAT(refusal_after([](Json& json) { json["added_tokens"][0]["special"] = "yes"; }),
              HasSubstr("added_tokens[0].special is neither true nor false"));
  EXPECT_THAT(refusal_after([](Json& json) { json["added_tokens"][0]["id"] = -1; }),
              HasSubstr("no valid id"));
  EXPECT_THAT(refusal_after([](Json& json) { json["model"]["unk_token"] = 3; }),
              HasSubstr("model.unk_token is not a text"));
  EXPECT_THAT(
      refusal_after([](Json& json) {
        json["post_processor"]["processors"][1]["special_tokens"]["<|begin_of_text|>"]["ids"] = {
            99999};
      }),
      HasSubstr("99999"));
  EXPECT_THAT(
      refusal_after([](Json& json) { json["pre_tokenizer"]["prepend_scheme"] = "sometimes"; },
                    "metaspace_first"),
      HasSubstr("sometimes"));
}

TEST(TokenizerFiles, PatternsThatMeanSomethingElseInPcre2AreRefusedWithTheirPlace) {
  const auto refused = [](const char* pattern) {
    return refusal_after([&](Json& json) {
      json["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {{"Regex", pattern}};
    });
  };
  for (const char* pattern :
       {"[a-z&&[^b]]", "(?m).", "a(?i)b", "\\p{N}{1,3}+", "\\X", "\\Ka", "[\\W]"}) {
    EXPECT_THAT(refused(pattern), AllOf(HasSubstr("is not supported"), HasSubstr(pattern)));
  }
  EXPECT_THAT(refused("a(b"), HasSubstr("at offset"));
}

TEST(TokenizerFiles, ConfigFilesAreReadStrictlyWhereTheyChangeIds) {
  const auto refusal = [](const char* config, const char* added) {
    return parse_tokenizer_config(parse_json(config).value(), Json(), parse_json(added).value(),
                                  "folder")
        .status()
        .message();
  };
  EXPECT_THAT(refusal(R"({"add_bos_token": "yes"})", "{}"), HasSubstr("add_bos_token"));
  EXPECT_THAT(refusal(R"({"split_special_tokens": true})", "{}"),
              HasSubstr("split_special_tokens"));
  EXPECT_THAT(refusal(R"({"added_tokens_decoder": {"x": {"content": "a"}}})", "{}"),
              HasSubstr("\"x\" is no token id"));
  EXPECT_THAT(refusal(R"({"added_tokens_decoder": {"3": {"content": "a", "surprise": 1}}})", "{}"),
              HasSubstr("\"surprise\""));
  EXPECT_THAT(refusal("{}", R"({"<x>": -4})"), HasSubstr("added_tokens.json"));
  EXPECT_EQ(refusal(R"({"model_max_length": 1e30, "padding_side": "left"})", R"({"<x>": 4})"), "");
}

}  // namespace
}  // namespace puna
