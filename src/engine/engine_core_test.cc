// Steps that go wrong: whatever fails, and wherever memory runs out, the step's requests end with
// an error, and the core goes on.

#include "engine/engine_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <new>
#include <system_error>

#include "base/sanitized.h"
#include "engine/test_engine.h"

namespace {

// Allocations of this thread until one fails; none does while it is negative. Sanitizers have an
// operator new of their own: there nothing fails, and the tests see no failure.
thread_local int allocations_left = -1;
#ifdef PUNA_SANITIZED
constexpr bool kAllocationsFail = false;
#else
constexpr bool kAllocationsFail = true;
#endif

}  // namespace

#ifndef PUNA_SANITIZED
// Not inlined: g++ 12 would see free() of what it believes to be from the library's operator new.
[[gnu::noinline]] void* operator new(size_t bytes) {
  if (allocations_left >= 0 && allocations_left-- == 0) throw std::bad_alloc();
  if (void* const memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }
#endif

namespace puna {
namespace {

using ::testing::HasSubstr;

// Does what it is told to before every step.
class TroubledBackend final : public BlockingBackend {
 public:
  TroubledBackend(std::unique_ptr<Backend> sound, std::function<Status()> trouble)
      : sound_(std::move(sound)), trouble_(std::move(trouble)) {}
  const BackendLimits& limits() const override { return sound_->limits(); }
  const BackendTraits& traits() const override { return sound_->traits(); }
  std::string describe() const override { return sound_->describe(); }
  Status health() const override { return health_; }

  void lose(Status why) { health_ = std::move(why); }

 private:
  Result<StepResult> compute(const StepBatch& batch) override {
    RETURN_IF_ERROR(health_);
    RETURN_IF_ERROR(trouble_());
    return sound_->run(batch);
  }

  std::unique_ptr<Backend> sound_;
  std::function<Status()> trouble_;
  Status health_;
};

class EngineCoreTest : public ::testing::Test {
 protected:
  void open(std::function<Status()> trouble) {
    auto backend = std::make_unique<TroubledBackend>(open_fake({}), std::move(trouble));
    backend_ = backend.get();
    core_ = std::make_unique<EngineCore>(std::move(backend), EngineOptions(), clock_);
  }

  std::shared_ptr<Recorder> add(SequenceId id, int max_tokens = 3, int prompt_size = 20) {
    auto recorder = std::make_shared<Recorder>();
    core_->add(id,
               request_of(prompt_number(static_cast<int>(id), prompt_size), recorder, max_tokens));
    return recorder;
  }

  void tell() {
    for (const EndedSequence& one : core_->take_ended()) one.listener->on_finish(one.end);
  }

  std::vector<TokenId> answer(SequenceId id) {
    const auto recorder = add(id, 3, 100);
    while (!core_->idle()) core_->step();
    tell();
    EXPECT_EQ(recorder->end().finish, EngineFinish::kLength) << recorder->end().error.message();
    return recorder->tokens();
  }

  const SteadyClock clock_;
  TroubledBackend* backend_ = nullptr;  // the core's
  std::unique_ptr<EngineCore> core_;
};

TEST_F(EngineCoreTest, WhatIsThrownInAStepEndsItsRequestsWithAnErrorAndNothingElse) {
  const std::pair<std::function<Status()>, const char*> troubles[] = {
      {[]() -> Status { throw std::bad_alloc(); }, "no memory left"},
      {[]() -> Status { throw std::system_error(EAGAIN, std::generic_category(), "thread"); },
       "the system refused: thread"},
      {[]() -> Status { throw 7; }, "an unexpected failure"}};
  for (const auto& [trouble, words] : troubles) {
    bool is_troubled = true;
    open([&, once = trouble] { return is_troubled ? once() : Status(); });
    const auto one = add(1), two = add(2);
    core_->step();
    tell();
    for (const auto& recorder : {one, two}) {
      EXPECT_EQ(recorder->end().finish, EngineFinish::kError);
      EXPECT_THAT(recorder->end().error.message(), HasSubstr(words));
    }
    EXPECT_EQ(core_->stats().blocks_used, 0);
    is_troubled = false;
    EXPECT_EQ(answer(3).size(), 3U);
  }
}

// What it has half written is nobody's.
TEST_F(EngineCoreTest, BlocksOfAFailedStepAreNotShared) {
  bool is_troubled = true;
  open([&] { return is_troubled ? error(StatusCode::kInternal, "poisoned") : Status(); });
  const auto failing = add(1, 3, 100);
  core_->step();
  EXPECT_EQ(core_->stats().blocks_cached, 0);
  is_troubled = false;
  EXPECT_EQ(answer(1).size(), 3U);
  EXPECT_EQ(core_->stats().prefix_cache_hits, 0U);
  EXPECT_EQ(core_->stats().blocks_cached, 1);
}

TEST_F(EngineCoreTest, NoMemoryAnywhereInAStepLeavesItWhole) {
  open([] { return Status(); });
  const std::vector<TokenId> expected = answer(2);
  bool has_failed = true;
  int failures = 0;
  for (int allowed = 0; has_failed; ++allowed) {
    SCOPED_TRACE(allowed);
    open([] { return Status(); });
    const auto recorder = add(1, 3, 100);
    core_->step();
    allocations_left = allowed;
    core_->step();
    has_failed = std::exchange(allocations_left, -1) < 0;
    tell();
    failures += has_failed ? 1 : 0;
    const SequenceEnd end = recorder->end();
    EXPECT_TRUE(end.finish != EngineFinish::kError ||
                end.error.code() == StatusCode::kResourceExhausted);
    EXPECT_EQ(answer(2), expected);
    EXPECT_EQ(core_->stats().blocks_used, 0);
  }
  EXPECT_TRUE(failures > 5 || !kAllocationsFail) << "a step allocates";
}

TEST_F(EngineCoreTest, NoMemoryForANewRequestEndsThatRequest) {
  open([] { return Status(); });
  const std::vector<TokenId> expected = answer(2);
  bool has_failed = true;
  for (int allowed = 0; has_failed; ++allowed) {
    SCOPED_TRACE(allowed);
    open([] { return Status(); });
    auto recorder = std::make_shared<Recorder>();
    EngineRequest request = request_of(prompt_number(1), recorder, 3);
    request.sampling.repetition_penalty = 1.1;  // the sampler keeps the prompt
    allocations_left = allowed;
    core_->add(1, std::move(request));
    has_failed = std::exchange(allocations_left, -1) < 0;
    tell();
    EXPECT_EQ(recorder->end().error.ok(), !has_failed);
    EXPECT_EQ(answer(2), expected);
    EXPECT_EQ(core_->stats().blocks_used, 0);
  }
}

TEST_F(EngineCoreTest, ALostBackendEndsWhoRunsAndWhoWaits) {
  open([] { return Status(); });
  std::vector<std::shared_ptr<Recorder>> recorders;
  for (SequenceId id = 1; id <= 100; ++id) recorders.push_back(add(id, 400));
  core_->step();
  ASSERT_GT(core_->stats().sequences_waiting, 0);
  backend_->lose(error(StatusCode::kInternal, "the device is gone"));
  core_->step();
  tell();
  EXPECT_TRUE(core_->idle());
  for (const auto& recorder : recorders) {
    EXPECT_EQ(recorder->end().finish, EngineFinish::kError);
    EXPECT_THAT(recorder->end().error.message(), HasSubstr("the device is gone"));
  }
  EXPECT_EQ(core_->stats().finished_error, 100U);
}

}  // namespace
}  // namespace puna
