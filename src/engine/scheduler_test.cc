// The scheduler's rules one by one, then all of them in a simulation with tiny memory.

#include "engine/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "backend/step_batch.h"

namespace puna {
namespace {

Scheduler make_scheduler(int max_num_seqs, int step_tokens_max, int block_count) {
  return Scheduler({.max_num_seqs = max_num_seqs,
                    .step_tokens_max = step_tokens_max,
                    .block_count = block_count});
}

TEST(Scheduler, CutsAPromptIntoChunksOfTheStep) {
  Scheduler scheduler = make_scheduler(4, 100, 10);
  scheduler.add(1, 250);
  EXPECT_EQ(describe(scheduler.plan()), "1:[0:100)");
  EXPECT_EQ(describe(scheduler.plan()), "1:[100:200)");
  EXPECT_EQ(describe(scheduler.plan()), "1:[200:250)!");
}

TEST(Scheduler, DecodesBeforeItPrefills) {
  Scheduler scheduler = make_scheduler(4, 100, 10);
  scheduler.add(1, 10);
  scheduler.add(2, 300);
  EXPECT_EQ(describe(scheduler.plan()), "1:[0:10)! 2:[0:90)");
  scheduler.append_token(1);
  EXPECT_EQ(describe(scheduler.plan()), "1:[10:11)! 2:[90:189)");
}

TEST(Scheduler, NobodyIsAdmittedWhileAPromptTakesTheWholeStep) {
  Scheduler scheduler = make_scheduler(4, 8, 10);
  scheduler.add(1, 20);
  scheduler.add(2, 1);
  EXPECT_EQ(describe(scheduler.plan()), "1:[0:8)");
  EXPECT_EQ(describe(scheduler.plan()), "1:[8:16)");
  EXPECT_EQ(describe(scheduler.plan()), "1:[16:20)! 2:[0:1)!");
}

TEST(Scheduler, RunsAsManyAsItMay) {
  Scheduler scheduler = make_scheduler(2, 100, 10);
  for (SequenceId id = 1; id <= 3; ++id) scheduler.add(id, 5);
  EXPECT_EQ(describe(scheduler.plan()), "1:[0:5)! 2:[0:5)!");
  EXPECT_EQ(scheduler.waiting_count(), 1);
  scheduler.remove(1);
  scheduler.append_token(2);
  EXPECT_EQ(describe(scheduler.plan()), "2:[5:6)! 3:[0:5)!");
}

TEST(Scheduler, TheYoungestGivesWayWhenBlocksRunOut) {
  Scheduler scheduler = make_scheduler(4, 256, 3);
  scheduler.add(1, kBlockTokens);
  scheduler.add(2, 10);
  EXPECT_EQ(describe(scheduler.plan()), "1:[0:64)! 2:[0:10)!");
  scheduler.append_token(1);
  scheduler.append_token(2);
  EXPECT_EQ(describe(scheduler.plan()), "1:[64:65)! 2:[10:11)!");
  EXPECT_EQ(scheduler.blocks().free_count(), 0);
  for (int i = 0; i < kBlockTokens - 1; ++i) {
    scheduler.append_token(1);  // 2 has room left in its block and just does not go on
    scheduler.plan();
  }
  scheduler.append_token(1);  // position 128 needs a third block
  EXPECT_EQ(describe(scheduler.plan()), "1:[128:129)! preempt 2");
  EXPECT_EQ(scheduler.waiting_count(), 1);
}

TEST(Scheduler, ThePreemptedIsComputedAgainFromItsBeginning) {
  Scheduler scheduler = make_scheduler(4, 256, 2);
  scheduler.add(1, kBlockTokens);
  scheduler.add(2, 10);
  EXPECT_EQ(describe(scheduler.plan()), "1:[0:64)! 2:[0:10)!");
  scheduler.append_token(2);
  scheduler.append_token(1);
  EXPECT_EQ(describe(scheduler.plan()), "1:[64:65)! preempt 2");
  scheduler.remove(1);
  EXPECT_EQ(describe(scheduler.plan()), "2:[0:11)!");
}

TEST(Scheduler, ThePreemptedComesBackBeforeThoseWhoNeverRan) {
  Scheduler scheduler = make_scheduler(2, 256, 2);
  scheduler.add(1, kBlockTokens);
  scheduler.add(2, 10);
  scheduler.add(3, 10);
  EXPECT_EQ(describe(scheduler.plan()), "1:[0:64)! 2:[0:10)!");
  scheduler.append_token(1);
  scheduler.append_token(2);
  EXPECT_EQ(describe(scheduler.plan()), "1:[64:65)! preempt 2");
  scheduler.remove(1);
  EXPECT_EQ(describe(scheduler.plan()), "2:[0:11)! 3:[0:10)!");
}

TEST(Scheduler, RemovingASequenceFreesItsBlocks) {
  Scheduler scheduler = make_scheduler(4, 256, 8);
  scheduler.add(1, 200);
  scheduler.plan();
  EXPECT_EQ(scheduler.blocks().used_count(), 4);
  scheduler.remove(1);
  EXPECT_EQ(scheduler.blocks().used_count(), 0);
  EXPECT_TRUE(scheduler.idle());
  scheduler.remove(1);  // once more is harmless
}

// A sequence of the simulation: how far it has been computed and where it ends.
struct Simulated {
  int token_count = 0;
  int computed = 0;
  int final_count = 0;
  int arrived_step = 0;
};

class Simulation {
 public:
  explicit Simulation(unsigned seed) : random_(seed) {
    const int step_tokens = number(4, 200);
    limits_ = {.max_num_seqs = number(1, std::min(step_tokens, 12)),
               .step_tokens_max = step_tokens,
               .block_count = number(kLongest / kBlockTokens, 3 * kLongest / kBlockTokens)};
    scheduler_.emplace(limits_);
  }

