// Random sequences come, run, fail, leave and end in tiny memory, a hundred thousand of them; the
// snapshot is checked after each change, and so is what every block would hold.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "base/sanitized.h"
#include "engine/scheduler.h"

namespace puna {
namespace {

// How far a sequence has been computed and where it ends.
struct Simulated {
  std::vector<TokenId> tokens;
  CacheSalt salt;
  bool reads_cache = true;
  int prompt_count = 0;
  int computed = 0;
  bool has_begun = false;
  int final_count = 0;
};

// What K and V of a position depend on: all tokens up to it, and which of them were generated where
// that gives other bits.
struct Written {
  uint64_t history = 0;
  CacheSalt salt;  // of who wrote it
};

class Simulation {
 public:
  explicit Simulation(unsigned seed) : random_(seed) {
    const int step_tokens = number(4, 200);
    const int block_tokens = 1 << number(2, 6);
    longest_ = (kLongest + block_tokens - 1) / block_tokens;
    limits_ = {.max_num_seqs = number(1, std::min(step_tokens, 12)),
               .step_tokens_max = step_tokens,
               .block_count = number(longest_, 3 * longest_),
               .block_tokens = block_tokens,
               .sharing = static_cast<BlockSharing>(number(0, 2))};
    memory_.resize(static_cast<size_t>(limits_.block_count * block_tokens));
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
    EXPECT_EQ(scheduler_->blocks().used_count(), scheduler_->blocks().pinned_count());
    EXPECT_TRUE(scheduler_->idle());
    EXPECT_GT(drafts_, 0);
    EXPECT_EQ(hits_ > 0, limits_.sharing != BlockSharing::kNone || arrivals == 0);
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
    // Many begin alike: with one of three texts, for some length.
    const int text = number(0, 2);
    const auto alike = static_cast<size_t>(number(0, 3) * number(0, kLongest / 3));
    for (size_t i = 0; i < one.tokens.size(); ++i) {
      one.tokens[i] = i < alike ? static_cast<int>(i % 7) + text : number(0, 999);
    }
    one.prompt_count = static_cast<int>(one.tokens.size());
    one.final_count = std::min(kLongest, static_cast<int>(one.tokens.size()) + number(1, 60));
    if (number(0, 3) == 0) one.salt = std::make_shared<const std::string>("salt");
    one.reads_cache = number(0, 9) > 0;
    scheduler_->add(id, one.tokens,
                    {.reads_cache = one.reads_cache,
                     .cache_salt = one.salt,
                     .client = number(0, 2),
                     .priority = number(0, 9) == 0 ? number(-1, 1) : 0});
    alive_[id] = std::move(one);
  }

  void leave() {
    auto victim = alive_.begin();
    std::advance(victim, number(0, static_cast<int>(alive_.size()) - 1));
    scheduler_->remove(victim->first);
    alive_.erase(victim);
  }

  void follow() {
    const int prompt_tokens = number(0, 1) == 0 ? number(1, 50) : Scheduler::kUnlimited;
    StepPlan plan = scheduler_->plan(prompt_tokens);
    check(plan);
    EXPECT_LE(plan.token_count() - std::ssize(plan.runs), prompt_tokens);
    if (number(0, 2) > 0) draft(plan);
    for (const PlannedRun& run : plan.runs) compute(run);
    if (number(0, 49) == 0 && !alive_.empty()) leave();  // while the step runs
    if (number(0, 19) == 0) {
      scheduler_->roll_back(plan);
      forget_who_waits();
      return;
    }
    std::vector<std::vector<TokenId>> added(plan.runs.size());
    std::vector<RunOutcome> outcomes;
    std::vector<SequenceId> ended;
    for (size_t i = 0; i < plan.runs.size(); ++i) {
      const PlannedRun& run = plan.runs[i];
      const auto found = alive_.find(run.id);
      if (number(0, 99) == 0) continue;  // its run did not take place
      const auto accepted = std::span(run.draft).first(accepted_count(run, found));
      const int computed = run.own_count() + static_cast<int>(accepted.size());
      outcomes.push_back({.id = run.id, .computed_count = computed});
      if (found == alive_.end()) continue;
      Simulated& one = found->second;
      one.computed += computed;
      if (!run.chooses) continue;
      added[i].assign(accepted.begin(), accepted.end());
      if (std::ssize(one.tokens) + std::ssize(accepted) == one.final_count) {
        ended.push_back(run.id);
      } else {
        added[i].push_back(number(0, 999));
      }
      one.tokens.insert(one.tokens.end(), added[i].begin(), added[i].end());
      outcomes.back().added = added[i];
    }
    scheduler_->commit(plan, outcomes);
    for (const SequenceId id : ended) {
      const Simulated& one = alive_.at(id);
      if (!one.salt && number(0, 99) == 0) scheduler_->pin(id, longest_);
      scheduler_->remove(id);
      alive_.erase(id);
    }
    forget_who_waits();
  }

