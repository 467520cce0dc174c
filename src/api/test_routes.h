// Routes over the fake backend, asked without a network, for tests.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/routes.h"

namespace puna {

struct Sent {
  HttpReply reply;     // when it was no stream
  std::string events;  // all of them
};

std::unique_ptr<Backend> open_fake(int step_microseconds = 0);
std::shared_ptr<Generator> open_generator(std::unique_ptr<Backend> backend,
                                          const EngineOptions& engine_options = {});

HttpRequest post(const std::string& target, const std::string& body);
HttpRequest get(const std::string& target);

HttpOutcome ask(Routes& routes, HttpRequest request);
// The whole answer. `on_events` runs when events have come.
Sent handle(Routes& routes, const HttpRequest& request,
            const std::function<void()>& on_events = nullptr);

inline const std::string kStream =
    R"({"messages": [{"role": "user", "content": "a"}], "max_tokens": 30, "stream": true,
        "ignore_eos": true})";
inline const std::string kWhole =
    R"({"messages": [{"role": "user", "content": "a"}], "max_tokens": 30, "ignore_eos": true})";

// As many tokens as fit, slowly enough for a test to act in the middle.
inline constexpr int kStepMicroseconds = 2000;
inline const std::string kLongStream =
    R"({"messages": [{"role": "user", "content": "a"}], "stream": true, "ignore_eos": true})";
inline const std::string kLongWhole =
    R"({"messages": [{"role": "user", "content": "a"}], "ignore_eos": true})";

}  // namespace puna
