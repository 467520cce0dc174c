// The names of backends.

#include "backend/open_backend.h"

#include "backend/cpu/cpu_backend.h"
#include "backend/fake/fake_backend.h"

namespace puna {

Result<std::unique_ptr<Backend>> open_backend(const BackendOptions& options,
                                              const Checkpoint* checkpoint) {
  if (options.name == "fake") return open_fake_backend(options);
  if (options.name != "cpu") {
    return invalid_argument("--backend {}: expected cpu or fake", options.name);
  }
  if (checkpoint == nullptr) return invalid_argument("--backend cpu needs a model");
  return open_cpu_backend(options, *checkpoint);
}

}  // namespace puna