  // Some of the answers have a draft; of each, as much as fits.
  void draft(StepPlan& plan) {
    for (size_t i = 0; i < plan.runs.size(); ++i) {
      const PlannedRun& run = plan.runs[i];
      const Simulated& one = alive_.at(run.id);
      const int room = std::min(10, one.final_count - static_cast<int>(one.tokens.size()));
      if (!run.chooses || room == 0 || number(0, 1) == 0) continue;
      std::vector<TokenId> drafted(static_cast<size_t>(number(1, room)));
      for (TokenId& token : drafted) token = number(0, 999);
      const int before = plan.token_count();
      const int count = scheduler_->add_draft(plan, i, drafted);
      EXPECT_EQ(std::ssize(run.draft), count);
      EXPECT_EQ(plan.token_count(), before + count);
      EXPECT_TRUE(std::ranges::equal(run.draft, std::span(drafted).first(run.draft.size())));
      drafts_ += count > 0 ? 1 : 0;
    }
    const Status status = validate(scheduler_->snapshot());
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_LE(plan.token_count(), limits_.step_tokens_max);
  }

  // How many of a run's drafted tokens are right: mostly none or all.
  size_t accepted_count(const PlannedRun& run,
                        const std::map<SequenceId, Simulated>::iterator& found) {
    if (found == alive_.end() || run.draft.empty()) return 0;
    return static_cast<size_t>(std::clamp(number(-3, 13), 0, static_cast<int>(run.draft.size())));
  }

  // Whoever waits begins anew, on what is cached then.
  void forget_who_waits() {
    for (const SequenceSnapshot& one : scheduler_->snapshot().sequences) {
      if (!one.is_running) alive_.at(one.id).has_begun = false;
    }
  }

  void check(const StepPlan& plan) {
    const Status status = validate(scheduler_->snapshot());
    EXPECT_TRUE(status.ok()) << status.message();
    for (const SequenceId id : plan.preempted) alive_.at(id).has_begun = false;
    EXPECT_LE(static_cast<int>(plan.runs.size()), limits_.max_num_seqs);
    EXPECT_LE(plan.token_count(), limits_.step_tokens_max);
    EXPECT_TRUE(alive_.empty() || !plan.runs.empty()) << "a step did nothing";
    EXPECT_EQ(static_cast<int>(plan.runs.size()), scheduler_->running_count())
        << "nobody who runs stands still";
    for (const PlannedRun& run : plan.runs) {
      Simulated& one = alive_.at(run.id);
      if (!std::exchange(one.has_begun, true)) {
        EXPECT_TRUE(one.reads_cache || run.first_position == 0);
        EXPECT_EQ(run.first_position % limits_.block_tokens, 0) << "full blocks are shared";
        EXPECT_LT(run.first_position, std::ssize(one.tokens)) << "the last token is computed";
        hits_ += run.first_position > 0 ? 1 : 0;
        one.computed = run.first_position;
      }
      EXPECT_EQ(run.first_position, one.computed) << "computed in order, nothing twice";
      const int end = run.first_position + run.token_count;
      EXPECT_EQ(run.chooses, end == static_cast<int>(one.tokens.size()));
      EXPECT_TRUE(std::ranges::equal(scheduler_->tokens(run.id), one.tokens));
    }
  }

  Written& written(SequenceId id, int position) {
    const int block =
        scheduler_->block_table(id)[static_cast<size_t>(position / limits_.block_tokens)];
    return memory_[static_cast<size_t>(block * limits_.block_tokens +
                                       position % limits_.block_tokens)];
  }

  // Reads all positions before the run, as attention does, and writes its own.
  void compute(const PlannedRun& run) {
    const Simulated& one = alive_.at(run.id);
    std::vector<TokenId> tokens(one.tokens.begin(),
                                one.tokens.begin() + run.first_position + run.own_count());
    tokens.insert(tokens.end(), run.draft.begin(), run.draft.end());
    uint64_t history = 0;
    for (int i = 0; i < std::ssize(tokens); ++i) {
      history = (history + static_cast<uint64_t>(tokens[static_cast<size_t>(i)]) + 1) *
                0x9E3779B97F4A7C15U;
      if (limits_.sharing == BlockSharing::kPrefill && i >= one.prompt_count) history ^= 1;
      Written& place = written(run.id, i);
      if (i >= run.first_position) {
        place = {.history = history, .salt = one.salt};
      } else {
        EXPECT_EQ(place.history, history)
            << "sequence " << run.id << " reads another's position " << i;
      }
      const int block =
          scheduler_->block_table(run.id)[static_cast<size_t>(i / limits_.block_tokens)];
      EXPECT_TRUE(scheduler_->blocks().is_pinned(block) || !place.salt == !one.salt)
          << "another's salt";
    }
  }

  std::mt19937 random_;
  SchedulerLimits limits_;
  std::optional<Scheduler> scheduler_;
  std::map<SequenceId, Simulated> alive_;
  std::vector<Written> memory_;  // [block_count, block_tokens]
  int longest_ = 0;              // blocks of the longest sequence
  int arrived_ = 0;
  int drafts_ = 0;
  int hits_ = 0;  // sequences that began on cached blocks
};

TEST(SchedulerSimulation, ConservesBlocksAndStarvesNobodyWithTinyMemory) {
  constexpr unsigned kRuns = kSanitized ? 20 : 200;
  unsigned arrived = 0;
  for (unsigned seed = 0; seed < kRuns && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    arrived += static_cast<unsigned>(Simulation(seed).run(500));
  }
  EXPECT_EQ(arrived, kRuns * 500);
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