  void run() {
    for (step_ = 0; step_ < 3000; ++step_) {
      if (arrived_ < 60 && number(0, 9) == 0) arrive();
      if (!alive_.empty() && number(0, 99) == 0) leave();
      follow(scheduler_->plan());
      if (::testing::Test::HasFailure()) return;
    }
    EXPECT_TRUE(alive_.empty()) << "somebody starved";
    EXPECT_EQ(scheduler_->blocks().used_count(), 0);
    EXPECT_TRUE(scheduler_->idle());
  }

 private:
  static constexpr int kLongest = 384;

  int number(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }

  void arrive() {
    const SequenceId id = static_cast<SequenceId>(++arrived_);
    const int prompt = number(1, kLongest - 1);
    const int final_count = std::min(kLongest, prompt + number(1, 60));
    alive_[id] = {prompt, 0, final_count, step_};
    scheduler_->add(id, prompt);
  }

  void leave() {
    auto victim = alive_.begin();
    std::advance(victim, number(0, static_cast<int>(alive_.size()) - 1));
    scheduler_->remove(victim->first);
    alive_.erase(victim);
  }

  void follow(const StepPlan& plan) {
    for (const SequenceId id : plan.preempted) alive_.at(id).computed = 0;
    EXPECT_LE(static_cast<int>(plan.runs.size()), limits_.max_num_seqs);
    std::set<int> used;
    int tokens = 0;
    for (const PlannedRun& run : plan.runs) {
      tokens += run.token_count;
      check_run(run, used);
    }
    EXPECT_LE(tokens, limits_.step_tokens_max);
    EXPECT_TRUE(alive_.empty() || !plan.runs.empty()) << "a step did nothing";
    for (const auto& [id, one] : alive_) {
      const bool decodes = one.computed > 0 && one.token_count - one.computed == 1;
      const bool runs = std::any_of(plan.runs.begin(), plan.runs.end(),
                                    [&](const PlannedRun& run) { return run.id == id; });
      EXPECT_TRUE(runs || !decodes) << "who decodes gets a token in every step";
    }
    for (const PlannedRun& run : plan.runs) advance(run);
  }

  void check_run(const PlannedRun& run, std::set<int>& used) {
    Simulated& one = alive_.at(run.id);
    EXPECT_EQ(run.first_position, one.computed) << "computed in order, nothing twice";
    EXPECT_EQ(run.is_last, run.first_position + run.token_count == one.token_count);
    const std::vector<int>& table = scheduler_->block_table(run.id);
    EXPECT_GE(static_cast<int>(table.size()) * kBlockTokens, run.first_position + run.token_count);
    for (const int block : table) EXPECT_TRUE(used.insert(block).second) << "a block has one owner";
  }

  void advance(const PlannedRun& run) {
    Simulated& one = alive_.at(run.id);
    one.computed += run.token_count;
    if (!run.is_last) return;
    if (++one.token_count > one.final_count) {
      scheduler_->remove(run.id);
      alive_.erase(run.id);
    } else {
      scheduler_->append_token(run.id);
    }
  }

  std::mt19937 random_;
  SchedulerLimits limits_;
  std::optional<Scheduler> scheduler_;
  std::map<SequenceId, Simulated> alive_;
  int arrived_ = 0;
  int step_ = 0;
};

TEST(Scheduler, ConservesBlocksAndStarvesNobodyWithTinyMemory) {
  for (unsigned seed = 0; seed < 200 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Simulation(seed).run();
  }
}

}  // namespace
}  // namespace puna
