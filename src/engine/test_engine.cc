// Waits have a limit, so that a test fails and does not hang.

#include "engine/test_engine.h"

#include <gtest/gtest.h>

#include "backend/fake/fake_backend.h"

namespace puna {

std::unique_ptr<Backend> open_fake(const EngineSettings& settings) {
  BackendOptions options;
  options.max_model_len = settings.max_model_len;
  options.max_num_seqs = settings.max_num_seqs;
  options.step_tokens_max = settings.step_tokens_max;
  options.kv_cache_bytes = settings.kv_cache_bytes;
  options.device = FakeOptions{.step_microseconds = settings.step_microseconds,
                               .is_repetitive = settings.is_repetitive};
  auto backend = open_fake_backend(options);
  EXPECT_TRUE(backend.ok()) << backend.status().message();
  return std::move(backend).value();
}

std::unique_ptr<Engine> open_engine(const EngineSettings& settings,
                                    std::unique_ptr<Backend> backend) {
  static const ManualClock clock;
  EngineOptions options;
  options.max_num_seqs = settings.max_num_seqs;
  options.step_tokens_max = settings.step_tokens_max;
  options.waiting_max = settings.waiting_max;
  options.has_priorities = settings.has_priorities;
  options.enable_prefix_caching = settings.enable_prefix_caching;
  options.speculation = settings.speculation;
  options.eos_token_ids = {kFakeEndToken};
  auto engine = Engine::start(backend ? std::move(backend) : open_fake(settings), options, clock);
  EXPECT_TRUE(engine.ok()) << engine.status().message();
  return std::move(engine).value();
}

std::vector<TokenId> prompt_number(int number, int size) {
  std::vector<TokenId> prompt;
  for (int i = 0; i < size; ++i) prompt.push_back('a' + (number * 7 + i * 3) % 26);
  return prompt;
}

EngineRequest request_of(std::vector<TokenId> prompt, std::shared_ptr<Recorder> recorder,
                         int max_tokens) {
  EngineRequest request;
  request.prompt = std::move(prompt);
  request.sampling.temperature = 1;
  request.sampling.seed = 5;
  request.sampling.ignore_eos = true;
  request.sampling.max_tokens = max_tokens;
  request.listener = std::move(recorder);
  return request;
}

std::vector<TokenId> answer_of(Engine& engine, const std::vector<TokenId>& prompt, int max_tokens) {
  auto recorder = std::make_shared<Recorder>();
  EXPECT_TRUE(engine.submit(request_of(prompt, recorder, max_tokens)).ok());
  EXPECT_EQ(recorder->wait(), EngineFinish::kLength);
  return recorder->tokens();
}

}  // namespace puna
