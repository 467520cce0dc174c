// MeasuredBackend: what measurements ask of a backend besides steps.
#pragma once

#include <cstdint>
#include <string>

#include "backend/backend.h"

namespace puna {

// What the model takes. All zero: not known.
struct BackendMemory {
  int64_t weight_bytes = 0;       // as the backend holds them
  int64_t step_weight_bytes = 0;  // of these, what every step reads: not rows of the embedding
  int64_t kv_bytes_per_token = 0;
  int weight_group = 0;  // weights that share a scale; 0: none do
};

class MeasuredBackend : public BlockingBackend {
 public:
  virtual BackendMemory memory() const = 0;
  // Writes finite values into every KV block: a sequence may then begin at any position, and
  // reading its blocks costs what it costs a server. Memory that was never written is one shared
  // page of zeros, which caches hold.
  virtual void fill_blocks() = 0;
  // Waits for what a start leaves to the background.
  virtual void settle() = 0;
  virtual std::string kernels() const = 0;  // the instruction set, by name
};

}  // namespace puna
