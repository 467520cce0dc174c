// What a handler sees of HTTP.

#include "http/http_message.h"

#include <gtest/gtest.h>

namespace puna {
namespace {

TEST(Query, IsDecodedOnce) {
  HttpRequest request;
  request.target = "/infer?a=1+2%203&b=%2541&c&=d&a=last%";
  const auto query = query_of(request);
  EXPECT_EQ(query.at("a"), "last%");
  EXPECT_EQ(query.at("b"), "%41");
  EXPECT_EQ(query.at("c"), "");
  EXPECT_EQ(request.path(), "/infer");
}

}  // namespace
}  // namespace puna
