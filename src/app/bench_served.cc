// Clients are streams of the API's own routes, read by this thread as the HTTP threads read them.

#include "app/bench_served.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "api/routes.h"
#include "app/word_tokenizer.h"
#include "base/json.h"
#include "generate/generator.h"

namespace puna {
namespace {

using Time = std::chrono::steady_clock::time_point;

constexpr std::chrono::seconds kSilenceMax{120};

// The engine owns its backend; this one is measured by others as well.
class BorrowedBackend final : public Backend {
 public:
  explicit BorrowedBackend(Backend& owned) : owned_(owned) {}
  const BackendLimits& limits() const override { return owned_.limits(); }
  const BackendTraits& traits() const override { return owned_.traits(); }
  Status start(const StepBatch& batch) override { return owned_.start(batch); }
  Result<StepResult> finish() override { return owned_.finish(); }
  Status health() const override { return owned_.health(); }
  ThreadPool* pool() override { return owned_.pool(); }
  std::string describe() const override { return owned_.describe(); }

 private:
  Backend& owned_;
};

HttpRequest completion_request(const BenchTest& test, int client, int vocab_size) {
  Json body = {{"prompt", {client % vocab_size}},
               {"max_tokens", test.tokens + 1},
               {"seed", client},
               {"ignore_eos", true},
               {"stream", true}};
  if (test.sampling == BenchSampling::kGreedy) {
    body["temperature"] = 0;
  } else {
    body["temperature"] = 1;
    body["top_k"] = 50;
  }
  HttpRequest request;
  request.method = "POST";
  request.target = "/v1/completions";
  request.headers = {{"host", "localhost"}, {"content-type", "application/json"}};
  request.body = body.dump();
  return request;
}

// Which clients have something to read. Wakes come from the engine's thread.
class ReadyClients {
 public:
  void add(size_t client) {
    {
      const std::lock_guard lock(mutex_);
      clients_.push_back(client);
    }
    added_.notify_one();
  }
  std::optional<size_t> wait() {
    std::unique_lock lock(mutex_);
    if (!added_.wait_for(lock, kSilenceMax, [this] { return !clients_.empty(); })) return {};
    const size_t client = clients_.front();
    clients_.pop_front();
    return client;
  }

 private:
  std::mutex mutex_;
  std::condition_variable added_;
  std::deque<size_t> clients_;
};

struct Client {
  std::unique_ptr<ReplyStream> stream;
  std::optional<Time> first, last;  // of its events
};

Status failed(const HttpReply& reply) {
  return error(StatusCode::kInternal, "a served request failed with {}: {}", reply.status,
               reply.body);
}

}  // namespace

struct ServedRunner::State {
  SteadyClock clock;
  int vocab_size = 0;
  Routes routes{ApiOptions()};
};

ServedRunner::ServedRunner(std::unique_ptr<State> state) : state_(std::move(state)) {}
ServedRunner::~ServedRunner() = default;

Result<std::unique_ptr<ServedRunner>> ServedRunner::open(Backend& backend,
                                                         std::unique_ptr<Tokenizer> tokenizer,
                                                         int batch_max) {
  auto state = std::make_unique<State>();
  state->vocab_size = backend.limits().vocab_size;
  if (tokenizer == nullptr) tokenizer = make_word_tokenizer(state->vocab_size);
  EngineOptions options;
  options.max_num_seqs = batch_max;
  options.step_tokens_max = backend.limits().step_tokens_max;
  options.enable_prefix_caching = false;  // other tests write the same blocks
  options.speculation.is_on = false;      // a step is one token
  ASSIGN_OR_RETURN(auto engine, Engine::start(std::make_unique<BorrowedBackend>(backend), options,
                                              state->clock));
  GeneratorOptions generator_options;
  generator_options.model_name = "bench";
  state->routes.set_generator(std::make_shared<Generator>(
      std::move(tokenizer), std::nullopt, std::move(engine), generator_options, state->clock));
  return std::unique_ptr<ServedRunner>(new ServedRunner(std::move(state)));
}

Result<double> ServedRunner::run(const BenchTest& test) {
  ReadyClients ready;
  std::vector<Client> clients(static_cast<size_t>(test.batch));  // goes before `ready`
  const Time begin = std::chrono::steady_clock::now();
  for (size_t i = 0; i < clients.size(); ++i) {
    HttpOutcome outcome =
        state_->routes.handle(completion_request(test, static_cast<int>(i), state_->vocab_size));
    if (const auto* reply = std::get_if<HttpReply>(&outcome)) return failed(*reply);
    clients[i].stream = std::get<std::unique_ptr<ReplyStream>>(std::move(outcome));
  }
  for (size_t i = 0; i < clients.size(); ++i) {
    clients[i].stream->on_ready([&ready, i] { ready.add(i); });
  }
  for (size_t reading = clients.size(); reading > 0;) {
    const auto index = ready.wait();
    if (!index) {
      return error(StatusCode::kUnavailable, "{}: no token within {} s", describe(test),
                   kSilenceMax.count());
    }
    Client& client = clients[*index];
    const ReplyPart part = client.stream->poll();
    if (part.reply) return failed(*part.reply);
    if (!part.events.empty()) {
      client.last = std::chrono::steady_clock::now();
      if (!client.first) client.first = client.last;
    }
    if (part.last) --reading;
  }
  Time first = Time::min(), last = Time::min();
  for (const Client& client : clients) {
    first = std::max(first, client.first.value_or(Time::min()));
    last = std::max(last, client.last.value_or(Time::min()));
  }
  // A reader without a core until all is done sees no pace: then the first token's time counts too.
  if (last == first) first = begin;
  return std::chrono::duration<double>(last - first).count();
}

}  // namespace puna
