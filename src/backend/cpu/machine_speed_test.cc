// Tests of the loops that measure the machine: they do all of the work they count.

#include "backend/cpu/machine_speed.h"

#include <gtest/gtest.h>

#include <chrono>
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

// The compiler must take the factors for new in each round, so it cannot come to this sum
// otherwise.
TEST_P(MachineSpeedLoopsTest, MakeEveryProductThatTheyCount) {
  const MachineSpeedLoops& loops = machine_speed_loops(GetParam());
  for (const size_t rounds : {size_t{0}, size_t{1}, size_t{7}, size_t{20'000}}) {
    const int64_t products = loops.operations_per_round / 2 * static_cast<int64_t>(rounds);
    EXPECT_EQ(loops.multiply(rounds), static_cast<uint32_t>(-15 * products)) << rounds << " rounds";
  }
}

std::string name_of(const ::testing::TestParamInfo<Isa>& info) {
  return std::string(describe(info.param));
}
INSTANTIATE_TEST_SUITE_P(Isa, MachineSpeedLoopsTest,
                         ::testing::Values(Isa::kPortable, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512),
                         name_of);

// Every look at it comes so much later than the one before.
class SteppingClock final : public Clock {
 public:
  explicit SteppingClock(std::chrono::milliseconds step) : step_(step) {}
  Time now() const override { return Time(step_ * looks_++); }

 private:
  const std::chrono::milliseconds step_;
  mutable int looks_ = 0;
};

TEST(MachineSpeed, IsWorkOverTime) {
  constexpr size_t kBytes = size_t{8} << 20;
  const SteppingClock quarter(std::chrono::milliseconds(250));
  const SteppingClock half(std::chrono::milliseconds(500));
  auto fast = MachineSpeed::open(2, kBytes, quarter);
  auto slow = MachineSpeed::open(2, kBytes, half);
  ASSERT_TRUE(fast.ok() && slow.ok()) << fast.status().message() << slow.status().message();
  EXPECT_EQ(fast->read_bandwidth(), 4.0 * kBytes);
  EXPECT_EQ(slow->read_bandwidth(), 2.0 * kBytes);
  EXPECT_EQ(fast->int8_operations(), 2 * slow->int8_operations());
}

TEST(MachineSpeed, CountsTheWorkOfAllThreads) {
  const SteppingClock clock(std::chrono::seconds(1));
  auto one = MachineSpeed::open(1, 1, clock);
  auto three = MachineSpeed::open(3, 1, clock);
  ASSERT_TRUE(one.ok() && three.ok()) << one.status().message() << three.status().message();
  EXPECT_EQ(three->int8_operations(), 3 * one->int8_operations());
}

}  // namespace
}  // namespace puna
