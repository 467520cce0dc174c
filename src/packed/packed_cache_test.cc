// Tests of identities: what must change one does, what must not does not.

#include "packed/packed_cache.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace puna {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr char kModel[] = "tests/golden/llama/grouped_query_tied";
constexpr char kSharded[] = "tests/golden/llama/multi_head";
constexpr char kAdapter[] = "tests/golden/adapter";

class PackedCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / fmt::format("cache-{}", ::getpid());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    ::setenv("PUNA_CACHE", folder_.c_str(), 1);
  }
  void TearDown() override {
    ::unsetenv("PUNA_CACHE");
    fs::remove_all(folder_);
  }

  // With the same modification times.
  fs::path copy(const char* original, const std::string& name) const {
    const fs::path path = folder_ / name;
    fs::copy(original, path);
    for (const auto& entry : fs::directory_iterator(original)) {
      fs::last_write_time(path / entry.path().filename(), entry.last_write_time());
    }
    return path;
  }

  static PackedIdentity identify(const fs::path& path, const std::string& recipe = "",
                                 const std::string& adapter = "") {
    auto checkpoint = open_checkpoint(path);
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    if (!adapter.empty()) {
      const Status applied = apply_adapter(*checkpoint, adapter);
      EXPECT_TRUE(applied.ok()) << applied.message();
    }
    ThreadPool pool(2);
    const auto cache = PackedCache::open();
    const auto identity =
        identify_weights(*checkpoint, recipe, cache.ok() ? &*cache : nullptr, pool);
    EXPECT_TRUE(identity.ok()) << identity.status().message();
    return *identity;
  }

  fs::path folder_;
};

TEST_F(PackedCacheTest, ACheckpointMayBeMoved) {
  const PackedIdentity first = identify(copy(kSharded, "one"));
  const PackedIdentity second = identify(copy(kSharded, "two"));
  EXPECT_EQ(first.content, second.content);
  EXPECT_NE(first.files->stamp(), second.files->stamp());
}

TEST_F(PackedCacheTest, AnotherModelOfTheSameShapeIsAnother) {
  const fs::path changed = copy(kModel, "changed");
  std::fstream file(changed / "model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-10, std::ios::end);
  file.put('x');
  file.close();
  EXPECT_NE(identify(kModel).content, identify(changed).content);
}

// A file that has just been written may be written again within the same tick of the clock.
TEST_F(PackedCacheTest, FilesAreReadOnceTheyAreSettledAndThenRecalled) {
  const fs::path fresh = copy(kModel, "fresh");
  EXPECT_FALSE(identify(fresh).is_recalled);
  EXPECT_FALSE(identify(fresh).is_recalled);
  const PackedIdentity settled = identify(kModel);
  EXPECT_FALSE(settled.is_recalled);
  const PackedIdentity again = identify(kModel);
  EXPECT_TRUE(again.is_recalled);
  EXPECT_EQ(again.content, settled.content);
  EXPECT_EQ(again.content, identify(fresh).content);
}

TEST_F(PackedCacheTest, WhatIsNoHashIsNotRecalled) {
  const auto cache = PackedCache::open();
  ASSERT_TRUE(cache.ok());
  EXPECT_EQ(cache->recall("stamp"), std::nullopt);
  cache->remember("stamp", std::string(32, 'a'));
  EXPECT_EQ(cache->recall("stamp"), std::string(32, 'a'));
  cache->remember("stamp", "short");
  EXPECT_EQ(cache->recall("stamp"), std::nullopt);
  cache->forget("stamp");
  EXPECT_FALSE(fs::exists(folder_ / "packed/known/stamp"));
}

TEST_F(PackedCacheTest, AFewStampsAreRemembered) {
  const auto cache = PackedCache::open();
  for (int i = 0; i < 1500; ++i) cache->remember(std::to_string(i), std::string(32, 'a'));
  const auto count = std::distance(fs::directory_iterator(folder_ / "packed/known"), {});
  EXPECT_LE(count, 1000);
  EXPECT_TRUE(cache->recall("1499"));
}

TEST_F(PackedCacheTest, TheRecipeIsPartOfTheIdentity) {
  EXPECT_NE(identify(kModel, "").content, identify(kModel, "calibrated on a text").content);
}

TEST_F(PackedCacheTest, AnAdapterAndItsScaleArePartOfTheIdentity) {
  const fs::path adapter = copy(kAdapter, "adapter");
  const PackedIdentity plain = identify(kModel);
  const PackedIdentity merged = identify(kModel, "", adapter);
  EXPECT_NE(plain.content, merged.content);
  std::fstream file(adapter / "adapter_config.json", std::ios::in | std::ios::out);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const size_t at = text.find("\"lora_alpha\": ");
  ASSERT_NE(at, std::string::npos);
  file.seekp(static_cast<std::streamoff>(at + 14));
  file << '9';
  file.close();
  EXPECT_NE(identify(kModel, "", adapter).content, merged.content);
}

TEST_F(PackedCacheTest, FilesLieWhereTheEnvironmentSays) {
  const PackedIdentity identity = {
      .content = "0123", .weights = "", .is_recalled = false, .files = nullptr};
  EXPECT_EQ(PackedCache::open()->path_of(identity, "int4 group 32", 2),
            folder_ / "packed/0123-int4-group-32-v2.packed");
  ::unsetenv("PUNA_CACHE");
  ::setenv("XDG_CACHE_HOME", folder_.c_str(), 1);
  EXPECT_EQ(PackedCache::open()->path_of(identity, "bf16", 2),
            folder_ / "puna/packed/0123-bf16-v2.packed");
  ::unsetenv("XDG_CACHE_HOME");
}

TEST_F(PackedCacheTest, AFolderThatCannotBeMadeIsNamed) {
  ::setenv("PUNA_CACHE", "/proc/nowhere", 1);
  EXPECT_THAT(PackedCache::open().status().message(), HasSubstr("/proc/nowhere/packed"));
}

TEST_F(PackedCacheTest, OtherLayoutsOfTheSameWeightsAreRemoved) {
  const auto cache = PackedCache::open();
  const PackedIdentity identity = {
      .content = "0123", .weights = "", .is_recalled = false, .files = nullptr};
  const PackedIdentity other = {
      .content = "4567", .weights = "", .is_recalled = false, .files = nullptr};
  const fs::path current = cache->path_of(identity, "int4 group 32", 12);
  const std::vector<fs::path> kept = {current, cache->path_of(identity, "int4 group 128", 11),
                                      cache->path_of(other, "int4 group 32", 11),
                                      current.string() + ".lock"};
  const fs::path old = cache->path_of(identity, "int4 group 32", 1);
  for (const fs::path& path : kept) std::ofstream(path) << "x";
  std::ofstream(old) << "x";
  cache->remove_other_layouts(current);
  for (const fs::path& path : kept) EXPECT_TRUE(fs::exists(path)) << path;
  EXPECT_FALSE(fs::exists(old));
}

TEST_F(PackedCacheTest, ADiskWithoutRoomIsSaidBeforeTheWork) {
  const fs::path path = folder_ / "x.packed";
  EXPECT_TRUE(check_disk_room(path, 1 << 20).ok());
  const Status status = check_disk_room(path, int64_t{1} << 60);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(), HasSubstr("are needed and"));
}

}  // namespace
}  // namespace puna
