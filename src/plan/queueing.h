// How long people wait for a server that answers many at once. The model: each of `users` reads and
// types for an exponential time, then sends a prompt of a fixed length and gets an answer of a
// geometric one. Who finds all streams taken waits in order. A step serves everybody who runs, so
// that answers slow down with the number of those who run; a prompt makes one step longer for all.
//
// Birth and death of the number n in the server give its distribution; who arrives sees that of one
// user less. A test plays the same against the engine's scheduler (app/plan_queue_test.cc).
#pragma once

#include <vector>

namespace puna::plan {

struct Workload {
  double users = 1;
  double think_seconds = 30;
  double prompt_tokens = 512;
  double answer_tokens = 256;  // on average
};

// By the number who run, from 0 on: a step without prompts, and with one beside them. As many
// streams as there are entries, less one.
struct BatchSpeed {
  std::vector<double> step_seconds;
  std::vector<double> prompt_seconds;
  int prompt_steps = 1;  // that a prompt takes part in
};

struct Forecast {
  bool is_saturated = false;  // most users wait, ever longer with each more
  double ttft_p95 = 0;        // seconds until the first token
  double tpot_p95 = 0;        // of each answer's mean per further token
  double answer_p95 = 0;      // until the last token
  double running = 0;         // on average
  double tokens_per_second = 0;
};

Forecast forecast(const Workload& workload, const BatchSpeed& speed);

// Whether the first token and the further ones come in time for 95 of 100: forecast() without
// looking for the times.
bool is_in_time(const Workload& workload, const BatchSpeed& speed, double ttft, double tpot);

// Tokens of answers a second when `rows` always run: prompts included in the time.
double throughput(const Workload& workload, const BatchSpeed& speed, int rows);

}  // namespace puna::plan
