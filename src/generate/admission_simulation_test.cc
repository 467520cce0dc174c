// What a client is told when it should come back, held against the real scheduler, pacer and queue
// of tokens, with steps whose time is simulated.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "engine/scheduler.h"
#include "engine/step_pacer.h"
#include "generate/queue_tokens.h"
#include "generate/service_rate.h"
#include "generate/test_waits.h"

namespace puna {
namespace {

using std::chrono::duration;

struct Load {
  int slots = 16;
  int queue = 64;
  int64_t queue_tokens = 0;  // 0: no limit
  int block_count = 1000;
  double overload = 1.2;
  int long_prompt = 120;  // one of five; others have 40 tokens
  int answer_mean = 40;
};

class Simulation {
 public:
  explicit Simulation(const Load& load)
      : load_(load),
        queue_tokens_(load.queue_tokens),
        scheduler_({.max_num_seqs = load.slots,
                    .step_tokens_max = 512,
                    .block_count = load.block_count,
                    .block_tokens = 16}) {}

  // A slot's worth of requests each `service_seconds`, measured by a run in which all are there.
  double served_per_second(int count) {
    for (int i = 0; i < count; ++i) add(nullptr);
    while (!scheduler_.idle()) step();
    return count / now_;
  }

  std::vector<ToldWait> run(double rate, int arrivals) {
    std::exponential_distribution<double> gap(rate);
    double next = gap(random_);
    for (int come = 0; come < arrivals || !scheduler_.idle();) {
      for (; come < arrivals && next <= now_; ++come, next += gap(random_)) arrive();
      if (!scheduler_.idle()) {
        step();
      } else {
        now_ = std::max(now_, next);
      }
    }
    return refused();
  }

 private:
  struct Turned {
    double now = 0;
    int told = 0;
    size_t would_be = 0;  // of all beginnings
  };
  struct Life {
    int answer_left = 0;
    double began = -1;
    std::shared_ptr<const void> claim;
  };

  int prompt_size() {
    return std::uniform_int_distribution<int>(0, 4)(random_) == 0 ? load_.long_prompt : 40;
  }
  void arrive() {
    const int waiting = scheduler_.waiting_count();
    const int size = prompt_size();
    const bool has_place = scheduler_.running_count() + waiting < load_.slots + load_.queue;
    const auto claim = queue_tokens_.claim(size);
    if (has_place && claim.ok()) return add(*claim, size);
    turned_.push_back({now_, rate_.retry_after_seconds(scheduler_.running_count(), waiting),
                       begins_.size() + static_cast<size_t>(waiting)});
  }
  void add(std::shared_ptr<const void> claim, int size = 0) {
    if (size == 0) size = prompt_size();
    const SequenceId id = next_id_++;
    std::exponential_distribution<double> answer(1.0 / load_.answer_mean);
    const int length = 1 + static_cast<int>(std::min<double>(answer(random_), 400));
    lives_[id] = {.answer_left = length, .claim = std::move(claim)};
    scheduler_.add(id, std::vector<TokenId>(static_cast<size_t>(size), 7),
                   {.tokens_max = size + length - 1});
  }
  // 20 ms for the weights, and more for each token.
  static double seconds_of(int answers, int prompts) {
    return 0.02 + 0.0005 * answers + 0.002 * prompts;
  }
  void step() {
    const StepPlan plan = scheduler_.plan(pacer_.prompt_tokens(scheduler_.answering_count()));
    int answers = 0, prompts = 0;
    for (const PlannedRun& run : plan.runs) {
      (run.token_count == 1 ? answers : prompts) += run.token_count;
      Life& life = lives_.at(run.id);
      if (life.began >= 0) continue;
      life.began = now_;
      life.claim.reset();
      begins_.push_back(now_);
      rate_.begin();
    }
    const double seconds = seconds_of(answers, prompts);
    now_ += seconds;
    pacer_.add(answers, prompts, seconds);
    static const TokenId token = 9;
    std::vector<RunOutcome> outcomes;
    std::vector<SequenceId> ended;
    for (const PlannedRun& run : plan.runs) {
      outcomes.push_back({.id = run.id, .computed_count = run.token_count});
      if (!run.chooses) continue;
      if (--lives_.at(run.id).answer_left == 0) {
        ended.push_back(run.id);
      } else {
        outcomes.back().added = std::span(&token, 1);
      }
    }
    scheduler_.commit(plan, outcomes);
    for (const SequenceId id : ended) {
      rate_.add(duration<double>(now_ - lives_.at(id).began));
      scheduler_.remove(id);
      lives_.erase(id);
    }
  }
  // It would have begun after all who waited.
  std::vector<ToldWait> refused() const {
    std::vector<ToldWait> all;
    for (const Turned& one : turned_) {
      if (one.would_be >= begins_.size()) break;
      all.push_back({static_cast<double>(one.told), begins_[one.would_be] - one.now});
    }
    return all;
  }

  const Load load_;
  std::mt19937_64 random_{5};
  QueueTokens queue_tokens_;
  Scheduler scheduler_;
  StepPacer pacer_{0};
  ServiceRate rate_;
  std::map<SequenceId, Life> lives_;
  SequenceId next_id_ = 1;
  double now_ = 0;
  std::vector<double> begins_;
  std::vector<Turned> turned_;
};

void expect_honest(const Load& load, const char* what) {
  const double capacity = Simulation(load).served_per_second(300);
  expect_honest(Simulation(load).run(load.overload * capacity, 900), 60, 0.2,
                fmt::format("{}, {} times the load", what, load.overload));
}

TEST(HonestAdmission, RetryAfterIsTheTrueWaitWhateverLimitsTheServer) {
  for (const double overload : {1.2, 2.0}) {
    expect_honest({.overload = overload}, "slots");
    expect_honest({.block_count = 80, .overload = overload}, "memory");
    expect_honest({.queue_tokens = 1500, .overload = overload}, "tokens that wait");
    expect_honest({.overload = overload, .long_prompt = 1000}, "long prompts");
  }
}

TEST(QueueTokens, AreHeldUntilTheClaimGoesAndOneThatIsLongMayWaitAlone) {
  QueueTokens queue(100);
  auto first = queue.claim(90);
  ASSERT_TRUE(first.ok());
  const auto refused = queue.claim(11);
  EXPECT_EQ(refused.status().code(), StatusCode::kResourceExhausted);
  EXPECT_NE(refused.status().message().find("--max-num-queued-tokens"), std::string::npos);
  EXPECT_TRUE(queue.claim(10).ok());
  *first = nullptr;
  EXPECT_EQ(queue.waiting(), 0);
  const auto too_long = queue.claim(1000);
  EXPECT_TRUE(too_long.ok());
  EXPECT_FALSE(queue.claim(1).ok());
  EXPECT_TRUE(QueueTokens(0).claim(1'000'000).ok());
}

}  // namespace
}  // namespace puna
