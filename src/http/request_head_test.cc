// Request lines, fields and framing, byte for byte.

#include "http/request_head.h"

#include <gtest/gtest.h>

#include <ctime>

#include "http/chunked_body.h"
#include "http/reply_head.h"

namespace puna {
namespace {

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n";

int status_of(const std::string& head) {
  const RequestHead parsed = parse_request_head(head + "\r\n");
  return parsed.error ? parsed.error->status : 200;
}

TEST(RequestHead, IsReadWithItsFields) {
  const RequestHead head = parse_request_head(
      "POST /infer?x=1 HTTP/1.1\r\nHOST: a:80\r\nX-Y:  b c \t\r\nContent-Length: 12\r\n\r\n");
  ASSERT_FALSE(head.error.has_value()) << head.error->message;
  EXPECT_EQ(head.request.method, "POST");
  EXPECT_EQ(head.request.target, "/infer?x=1");
  EXPECT_EQ(head.request.header("host"), "a:80");
  EXPECT_EQ(head.request.header("x-y"), "b c");
  EXPECT_EQ(head.body_bytes, 12u);
  EXPECT_TRUE(head.keep_alive);
}

TEST(RequestHead, RequestLinesThatAreRefused) {
  for (const char* line :
       {"GET", "GET /", "GET  / HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1", "GET / http/1.1",
        "GET / HTTP/1.10", "GET / HTTP/2.0", "G(T / HTTP/1.1", "GET /a#b HTTP/1.1",
        "GET /\xc3\xa9 HTTP/1.1", "GET a HTTP/1.1", "GET * HTTP/1.1", "GET ftp://a/ HTTP/1.1",
        "GET http:///x HTTP/1.1", "GET http://me@a/ HTTP/1.1", "GET /a b HTTP/1.1"}) {
    EXPECT_EQ(status_of(std::string(line) + "\r\nHost: a\r\n"), 400) << line;
  }
  EXPECT_EQ(status_of("GET https://a/ HTTP/1.1\r\nHost: a\r\n"), 421);
  EXPECT_EQ(status_of("OPTIONS * HTTP/1.1\r\nHost: a\r\n"), 200);
}

TEST(RequestHead, TheHostOfAnAbsoluteTargetCounts) {
  const RequestHead head =
      parse_request_head("GET HTTP://real.example:8?q HTTP/1.1\r\nHost: other\r\n\r\n");
  EXPECT_EQ(head.request.header("host"), "real.example:8");
  EXPECT_EQ(head.request.target, "/?q");
  EXPECT_EQ(status_of("GET http://a/ HTTP/1.1\r\n"), 400);  // Host is needed all the same
}

TEST(RequestHead, FieldsThatAreRefused) {
  for (const char* line :
       {"X : y", " X: y", "\tX: y", "X", ": y", "X Y: z", "\xc3\xa9: y", "Host: b",
        "Content-Length: +5", "Content-Length: -1", "Content-Length: 0x5",
        "Content-Length: ", "Content-Length: 5, 5", "Content-Length: 5 5",
        "Content-Length: 18446744073709551616", "Content-Length: 5\r\nContent-Length: 5"}) {
    EXPECT_EQ(status_of(kGet + line + "\r\n"), 400) << line;
  }
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.0\r\n"), 200);
}

TEST(RequestHead, OnlyChunkedIsATransferEncoding) {
  const auto status = [](const std::string& fields) { return status_of(kGet + fields); };
  EXPECT_EQ(status("Transfer-Encoding: Chunked\r\n"), 200);
  EXPECT_EQ(status("Transfer-Encoding: gzip, chunked\r\n"), 501);
  EXPECT_EQ(status("Transfer-Encoding: gzip\r\n"), 501);
  EXPECT_EQ(status("Transfer-Encoding: xchunked\r\n"), 501);
  EXPECT_EQ(status("Transfer-Encoding: chunked, gzip\r\n"), 400);
  EXPECT_EQ(status("Transfer-Encoding: chunked, chunked\r\n"), 400);
  EXPECT_EQ(status("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400);
  EXPECT_EQ(status("Transfer-Encoding: \r\n"), 400);
  EXPECT_EQ(status("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n"), 400);
}

TEST(RequestHead, ConnectionsStayAsTheVersionSays) {
  const auto stays = [](const std::string& version, const std::string& connection) {
    return parse_request_head("GET / HTTP/" + version + "\r\nHost: a\r\nConnection: " + connection +
                              "\r\n\r\n")
        .keep_alive;
  };
  EXPECT_TRUE(stays("1.1", ""));
  EXPECT_FALSE(stays("1.1", "x, CLOSE"));
  EXPECT_FALSE(stays("1.0", ""));
  EXPECT_TRUE(stays("1.0", "Keep-Alive"));
  EXPECT_FALSE(stays("1.0", "keep-alive, close"));
}

TEST(RequestHead, ExpectIsMetOrRefused) {
  EXPECT_EQ(status_of(kGet + "Expect: a-miracle\r\n"), 417);
  EXPECT_TRUE(parse_request_head(kGet + "Expect: 100-Continue\r\n\r\n").expects_continue);
  EXPECT_FALSE(
      parse_request_head("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expects_continue);
}

TEST(RequestHead, WhatIsLeftOfABrokenOneSaysWhomToAnswer) {
  const RequestHead head = parse_request_head(
      "POST /v1/models HTTP/1.1\r\nOrigin: http://b\r\nX : y\r\nX-Request-Id: 5");
  EXPECT_EQ(head.error->status, 400);
  EXPECT_EQ(head.request.header("origin"), "http://b");
  EXPECT_EQ(head.request.header("x-request-id"), "5");
}

TEST(HeadBytes, AreRefusedAsSoonAsTheyCome) {
  EXPECT_FALSE(check_head_bytes("GET / HTTP/1.1\r\nX: \ty\xc3\xa9\r").has_value());
  for (const std::string& wrong :
       {std::string("\x16\x03"), std::string("a\nb"), std::string("a\rb"), std::string("a\0b", 3),
        std::string("a\x7f")}) {
    EXPECT_TRUE(check_head_bytes(wrong).has_value()) << wrong;
  }
  EXPECT_FALSE(check_head_bytes("a\r\nb", 2).has_value());
}

struct Chunks {
  std::string body;
  bool complete = false, wrong = false;
  size_t taken = 0;
};

// The bytes in pieces of `piece`.
Chunks take(const std::string& wire, size_t piece) {
  ChunkedBody chunks;
  Chunks result;
  while (result.taken < wire.size() && !chunks.complete() && !chunks.error()) {
    result.taken += chunks.take(std::string_view(wire).substr(result.taken, piece), result.body);
  }
  result.complete = chunks.complete();
  result.wrong = chunks.error().has_value();
  return result;
}

TEST(ChunkedBody, IsReadHoweverItIsCut) {
  const std::string wire = "5\r\nhello\r\n00a ;x=\"y\"\r\n, chunked!\r\n0\r\nA: b\r\n\r\nGET";
  for (size_t piece = 1; piece <= wire.size(); ++piece) {
    const Chunks chunks = take(wire, piece);
    EXPECT_TRUE(chunks.complete) << piece;
    EXPECT_EQ(chunks.body, "hello, chunked!");
    EXPECT_EQ(wire.substr(chunks.taken), "GET");
  }
}

TEST(ChunkedBody, FramingThatIsRefused) {
  const std::string long_extension = "1;" + std::string(5000, 'x') + "\r\n";
  for (const std::string& wire :
       {std::string("\r\n"), std::string("x\r\n"), std::string("-1\r\n"), std::string("0x1\r\n"),
        std::string("+1\r\n"), std::string(" 1\r\n"), std::string("1 \r\n"), std::string("1\nx"),
        std::string("1\r\nxy\r\n"), std::string("1\r\nx\n"), std::string("1\r\nx0\r\n"),
        std::string("ffffffffffffffff\r\n"), std::string("0\r\nbad trailer\r\n"),
        std::string("0\r\nA: b\n\n"), std::string("1;\x01\r\n"), long_extension}) {
    EXPECT_TRUE(take(wire, 3).wrong) << wire;
  }
}

TEST(ChunkedBody, MoreFramingThanBodyIsRefused) {
  std::string tiny, padded;
  for (int i = 0; i < 50'000; ++i) {
    tiny += "1\r\nx\r\n";
    padded += "1;" + std::string(100, 'x') + "\r\nx\r\n";
  }
  EXPECT_EQ(take(tiny, 4096).body.size(), 50'000u);
  EXPECT_TRUE(take(padded, 4096).wrong);
}

TEST(ReplyHead, SaysWhatTheStatusAllows) {
  ReplyHead head;
  head.body_bytes = 0;
  EXPECT_EQ(to_text(head, 784111777),
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n");
  for (const int status : {204, 304}) {
    head.status = status;
    EXPECT_EQ(to_text(head, 0).find("Content-Length"), std::string::npos);
  }
  head.is_http_1_0 = true;
  EXPECT_NE(to_text(head, 0).find("Connection: keep-alive\r\n"), std::string::npos);
  head.keep_alive = false;
  head.body_bytes.reset();
  EXPECT_NE(to_text(head, 0).find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(to_text(head, 0).find("Transfer-Encoding"), std::string::npos);
}

}  // namespace
}  // namespace puna
