// Requests to plain data: what is filled in, what is refused, and which field a message names.

#include "api/openai_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/error_response.h"

namespace puna {
namespace {

using ::testing::HasSubstr;

constexpr const char* kMessages = R"("messages": [{"role": "user", "content": "hi"}])";

Result<OpenAiRequest> parse_chat(const std::string& fields) {
  return parse_chat_request(
      "{" + std::string(kMessages) + (fields.empty() ? "" : ", " + fields) + "}", {});
}

TEST(ChatRequest, WhatIsLeftOutComesFromTheDefaults) {
  SamplingParams defaults;
  defaults.temperature = 0.25;
  defaults.top_k = 50;
  const auto request =
      parse_chat_request("{" + std::string(kMessages) + "}", {.sampling = defaults});
  ASSERT_TRUE(request.ok()) << request.status().message();
  ASSERT_EQ(request->prompts.size(), 1u);
  EXPECT_EQ(request->prompts[0].sampling.temperature, 0.25);
  EXPECT_EQ(request->prompts[0].sampling.top_k, 50);
  EXPECT_FALSE(request->prompts[0].max_tokens_given);
  EXPECT_FALSE(request->stream);
  EXPECT_EQ(request->choice_count, 1);
}

TEST(ChatRequest, NullIsTheSameAsAbsent) {
  const auto request = parse_chat(R"("temperature": null, "stop": null, "tools": null,
      "response_format": null, "stream_options": null, "max_tokens": null, "seed": null)");
  ASSERT_TRUE(request.ok()) << request.status().message();
  EXPECT_EQ(request->prompts[0].sampling.temperature, 1.0);
}

TEST(ChatRequest, EveryFieldArrives) {
  const auto parsed = parse_chat(R"("model": "m", "max_tokens": 7, "temperature": 0.5,
      "top_p": 0.9, "top_k": 3, "min_p": 0.1, "seed": 42, "stop": ["a", "b"], "n": 2,
      "presence_penalty": 1, "frequency_penalty": -1, "repetition_penalty": 1.5,
      "logit_bias": {"5": -2.5}, "logprobs": true, "top_logprobs": 4, "stream": true,
      "stream_options": {"include_usage": true}, "min_tokens": 2, "ignore_eos": true,
      "stop_token_ids": [9], "include_stop_str_in_output": true)");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_EQ(parsed->choice_count, 2);
  EXPECT_TRUE(parsed->stream && parsed->extras.include_usage && parsed->extras.logprobs);
  const GenerationRequest& request = parsed->prompts[0];
  EXPECT_TRUE(request.max_tokens_given && request.include_stop_in_output);
  EXPECT_EQ(request.stop, (std::vector<std::string>{"a", "b"}));
  const SamplingParams& sampling = request.sampling;
  EXPECT_EQ(sampling.max_tokens, 7);
  EXPECT_EQ(sampling.temperature, 0.5);
  EXPECT_EQ(sampling.top_p, 0.9);
  EXPECT_EQ(sampling.top_k, 3);
  EXPECT_EQ(sampling.min_p, 0.1);
  EXPECT_EQ(sampling.seed, 42u);
  EXPECT_EQ(sampling.presence_penalty, 1);
  EXPECT_EQ(sampling.frequency_penalty, -1);
  EXPECT_EQ(sampling.repetition_penalty, 1.5);
  EXPECT_EQ(sampling.logit_bias, (std::vector<std::pair<TokenId, float>>{{5, -2.5f}}));
  EXPECT_EQ(sampling.logprobs, 4);
  EXPECT_EQ(sampling.min_tokens, 2);
  EXPECT_TRUE(sampling.ignore_eos);
  EXPECT_EQ(sampling.stop_token_ids, std::vector<TokenId>{9});
}

TEST(ChatRequest, TheNewerNameOfMaxTokensCountsToo) {
  const auto parsed = parse_chat(R"("max_completion_tokens": 9)");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_EQ(parsed->prompts[0].sampling.max_tokens, 9);
}

uint64_t seed_of(const std::string& value) {
  const auto parsed = parse_chat("\"seed\": " + value);
  EXPECT_TRUE(parsed.ok()) << parsed.status().message();
  return parsed.ok() ? parsed->prompts[0].sampling.seed : 0;
}

TEST(ChatRequest, AnyIntegerOf64BitsIsASeedAndMinusOneIsDrawn) {
  EXPECT_EQ(seed_of("-2"), UINT64_MAX - 1);
  EXPECT_EQ(seed_of("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(seed_of("5.0"), 5U);
  EXPECT_NE(seed_of("-1"), seed_of("-1"));
}

TEST(ChatRequest, ANumberWithoutAFractionIsAnInteger) {
  const auto parsed = parse_chat(R"("max_tokens": 16.0, "top_k": 2e1, "n": 2.0,
      "stop_token_ids": [7.0], "allowed_token_ids": [1.0, 2])");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_EQ(parsed->prompts[0].sampling.max_tokens, 16);
  EXPECT_EQ(parsed->prompts[0].sampling.top_k, 20);
  EXPECT_EQ(parsed->choice_count, 2);
  EXPECT_EQ(parsed->prompts[0].sampling.stop_token_ids, std::vector<TokenId>{7});
  EXPECT_EQ(parsed->prompts[0].sampling.allowed_token_ids, (std::vector<TokenId>{1, 2}));
}

TEST(ChatRequest, AnIntegerOutOfRangeIsToldWithItsRange) {
  const auto told = [](const char* fields) { return parse_chat(fields).status().message(); };
  EXPECT_EQ(told(R"("max_tokens": 9223372036854775808)"),
            "max_tokens is 9223372036854775808, and goes from 0 to 2147483647");
  EXPECT_EQ(told(R"("n": 1e30)"), "n is 1e+30, and goes from 1 to 128");
  EXPECT_EQ(told(R"("top_k": -9223372036854775808)"),
            "top_k is -9223372036854775808, and goes from -1 to 2147483647");
  EXPECT_EQ(told(R"("seed": 1e30)"), "seed is 1e+30, and goes from -2^63 to 2^64 - 1");
  EXPECT_EQ(told(R"("max_tokens": 1.5)"), "max_tokens must be an integer, not 1.5");
  EXPECT_EQ(told(R"("stop_token_ids": [9223372036854775808])"),
            "stop_token_ids must hold token ids, not 9223372036854775808");
}

TEST(ChatRequest, AnUnknownModelIsToldBeforeAnythingElse) {
  const std::vector<std::string> served = {"a", "b"};
  const auto ask = [&](const char* fields) {
    return parse_chat_request("{" + std::string(kMessages) + fields + "}", {{}, served}).status();
  };
  EXPECT_EQ(ask(R"(, "model": "c", "temperature": 9)").code(), StatusCode::kNotFound);
  EXPECT_THAT(ask(R"(, "model": "c")").message(), HasSubstr("serves a, b"));
  EXPECT_TRUE(ask(R"(, "model": "b")").ok());
}

TEST(ChatRequest, TheLastMessageGoesOnOrANewOneBegins) {
  const auto rendering = [](const char* fields) { return parse_chat(fields)->prompts[0].chat; };
  EXPECT_TRUE(rendering("").add_generation_prompt);
  EXPECT_FALSE(rendering(R"("continue_final_message": true)").add_generation_prompt);
  EXPECT_TRUE(rendering(R"("continue_final_message": true)").continue_final_message);
  EXPECT_FALSE(parse_chat(R"("continue_final_message": true, "add_generation_prompt": true)").ok());
}

TEST(ChatRequest, SeedsAreDrawnWhenNoneIsGiven) {
  EXPECT_NE(parse_chat("")->prompts[0].sampling.seed, parse_chat("")->prompts[0].sampling.seed);
}

TEST(ChatRequest, DeveloperIsTheNewNameOfSystemAndPartsAreJoined) {
  const auto parsed = parse_chat_request(R"({"messages": [{"role": "developer", "content":
      [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]})",
                                         {});
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  const auto& messages = std::get<ChatMessages>(parsed->prompts[0].prompt);
  EXPECT_EQ(messages[0].role, "system");
  EXPECT_EQ(messages[0].content, "ab");
}

TEST(ChatRequest, MayLeaveToolsEmptyOrTurnedOff) {
  EXPECT_TRUE(parse_chat(R"("tools": [])").ok());
  EXPECT_TRUE(parse_chat(R"("tool_choice": "none")").ok());
  EXPECT_TRUE(parse_chat(R"("response_format": {"type": "text"})").ok());
  EXPECT_TRUE(parse_chat(R"("modalities": ["text"])").ok());
}

// The rest of what is refused is asked of the binary in tests/http/test_errors.py.
TEST(ChatRequest, AMessageNamesFieldFoundAndWanted) {
  const auto parsed = parse_chat(R"("temperature": "hot")");
  EXPECT_EQ(parsed.status().message(), "temperature must be a number, not a string");
  const auto role = parse_chat_request(R"({"messages": [{"role": "king", "content": "a"}]})", {});
  EXPECT_EQ(to_api_error(role.status(), 1).param, "messages[0].role");
}

TEST(ChatRequest, ASaltIsATextThatIsNotEmpty) {
  const std::string front = R"({"messages": [{"role": "user", "content": "Hi"}], "cache_salt": )";
  EXPECT_EQ(parse_chat_request(front + R"("mine"})", {})->prompts[0].cache_salt, "mine");
  for (const std::string& wrong : {std::string(R"("")"), std::string("5"),
                                   '"' + std::string(kCacheSaltBytesMax + 1, 'x') + '"'}) {
    const Status status = parse_chat_request(front + wrong + "}", {}).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("cache_salt"));
  }
}

TEST(CompletionRequest, TakesFourKindsOfPrompt) {
  const auto count = [](const char* prompt) {
    const auto parsed =
        parse_completion_request(fmt::format(R"({{"prompt": {}}})", prompt), RequestContext{});
    return parsed.ok() ? parsed->prompts.size() : 0;
  };
  EXPECT_EQ(count(R"("a")"), 1u);
  EXPECT_EQ(count(R"(["a", "b"])"), 2u);
  EXPECT_EQ(count("[1, 2, 3]"), 1u);
  EXPECT_EQ(count("[[1, 2], [3]]"), 2u);
}

TEST(CompletionRequest, EchoWithLogprobsAsksForThoseOfThePrompt) {
  const auto parsed =
      parse_completion_request(R"({"prompt": "a", "echo": true, "logprobs": 1})", {});
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_EQ(parsed->prompts[0].sampling.prompt_logprobs, 1);
  EXPECT_EQ(parsed->prompts[0].sampling.logprobs, 1);
  EXPECT_EQ(parsed->prompts[0].sampling.max_tokens, 16);
}

TEST(CompletionRequest, NoTokensAreAskedForOnlyToScoreThePrompt) {
  const auto scored =
      parse_completion_request(R"({"prompt": "a", "max_tokens": 0, "echo": true})", {});
  ASSERT_TRUE(scored.ok()) << scored.status().message();
  EXPECT_EQ(scored->prompts[0].sampling.max_tokens, 0);
  EXPECT_FALSE(parse_completion_request(R"({"prompt": "a", "max_tokens": 0})", {}).ok());
}

TEST(ApiErrors, EachKindHasItsStatus) {
  const auto status_of = [](StatusCode code) { return to_api_error({code, "x"}, 5).status; };
  EXPECT_EQ(status_of(StatusCode::kInvalidArgument), 400);
  EXPECT_EQ(status_of(StatusCode::kOutOfRange), 400);
  EXPECT_EQ(status_of(StatusCode::kResourceExhausted), 503);
  EXPECT_EQ(status_of(StatusCode::kUnavailable), 503);
  EXPECT_EQ(status_of(StatusCode::kInternal), 500);
  EXPECT_EQ(to_reply(to_api_error({StatusCode::kResourceExhausted, "x"}, 5)).headers[0],
            (std::pair<std::string, std::string>{"Retry-After", "5"}));
}

TEST(ApiErrors, AWordThatIsNoFieldIsNoParam) {
  EXPECT_FALSE(to_api_error(invalid_argument("the body is empty"), 1).param.has_value());
  EXPECT_FALSE(to_api_error(invalid_argument("some_word of a template's own"), 1).param.has_value())
      << "prose names no field";
  EXPECT_EQ(to_api_error(invalid_argument("stop: too many").about("stop"), 1).param, "stop");
}

}  // namespace
}  // namespace puna
