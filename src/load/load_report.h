// LoadReport: what a run came to, for people: the table, JSON, one HTML page. Pure.
#pragma once

#include <string>
#include <vector>

#include "load/load_settings.h"
#include "load/load_statistics.h"

namespace puna {

struct LoadReport {
  LoadSettings settings;
  std::string scenario;  // in words
  std::string load;      // in words: "64 users", "8 requests/s (Poisson)"
  std::string began;     // date and time
  double seconds = 0;    // from the first request to the last answer
  bool was_interrupted = false;
  LoadStatistics statistics;

  double per_second(double count) const { return seconds > 0 ? count / seconds : 0; }
  // Of all requests that came to an end by themselves, those that met the target of --goodput.
  double goodput_share() const;
  double cached_share() const;  // of prompt tokens
};

// What spoils the figures, or may.
std::vector<std::string> load_warnings(const LoadReport& report);

std::string load_table(const LoadReport& report);
std::string load_json(const LoadReport& report);
std::string load_html(const LoadReport& report);

// Rows that table, JSON and page have in common.
struct LatencyRow {
  const char* name;   // "Time to first token"
  const char* field;  // "ttft_ms"
  const Histogram& histogram;
};
std::vector<LatencyRow> latency_rows(const LoadStatistics& statistics);

// "1,234" and "0.82": as many digits as tell values apart.
std::string number_text(double value);
std::string milliseconds_text(double seconds);  // the same, without the unit

}  // namespace puna
