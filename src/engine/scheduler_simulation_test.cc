// Random sequences come, run, fail, leave and end in tiny memory, a hundred thousand of them; the
// snapshot is checked after each change.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>

#include "engine/scheduler.h"

namespace puna {
namespace {

// How far a sequence has been computed and where it ends.
struct Simulated {
  std::vector<TokenId> tokens;
  int computed = 0;
  int final_count = 0;
};

class Simulation {
 public:
  explicit Simulation(unsigned seed) : random_(seed) {
    const int step_tokens = number(4, 200);
    const int block_tokens = 1 << number(2, 6);
    const int longest = (kLongest + block_tokens - 1) / block_tokens;
    limits_ = {.max_num_seqs = number(1, std::min(step_tokens, 12)),
               .step_tokens_max = step_tokens,
               .prompt_tokens_max = number(0, 1) * number(1, step_tokens),
               .block_count = number(longest, 3 * longest),
               .block_tokens = block_tokens};
    scheduler_.emplace(limits_);
  }

  // Sequences that came; a failure ends it early.
  int run(int arrivals) {
    constexpr int kStepsMax = 100'000;
    for (int step = 0; step < kStepsMax && !(arrived_ == arrivals && alive_.empty()); ++step) {
      while (arrived_ < arrivals && std::ssize(alive_) < 20 && number(0, 2) == 0) arrive();
      if (!alive_.empty() && number(0, 99) == 0) leave();
      follow();
      const Status status = validate(scheduler_->snapshot());
      EXPECT_TRUE(status.ok()) << status.message();
      if (::testing::Test::HasFailure()) return arrived_;
    }
    EXPECT_TRUE(alive_.empty()) << "somebody starved";
    EXPECT_EQ(scheduler_->blocks().used_count(), 0);
    EXPECT_TRUE(scheduler_->idle());
    return arrived_;
  }

 private:
  static constexpr int kLongest = 384;

  int number(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }

  void arrive() {
    const SequenceId id = static_cast<SequenceId>(++arrived_);
    Simulated one;
    // Most are short, so that many come by; some fill the memory.
    one.tokens.resize(static_cast<size_t>(number(1, number(0, 4) == 0 ? kLongest - 1 : 40)));
    for (TokenId& token : one.tokens) token = number(0, 999);
    one.final_count = std::min(kLongest, static_cast<int>(one.tokens.size()) + number(1, 60));
    scheduler_->add(id, one.tokens);
    alive_[id] = std::move(one);
  }

  void leave() {
    auto victim = alive_.begin();
    std::advance(victim, number(0, static_cast<int>(alive_.size()) - 1));
    scheduler_->remove(victim->first);
    alive_.erase(victim);
  }

  void follow() {
    const StepPlan plan = scheduler_->plan();
    check(plan);
    if (number(0, 49) == 0 && !alive_.empty()) leave();  // while the step runs
    if (number(0, 19) == 0) {
      scheduler_->roll_back(plan);
      return;
    }
    std::vector<TokenId> added(plan.runs.size());
    std::vector<RunOutcome> outcomes;
    std::vector<SequenceId> ended;
    for (size_t i = 0; i < plan.runs.size(); ++i) {
      const PlannedRun& run = plan.runs[i];
      const auto found = alive_.find(run.id);
      if (number(0, 99) == 0) continue;  // its run did not take place
      outcomes.push_back({.id = run.id, .computed_count = run.token_count});
      if (found == alive_.end()) continue;
      Simulated& one = found->second;
      one.computed += run.token_count;
      if (!run.chooses) continue;
      if (static_cast<int>(one.tokens.size()) == one.final_count) {
        ended.push_back(run.id);
        continue;
      }
      added[i] = number(0, 999);
      one.tokens.push_back(added[i]);
      outcomes.back().added = std::span(&added[i], 1);
    }
    scheduler_->commit(plan, outcomes);
    for (const SequenceId id : ended) {
      scheduler_->remove(id);
      alive_.erase(id);
    }
  }

  void check(const StepPlan& plan) {
    const Status status = validate(scheduler_->snapshot());
    EXPECT_TRUE(status.ok()) << status.message();
    for (const SequenceId id : plan.preempted) alive_.at(id).computed = 0;
    EXPECT_LE(static_cast<int>(plan.runs.size()), limits_.max_num_seqs);
    EXPECT_LE(plan.token_count(), limits_.step_tokens_max);
    EXPECT_TRUE(alive_.empty() || !plan.runs.empty()) << "a step did nothing";
    EXPECT_EQ(static_cast<int>(plan.runs.size()), scheduler_->running_count())
        << "nobody who runs stands still";
    for (const PlannedRun& run : plan.runs) {
      const Simulated& one = alive_.at(run.id);
      EXPECT_EQ(run.first_position, one.computed) << "computed in order, nothing twice";
      const int end = run.first_position + run.token_count;
      EXPECT_EQ(run.chooses, end == static_cast<int>(one.tokens.size()));
      EXPECT_TRUE(std::ranges::equal(scheduler_->tokens(run.id), one.tokens));
    }
  }

  std::mt19937 random_;
  SchedulerLimits limits_;
  std::optional<Scheduler> scheduler_;
  std::map<SequenceId, Simulated> alive_;
  int arrived_ = 0;
};

TEST(SchedulerSimulation, ConservesBlocksAndStarvesNobodyWithTinyMemory) {
  int arrived = 0;
  for (unsigned seed = 0; seed < 200 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    arrived += Simulation(seed).run(500);
  }
  EXPECT_EQ(arrived, 100'000);
}

// Memory for about 50 of 64 chats at a time: a scheduler that fills it to the last block throws
// away, over and over, what it has computed of the youngest (38 % of all tokens).
TEST(SchedulerSimulation, ComputesFewTokensTwiceWhenMemoryIsShort) {
  constexpr int kChats = 500;
  std::mt19937 random(1);
  const auto length = [&](double mean) {
    return 1 + static_cast<int>(std::exponential_distribution<double>(1 / mean)(random));
  };
  Scheduler scheduler(
      {.max_num_seqs = 64, .step_tokens_max = 512, .block_count = 400, .block_tokens = 64});
  std::vector<int> left(kChats);
  int64_t needed = 0;
  for (int i = 0; i < kChats; ++i) {
    const int prompt = std::min(length(100), 4000);
    left[static_cast<size_t>(i)] = std::min(length(400), 4000);
    needed += prompt + left[static_cast<size_t>(i)] - 1;
    scheduler.add(static_cast<SequenceId>(i), std::vector<TokenId>(static_cast<size_t>(prompt)));
  }
  int64_t computed = 0;
  const TokenId token = 7;
  while (!scheduler.idle()) {
    const StepPlan plan = scheduler.plan();
    computed += plan.token_count();
    std::vector<RunOutcome> outcomes;
    std::vector<SequenceId> ended;
    for (const PlannedRun& run : plan.runs) {
      outcomes.push_back({.id = run.id, .computed_count = run.token_count});
      if (!run.chooses) continue;
      outcomes.back().added = std::span(&token, 1);
      if (--left[static_cast<size_t>(run.id)] == 0) ended.push_back(run.id);
    }
    scheduler.commit(plan, outcomes);
    for (const SequenceId id : ended) scheduler.remove(id);
  }
  EXPECT_LT(static_cast<double>(computed), 1.1 * static_cast<double>(needed));
}

}  // namespace
}  // namespace puna
