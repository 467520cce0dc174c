// ServedRunner: how fast clients of a server get their tokens from a backend: engine, sampler,
// detokenizer and server-sent events around it, as in `puna serve`; only the socket is left out.
#pragma once

#include <memory>
#include <string>

#include "app/bench_tests.h"
#include "backend/backend.h"
#include "base/status.h"
#include "tokenizer/tokenizer.h"

namespace puna {

class ServedRunner {
 public:
  // `backend` outlives the runner, and nobody else uses it while run() does. Without a tokenizer
  // every token is a short word.
  static Result<std::unique_ptr<ServedRunner>> open(Backend& backend,
                                                    std::unique_ptr<Tokenizer> tokenizer,
                                                    int batch_max);
  ~ServedRunner();

  // Seconds from the first token of the last client to begin, to the last token of all.
  Result<double> run(const BenchTest& test);

 private:
  struct State;
  explicit ServedRunner(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace puna
