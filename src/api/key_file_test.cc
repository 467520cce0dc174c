// The file of API keys: what its lines say, and what happens when it changes.

#include "api/key_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "api/auth.h"

namespace puna {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

ApiKey key(const std::string& text, const std::string& name = "", const KeyLimits& limits = {}) {
  return {.digest = digest_of_key(text), .name = name, .limits = limits};
}

TEST(KeyFile, ALineIsAKeyAndWhatItHas) {
  const auto keys = parse_key_file(
      "\xEF\xBB\xBF# ours\n\nplain\r\n second \n"
      "sk-a name=shop requests-per-minute=60 tokens-per-minute=10000 max-concurrent=4\n"
      "sk-b\tmax-concurrent=1  name=a.b@c-1",
      "keys");
  ASSERT_TRUE(keys.ok()) << keys.status().message();
  EXPECT_THAT(*keys, ElementsAre(key("plain"), key("second"), key("sk-a", "shop", {60, 10000, 4}),
                                 key("sk-b", "a.b@c-1", {0, 0, 1})));
  EXPECT_TRUE(parse_key_file("sk-old name=shop\nsk-new name=shop", "keys").ok())
      << "a key is replaced while both hold";
}

TEST(KeyFile, AFileWithoutAnyKeyIsAnErrorAndNotAnOpenDoor) {
  EXPECT_FALSE(parse_key_file("", "keys").ok());
  EXPECT_FALSE(parse_key_file("# nothing\n\n", "keys").ok());
}

TEST(KeyFile, WhatIsWrongIsSaidWithItsPlaceAndWithoutTheKey) {
  const std::pair<const char*, const char*> cases[] = {
      {"s3cret requests-per-minut=5",
       "unknown word requests-per-minut; did you mean requests-per-"},
      {"s3cret rpm=5", "unknown word rpm; there are name"},
      {"s3cret S3CRET=5", "unknown word before '='"},
      {"s3cret s3cret", "a key has no spaces"},
      {"s3cret requests-per-minute", "a line is KEY"},
      {"s3cret requests-per-minute=", "a number from 1 to"},
      {"s3cret requests-per-minute=0", "leave it out for no limit"},
      {"s3cret tokens-per-minute=-1", "tokens-per-minute is a number"},
      {"s3cret tokens-per-minute=1e3", "a number"},
      {"s3cret tokens-per-minute=99999999999999999999", "a number"},
      {"s3cret max-concurrent=2 max-concurrent=2", "max-concurrent twice"},
      {"s3cret name=", "a name has from 1 to 64"},
      {"s3cret name=a/b", "a name has"},
      {"s3cret name=key-1", "choose another name"},
      {"name=shop s3cret", "the key comes first"},
      {"s3cr\xC3\xA9t", "no HTTP header can carry"},
      {"a\ns3cret name=a max-concurrent=1\nb name=a", "keys:4: the other key of a"},
      {"s3cret\ns3cret name=x", "keys:3: this key is already in line 2"}};
  for (const auto& [text, words] : cases) {
    const Status wrong = parse_key_file("# \n" + std::string(text), "keys").status();
    EXPECT_EQ(wrong.code(), StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(wrong.message(), HasSubstr(words));
    EXPECT_THAT(wrong.message(), HasSubstr("keys:"));
    EXPECT_THAT(wrong.message(), Not(HasSubstr("s3cret")));
  }
  const std::string long_key(kKeyBytesMax + 1, 'x');
  EXPECT_THAT(parse_key_file(long_key, "keys").status().message(), HasSubstr("at most 1024"));
}

TEST(KeyFile, WhoSendsItsKeysReadsThemAsTheServerDoes) {
  const std::string text =
      "\xEF\xBB\xBF"
      "one name=a\r\n\n# two\n\tthree  max-concurrent=2\n";
  EXPECT_EQ(keys_in_file(text), (std::vector<std::string>{"one", "three"}));
  const auto parsed = parse_key_file(text, "keys").value();
  ASSERT_EQ(parsed.size(), 2U);
  EXPECT_EQ(parsed[0].digest, digest_of_key("one"));
}

TEST(KeyFile, ADigestIsOfTheKeyAndOfThisProcess) {
  EXPECT_EQ(digest_of_key("abc"), digest_of_key("abc"));
  EXPECT_NE(digest_of_key("abc"), digest_of_key("abd"));
  const KeyDigest unsalted = {0xba, 0x78, 0x16, 0xbf};  // how the SHA-256 of "abc" begins
  EXPECT_FALSE(std::equal(unsalted.begin(), unsalted.begin() + 4, digest_of_key("abc").begin()));
}

// A file of keys and a server's view of it.
class KeysThatChange : public ::testing::Test {
 protected:
  KeysThatChange() : path_(::testing::TempDir() + "/keys_that_change") {
    std::filesystem::remove(path_);
  }
  void write(const std::string& text) { std::ofstream(path_) << text; }
  void open(const std::vector<std::string>& fixed = {}) {
    auto opened = Authenticator::open(fixed, path_);
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    keys_ = *opened;
  }
  std::optional<ApiClient> client(const std::string& key) {
    return keys_->client_of("Bearer " + key);
  }

  const std::string path_;
  std::shared_ptr<Authenticator> keys_;
};

TEST_F(KeysThatChange, OnlyTheWholeKeyOpensAndSaysWho) {
  write("abc\ndefg name=shop max-concurrent=2\n");
  open({"fixed"});
  EXPECT_EQ(client("fixed")->name, "key-1");
  EXPECT_EQ(client("abc")->name, "key-2");
  EXPECT_EQ(client("defg")->name, "shop");
  EXPECT_EQ(client("defg")->limits.concurrent_max, 2);
  EXPECT_EQ(keys_->client_of("bearer  abc")->index, 2);
  for (const char* wrong : {"", "abc", "Bearer", "Bearer ", "Bearer ab", "Bearer abca",
                            "Bearer abcabc", "bearerabc", "Bearer ABC", "Basic abc"}) {
    EXPECT_FALSE(keys_->client_of(wrong).has_value()) << wrong;
  }
  EXPECT_FALSE(Authenticator::open({""}, "").ok()) << "an empty key would let everybody in";
}

// At once, and also within one tick of the file system's clock.
TEST_F(KeysThatChange, AKeyHoldsFromTheNextRequestOnAndAGoneOneDoesNot) {
  write("aaa name=shop");
  open();
  const ClientIndex shop = client("aaa")->index;
  for (const char* next : {"bbb", "ccc", "ddd"}) {
    write(std::string(next) + " name=shop");
    EXPECT_FALSE(client("aaa").has_value());
    ASSERT_TRUE(client(next).has_value());
    EXPECT_EQ(client(next)->index, shop) << "who has a new key is who it was";
  }
  write("eee");
  EXPECT_NE(client("eee")->index, shop);
}

TEST_F(KeysThatChange, ASwappedSymlinkIsAChange) {
  const std::string one = path_ + ".1", two = path_ + ".2", next = path_ + ".next";
  std::ofstream(one) << "one";
  std::ofstream(two) << "two";
  std::filesystem::create_symlink(one, path_);
  open();
  EXPECT_TRUE(client("one").has_value());
  std::filesystem::remove(next);
  std::filesystem::create_symlink(two, next);
  std::filesystem::rename(next, path_);
  EXPECT_FALSE(client("one").has_value());
  EXPECT_TRUE(client("two").has_value());
}

TEST_F(KeysThatChange, ABadNewFileLeavesTheOldKeysAndSaysSoOnce) {
  write("good");
  open();
  ::testing::internal::CaptureStderr();
  for (const char* bad : {"", "good nmae=x", "#"}) {
    write(bad);
    EXPECT_TRUE(client("good").has_value());
    EXPECT_TRUE(client("good").has_value());
  }
  std::filesystem::remove(path_);
  EXPECT_TRUE(client("good").has_value());
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 4) << log;
  EXPECT_THAT(log, HasSubstr("keys_that_change:1: unknown word nmae; did you mean name?"));
  write("new");
  EXPECT_TRUE(client("new").has_value());
  EXPECT_FALSE(client("good").has_value());
}

}  // namespace
}  // namespace puna
