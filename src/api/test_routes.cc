// A generator over the fake backend, polled by the test.

#include "api/test_routes.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <utility>

#include "backend/fake/fake_backend.h"
#include "tokenizer/byte_tokenizer.h"

namespace puna {

std::unique_ptr<Backend> open_fake(int step_microseconds) {
  BackendOptions options;
  options.max_model_len = 512;
  options.device = FakeOptions{.step_microseconds = step_microseconds};
  return open_fake_backend(options).value();
}

std::shared_ptr<Generator> open_generator(std::unique_ptr<Backend> backend,
                                          const EngineOptions& engine_options) {
  static const SteadyClock clock;
  auto tokenizer = make_byte_tokenizer();
  auto engine = Engine::start(std::move(backend), engine_options, clock).value();
  GeneratorOptions generator_options;
  generator_options.model_name = "fake";
  return std::make_shared<Generator>(std::move(tokenizer), ChatTemplate::built_in("chatml").value(),
                                     std::move(engine), generator_options, clock);
}

HttpRequest post(const std::string& target, const std::string& body) {
  HttpRequest request;
  request.method = "POST";
  request.target = target;
  request.headers = {{"host", "localhost"}, {"content-type", "application/json"}};
  request.body = body;
  return request;
}

HttpRequest get(const std::string& target) {
  HttpRequest request;
  request.method = "GET";
  request.target = target;
  request.headers = {{"host", "localhost"}};
  return request;
}

HttpOutcome ask(Routes& routes, HttpRequest request) {
  HttpHeaders headers;
  if (auto refused = routes.early_reply(request, headers)) return std::move(*refused);
  return routes.handle(std::move(request));
}

Sent handle(Routes& routes, const HttpRequest& request, const std::function<void()>& on_events) {
  HttpOutcome outcome = ask(routes, request);
  Sent sent;
  if (auto* reply = std::get_if<HttpReply>(&outcome)) {
    sent.reply = std::move(*reply);
    return sent;
  }
  ReplyStream& answer = *std::get<std::unique_ptr<ReplyStream>>(outcome);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (bool last = false; !last;) {
    ReplyPart part = answer.poll();
    sent.events += part.events;
    if (!part.events.empty() && on_events) on_events();
    if (part.reply) sent.reply = std::move(*part.reply);
    last = part.last;
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "no end of the answer";
      return sent;
    }
    std::this_thread::yield();
  }
  return sent;
}

}  // namespace puna
