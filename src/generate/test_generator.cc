// The one place of the tests here that knows the fake backend.

#include "generate/test_generator.h"

#include <chrono>
#include <thread>
#include <utility>

#include "backend/fake/fake_backend.h"
#include "tokenizer/byte_tokenizer.h"

namespace puna {

using std::chrono::seconds;

std::unique_ptr<Generator> GeneratorTest::open(int step_microseconds, int waiting_max) {
  return open(open_backend(step_microseconds), waiting_max);
}

std::unique_ptr<Generator> GeneratorTest::open(std::unique_ptr<Backend> backend, int waiting_max) {
  static const SteadyClock clock;
  return open(std::move(backend), waiting_max, clock);
}

std::unique_ptr<Generator> GeneratorTest::open(std::unique_ptr<Backend> backend, int waiting_max,
                                               const Clock& clock, int default_max_tokens,
                                               bool prefix_cache_per_key) {
  auto tokenizer = make_byte_tokenizer();
  EngineOptions engine_options;
  engine_options.max_num_seqs = 4;
  engine_options.waiting_max = waiting_max;
  engine_options.eos_token_ids = {*tokenizer->eos_id()};
  auto engine = Engine::start(std::move(backend), engine_options, clock);
  EXPECT_TRUE(engine.ok()) << engine.status().message();
  GeneratorOptions options;
  options.model_name = "fake";
  options.default_max_tokens = default_max_tokens;
  options.prefix_cache_per_key = prefix_cache_per_key;
  return std::make_unique<Generator>(std::move(tokenizer), ChatTemplate::built_in("chatml").value(),
                                     std::move(engine).value(), options, clock);
}

std::unique_ptr<Backend> GeneratorTest::open_backend(int step_microseconds) {
  BackendOptions options;
  options.max_model_len = kTestModelLen;
  options.device = FakeOptions{.step_microseconds = step_microseconds};
  auto backend = open_fake_backend(options);
  EXPECT_TRUE(backend.ok()) << backend.status().message();
  return std::move(backend).value();
}

GenerationRequest GeneratorTest::chat(const std::string& text) {
  GenerationRequest request;
  request.prompt = ChatMessages{{"user", text}};
  request.sampling.temperature = 0;
  request.sampling.ignore_eos = true;
  request.sampling.max_tokens = 40;
  request.max_tokens_given = true;
  return request;
}

ReadAnswer GeneratorTest::read_all(const GenerationRequest& request) {
  auto stream = generator_->start(request);
  ReadAnswer answer;
  EXPECT_TRUE(stream.ok()) << stream.status().message();
  while (stream.ok() && answer.finish == FinishReason::kNone) {
    const GenerationChunk chunk = (*stream)->wait(seconds(10));
    if (chunk.empty()) {
      ADD_FAILURE() << "no chunk within 10 s";
      break;
    }
    answer.text += chunk.text;
    answer.tokens.insert(answer.tokens.end(), chunk.tokens.begin(), chunk.tokens.end());
    answer.logprobs.insert(answer.logprobs.end(), chunk.logprobs.begin(), chunk.logprobs.end());
    answer.prompt_logprobs.insert(answer.prompt_logprobs.end(), chunk.prompt_logprobs.begin(),
                                  chunk.prompt_logprobs.end());
    answer.finish = chunk.finish;
    answer.stop_reason = chunk.stop_reason;
    answer.usage = (*stream)->usage();
  }
  return answer;
}

bool GeneratorTest::becomes_idle() const {
  const auto deadline = std::chrono::steady_clock::now() + seconds(10);
  while (std::chrono::steady_clock::now() < deadline) {
    const EngineStats stats = generator_->stats();
    if (stats.sequences_running == 0 && stats.sequences_waiting == 0 && stats.blocks_used == 0) {
      return true;
    }
    std::this_thread::yield();
  }
  return false;
}

}  // namespace puna
