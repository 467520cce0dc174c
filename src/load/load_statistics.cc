// Latencies from the intended moment: a server that stalls delays what should have been sent
// meanwhile, and a generator that counted from the moment of sending would leave that out
// ("coordinated omission").

#include "load/load_statistics.h"

#include <algorithm>

namespace puna {

void LoadStatistics::begin(const RequestRecord& request) {
  ++sent;
  send_late.add(request.sent - request.intended);
  timeline.change_in_flight(request.sent, 1);
}

void LoadStatistics::add_pieces(double seconds, int count, std::optional<double> previous) {
  pieces += count;
  if (previous) inter_token.add(seconds - *previous);
  // What came at once came without a pause.
  for (int i = 1; i < count; ++i) inter_token.add(0);
  timeline.at(seconds).tokens += count;
}

void LoadStatistics::end_answered(const RequestRecord& request, int64_t counted_pieces) {
  timeline.change_in_flight(request.ended, -1);
  ++answered;
  output_tokens += request.output_tokens;
  prompt_tokens += request.prompt_tokens;
  cached_tokens += request.cached_tokens;
  const double end_to_end = request.ended - request.intended;
  LoadWindow& window = timeline.at(request.ended);
  ++window.answered;
  window.tokens += std::max<int64_t>(0, request.output_tokens - counted_pieces);
  window.e2el.add(end_to_end);
  e2el.add(end_to_end);
  std::optional<double> first, per_token;
  if (request.first_token) {
    first = *request.first_token - request.intended;
    ttft.add(*first);
    window.ttft.add(*first);
    if (request.output_tokens > 1) {
      per_token = (*request.last_token - *request.first_token) /
                  static_cast<double>(request.output_tokens - 1);
      tpot.add(*per_token);
    }
  }
  if (meets(target_, first, per_token, end_to_end)) ++met_target;
}

void LoadStatistics::end_failed(const RequestRecord& request, std::string_view kind,
                                std::string_view message) {
  timeline.change_in_flight(request.ended, -1);
  ++failed;
  ++timeline.at(request.ended).failed;
  const auto found = failures.try_emplace(std::string(kind)).first;
  if (found->second.count++ == 0) found->second.example = message;
}

void LoadStatistics::end_dropped(double seconds) {
  timeline.change_in_flight(seconds, -1);
  ++dropped;
}

void LoadStatistics::merge(const LoadStatistics& other) {
  sent += other.sent;
  answered += other.answered;
  failed += other.failed;
  dropped += other.dropped;
  pieces += other.pieces;
  met_target += other.met_target;
  output_tokens += other.output_tokens;
  prompt_tokens += other.prompt_tokens;
  cached_tokens += other.cached_tokens;
  ttft.merge(other.ttft);
  inter_token.merge(other.inter_token);
  tpot.merge(other.tpot);
  e2el.merge(other.e2el);
  send_late.merge(other.send_late);
  wake_late.merge(other.wake_late);
  for (const auto& [kind, failure] : other.failures) {
    FailureClass& own = failures[kind];
    if (own.count == 0) own.example = failure.example;
    own.count += failure.count;
  }
  timeline.merge(other.timeline);
}

void LoadStatistics::add_to(LoadProgress& sum) const {
  sum.in_flight += sent - answered - failed - dropped;
  sum.answered += answered;
  sum.failed += failed;
  sum.pieces += pieces;
  sum.ttft.merge(ttft);
}

}  // namespace puna
