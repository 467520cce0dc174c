// Tests of the loops that measure the machine: they do all of the work they count.

#include "backend/cpu/machine_speed.h"

#include <gtest/gtest.h>

#include <ctime>
#include <numeric>
#include <vector>

#include "backend/cpu/machine_speed_loops.h"

namespace puna {
namespace {

class MachineSpeedLoopsTest : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!is_supported(GetParam())) GTEST_SKIP() << "not on this processor";
  }
};

TEST_P(MachineSpeedLoopsTest, ReadEveryWord) {
  std::vector<uint64_t> words(640);
  std::iota(words.begin(), words.end(), uint64_t{1} << 40);
  const auto expected = std::accumulate(words.begin(), words.end(), uint64_t{0});
  EXPECT_EQ(machine_speed_loops(GetParam()).read(words.data(), words.size()), expected);
}

// Of this thread alone, whoever else wants its core.
double processor_seconds() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

TEST_P(MachineSpeedLoopsTest, MoreRoundsTakeLonger) {
  const MachineSpeedLoops& loops = machine_speed_loops(GetParam());
  const auto time = [&](int64_t operations) {
    const double start = processor_seconds();
    loops.multiply(static_cast<size_t>(operations / loops.operations_per_round));
    return processor_seconds() - start;
  };
  // A compiler that saw through the loop would need the same time for any number of rounds.
  constexpr int64_t kOperations = 20'000'000;
  EXPECT_GT(time(100 * kOperations), 10 * time(kOperations));
}

std::string name_of(const ::testing::TestParamInfo<Isa>& info) {
  return std::string(describe(info.param));
}
INSTANTIATE_TEST_SUITE_P(Isa, MachineSpeedLoopsTest,
                         ::testing::Values(Isa::kPortable, Isa::kAvx2, Isa::kAvx512), name_of);

TEST(MachineSpeed, IsWithinWhatMachinesCanDo) {
  auto speed = MachineSpeed::open(2, size_t{8} << 20);
  ASSERT_TRUE(speed.ok()) << speed.status().message();
  EXPECT_GT(speed->read_bandwidth(), 1e7);
  EXPECT_LT(speed->read_bandwidth(), 1e13);
  EXPECT_GT(speed->int8_operations(), 1e7);
  EXPECT_LT(speed->int8_operations(), 1e15);
}

}  // namespace
}  // namespace puna
