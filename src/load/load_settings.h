// LoadSettings: what a run of `puna load` is asked to do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "load/goodput.h"
#include "load/load_profile.h"

namespace puna {

struct LoadSettings {
  std::string url;                    // of the server: what is before /v1
  std::string model;                  // its name there
  std::vector<std::string> api_keys;  // customers have them in turn
  bool open_loop = false;
  LoadProfile level{1};                    // requests a second, else users
  std::optional<double> duration_seconds;  // of sending
  int64_t requests_max = 0;                // 0: no limit
  double think_seconds = 0;                // on average
  uint64_t seed = 0;
  int max_tokens = 0;            // 0: the server's own limit
  std::string extra_fields;      // of each request: "\"temperature\":0", or ""
  double timeout_seconds = 600;  // of a request
  bool obey_retry_after = false;
  GoodputTarget goodput;
};

}  // namespace puna
