// Hosts, origins and what heads say.

#include <gtest/gtest.h>

#include "api/access_policy.h"
#include "api/auth.h"
#include "api/infer_request.h"
#include "api/request_origin.h"

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
  EXPECT_FALSE(policy.refusal(asked_of("LocalHost.:8000")).has_value());
  EXPECT_FALSE(policy.refusal(asked_of("SHOP.example")).has_value());
  EXPECT_EQ(policy.host_refusal(asked_of("local host"))->status, 400);
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
  const auto refused = policy.refusal(asked_of("127.0.0.1:8000", "http://proxy.example"));
  EXPECT_NE(refused->message.find("--allowed-origins http://proxy.example"), std::string::npos);
}

std::string value_of(const HttpHeaders& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return "";
}

TEST(AccessPolicy, APageOfAnAllowedOriginMaySendTheHeadersItAsksFor) {
  const AccessPolicy policy("127.0.0.1", true, {"https://Shop.example/"});
  HttpRequest request = asked_of("localhost:1", "https://shop.example");
  request.headers.emplace_back("access-control-request-headers", "authorization,x-stainless-os");
  EXPECT_EQ(value_of(policy.preflight_headers(request), "Access-Control-Allow-Headers"),
            "Authorization, Content-Type, X-Request-Id, authorization,x-stainless-os");
  EXPECT_EQ(value_of(policy.cors_headers(request), "Access-Control-Allow-Origin"),
            "https://shop.example");
  request = asked_of("localhost:1", "https://other.example");
  EXPECT_TRUE(policy.preflight_headers(request).empty());
  EXPECT_EQ(value_of(policy.cors_headers(request), "Access-Control-Allow-Origin"), "");
}

TEST(Traceparent, IsReadOrNotThere) {
  const std::string valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const auto trace = parse_traceparent(valid);
  ASSERT_TRUE(trace.has_value());
  EXPECT_EQ(trace->trace_id[0], 0x0a);
  EXPECT_EQ(trace->span_id[7], 0x31);
  EXPECT_EQ(trace->flags, 1);
  for (const std::string& wrong :
       {std::string(), valid.substr(1), "01" + valid.substr(2), valid.substr(0, 54) + "g",
        "00-" + std::string(32, '0') + valid.substr(35)}) {
    EXPECT_FALSE(parse_traceparent(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace puna
