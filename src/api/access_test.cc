// Keys, hosts and origins.

#include <gtest/gtest.h>

#include <fstream>

#include "api/access_policy.h"
#include "api/auth.h"
#include "api/infer_request.h"

namespace puna {
namespace {

TEST(Exposure, OnlyThisMachineNeedsNoKey) {
  for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "localhost"}) {
    EXPECT_TRUE(check_exposure(host, false, false).ok()) << host;
  }
  for (const char* host : {"0.0.0.0", "::", "192.168.0.1", "example.org", "128.0.0.1"}) {
    const Status refused = check_exposure(host, false, false);
    EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition) << host;
    EXPECT_NE(refused.message().find("--api-key"), std::string::npos);
    EXPECT_TRUE(check_exposure(host, true, false).ok());
    EXPECT_TRUE(check_exposure(host, false, true).ok());
  }
}

TEST(Keys, AFileHasOneALine) {
  const std::string path = ::testing::TempDir() + "/keys.txt";
  std::ofstream(path) << "# comment\n\nfirst\r\nsecond \n";
  const auto keys = read_api_keys(path);
  ASSERT_TRUE(keys.ok()) << keys.status().message();
  EXPECT_EQ(*keys, (std::vector<std::string>{"first", "second"}));
}

TEST(Keys, AFileWithoutAnyIsAnErrorAndNotAnOpenDoor) {
  const std::string path = ::testing::TempDir() + "/no_keys.txt";
  std::ofstream(path) << "# nothing\n\n";
  EXPECT_FALSE(read_api_keys(path).ok());
}

TEST(Keys, OnlyTheWholeKeyOpens) {
  const Authenticator keys({"abc", "defg"});
  EXPECT_TRUE(keys.accepts("Bearer abc"));
  EXPECT_TRUE(keys.accepts("Bearer defg"));
  for (const char* wrong :
       {"", "abc", "Bearer", "Bearer ", "Bearer ab", "Bearer abca", "Bearer abcabc", "bearerabc"}) {
    EXPECT_FALSE(keys.accepts(wrong)) << wrong;
  }
}

TEST(InferRequest, NumbersInTheSentenceStayText) {
  HttpRequest request;
  request.target = "/infer?sentence=42&echo=false&max_tokens=7&temperature=0";
  const auto parsed = parse_infer_request(request, {});
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_EQ(parsed->sentence, "42");
  EXPECT_FALSE(parsed->echo);
  EXPECT_EQ(parsed->generation.sampling.max_tokens, 7);
  EXPECT_TRUE(parsed->generation.max_tokens_given);
  EXPECT_EQ(parsed->generation.sampling.temperature, 0);
}

HttpRequest asked_of(const std::string& host, const std::string& origin = "") {
  HttpRequest request;
  request.headers.emplace_back("host", host);
  if (!origin.empty()) request.headers.emplace_back("origin", origin);
  return request;
}

TEST(AccessPolicy, AnOpenServerKnowsOnlyLocalNames) {
  const AccessPolicy policy("127.0.0.1", true, {"https://shop.example"});
  EXPECT_FALSE(policy.refusal(asked_of("localhost:8000")).has_value());
  EXPECT_FALSE(policy.refusal(asked_of("[::1]:8000")).has_value());
  EXPECT_FALSE(policy.refusal(asked_of("shop.example")).has_value());
  EXPECT_EQ(policy.refusal(asked_of("evil.example"))->status, 403);
  EXPECT_EQ(policy.refusal(asked_of("local host"))->status, 400);
}

TEST(AccessPolicy, AServerWithKeysAnswersToAnyName) {
  const AccessPolicy policy("127.0.0.1", false, {});
  EXPECT_FALSE(policy.refusal(asked_of("any.example")).has_value());
}

TEST(AccessPolicy, PagesOfOtherOriginsAreRefused) {
  const AccessPolicy policy("127.0.0.1", true, {"https://shop.example"});
  EXPECT_FALSE(policy.refusal(asked_of("localhost:1", "http://localhost:1")).has_value());
  EXPECT_FALSE(policy.refusal(asked_of("localhost:1", "https://shop.example")).has_value());
  EXPECT_TRUE(policy.refusal(asked_of("localhost:1", "http://localhost:2")).has_value());
  EXPECT_TRUE(policy.refusal(asked_of("localhost:1", "null")).has_value());
  EXPECT_TRUE(policy.cors_headers(asked_of("localhost:1", "http://localhost:1")).empty());
}

}  // namespace
}  // namespace puna
