// Tests of the limits of control groups, on folders that look like /sys/fs/cgroup.

#include "base/cgroup.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace puna {
namespace {

class CgroupTest : public ::testing::Test {
 protected:
  CgroupTest()
      : folder_(std::filesystem::temp_directory_path() /
                (std::string("puna_cgroup_") +
                 ::testing::UnitTest::GetInstance()->current_test_info()->name())),
        paths_{.membership = folder_ / "self", .mount = folder_ / "mount"} {
    std::filesystem::create_directories(paths_.mount);
  }
  ~CgroupTest() override { std::filesystem::remove_all(folder_); }

  void set_membership(const char* lines) { std::ofstream(paths_.membership) << lines; }
  void write(const std::string& file, const char* text) {
    const auto path = paths_.mount / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }

  const std::filesystem::path folder_;
  const CgroupPaths paths_;
};

TEST_F(CgroupTest, WithoutGroupsThereIsNoLimit) {
  EXPECT_EQ(cgroup_memory_left(paths_), std::nullopt);
  EXPECT_EQ(cgroup_cpu_quota(paths_), std::nullopt);
}

TEST_F(CgroupTest, AContainerSeesItsOwnGroupAtTheRoot) {
  set_membership("0::/\n");
  write("memory.max", "1000\n");
  write("memory.current", "300\n");
  write("cpu.max", "150000 100000\n");
  EXPECT_EQ(cgroup_memory_left(paths_), 700);
  EXPECT_EQ(cgroup_cpu_quota(paths_), 1.5);
}

TEST_F(CgroupTest, APathOfTheHostThatCannotBeSeenIsLeftOut) {
  set_membership("0::/kubepods/pod1/container\n");
  write("cpu.max", "200000 100000\n");
  EXPECT_EQ(cgroup_cpu_quota(paths_), 2.0);
}

TEST_F(CgroupTest, TheOwnNestedGroupIsFound) {
  set_membership("0::/system.slice/puna.service\n");
  write("system.slice/puna.service/memory.max", "5000\n");
  write("system.slice/puna.service/memory.current", "1000\n");
  write("system.slice/puna.service/cpu.max", "50000 100000\n");
  write("system.slice/memory.max", "max\n");
  write("system.slice/cpu.max", "max 100000\n");
  EXPECT_EQ(cgroup_memory_left(paths_), 4000);
  EXPECT_EQ(cgroup_cpu_quota(paths_), 0.5);
}

TEST_F(CgroupTest, TheTightestGroupAboveCounts) {
  set_membership("0::/outer/inner\n");
  write("outer/inner/memory.max", "5000\n");
  write("outer/inner/memory.current", "1000\n");
  write("outer/memory.max", "6000\n");
  write("outer/memory.current", "5900\n");
  write("outer/inner/cpu.max", "400000 100000\n");
  write("outer/cpu.max", "300000 100000\n");
  EXPECT_EQ(cgroup_memory_left(paths_), 100);
  EXPECT_EQ(cgroup_cpu_quota(paths_), 3.0);
}

TEST_F(CgroupTest, ThePageCacheCountsAsFree) {
  set_membership("0::/\n");
  write("memory.max", "1000\n");
  write("memory.current", "900\n");
  write("memory.stat", "anon 400\nfile 500\nactive_anon 400\ninactive_file 300\nactive_file 150\n");
  EXPECT_EQ(cgroup_memory_left(paths_), 1000 - (900 - 450));
}

TEST_F(CgroupTest, MoreInUseThanAllowedLeavesNothing) {
  set_membership("0::/\n");
  write("memory.max", "1000\n");
  write("memory.current", "1200\n");
  EXPECT_EQ(cgroup_memory_left(paths_), 0);
}

TEST_F(CgroupTest, VersionOneHasAHierarchyForEachController) {
  set_membership("4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/\n");
  write("memory/docker/abc/memory.limit_in_bytes", "1000\n");
  write("memory/docker/abc/memory.usage_in_bytes", "600\n");
  write("memory/docker/abc/memory.stat", "inactive_file 1\ntotal_inactive_file 100\n");
  write("memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("cpu/docker/abc/cpu.cfs_quota_us", "250000\n");
  write("cpu/docker/abc/cpu.cfs_period_us", "100000\n");
  write("cpu/cpu.cfs_quota_us", "-1\n");
  write("cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroup_memory_left(paths_), 500);
  EXPECT_EQ(cgroup_cpu_quota(paths_), 2.5);
}

TEST_F(CgroupTest, NonsenseIsNoLimit) {
  set_membership("no colons\n0::\n");
  write("memory.max", "plenty\n");
  write("cpu.max", "100000 0\n");
  EXPECT_EQ(cgroup_memory_left(paths_), std::nullopt);
  EXPECT_EQ(cgroup_cpu_quota(paths_), std::nullopt);
}

TEST_F(CgroupTest, TheMachineOfThisTestCanBeRead) {
  const auto quota = cgroup_cpu_quota();
  EXPECT_TRUE(!quota || *quota > 0);
  const auto memory = cgroup_memory_left();
  EXPECT_TRUE(!memory || *memory > 0);
}

}  // namespace
}  // namespace puna
