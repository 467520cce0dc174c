// LoadStatistics: what became of the requests of a run. Each thread of the generator has its own;
// at the end they are merged. Pure; times are seconds since the run began.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "load/goodput.h"
#include "load/histogram.h"
#include "load/load_timeline.h"

namespace puna {

struct RequestRecord {
  double intended = 0;  // when it was meant to be sent: latencies count from here
  double sent = 0;
  std::optional<double> first_token, last_token;
  double ended = 0;
  int64_t output_tokens = 0, prompt_tokens = 0, cached_tokens = 0;
};

struct FailureClass {
  int64_t count = 0;
  std::string example;  // what was said of the first one
};

// What a line about a run that goes on says.
struct LoadProgress {
  int64_t in_flight = 0, answered = 0, failed = 0, pieces = 0;
  Histogram ttft;  // so far
};

class LoadStatistics {
 public:
  explicit LoadStatistics(const GoodputTarget& target = {}) : target_(target) {}

  void begin(const RequestRecord& request);
  // `count` pieces of text at `seconds`; `previous` is when the answer's last ones came.
  void add_pieces(double seconds, int count, std::optional<double> previous);
  // `counted_pieces`: those that add_pieces() got of it.
  void end_answered(const RequestRecord& request, int64_t counted_pieces);
  // `kind`: "connect", "timeout", "cut", "stream error", "no answer", or the HTTP status.
  void end_failed(const RequestRecord& request, std::string_view kind, std::string_view message);
  void end_dropped(double seconds);  // by the end of the run
  // The generator was to look at its clock then and did it so much later.
  void add_wake(double late_seconds) { wake_late.add(late_seconds); }
  void merge(const LoadStatistics& other);
  void add_to(LoadProgress& sum) const;

  int64_t sent = 0, answered = 0, failed = 0, dropped = 0;
  int64_t pieces = 0;      // of text, also of answers that failed
  int64_t met_target = 0;  // of the answered
  int64_t output_tokens = 0, prompt_tokens = 0, cached_tokens = 0;
  Histogram ttft, inter_token, tpot, e2el;  // of answered requests; inter_token: of all pieces
  Histogram send_late, wake_late;
  std::map<std::string, FailureClass, std::less<>> failures;
  LoadTimeline timeline;

 private:
  GoodputTarget target_;
};

}  // namespace puna
