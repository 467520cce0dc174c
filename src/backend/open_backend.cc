// The kinds of backends.

#include "backend/open_backend.h"

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/page_memory.h"
#include "backend/fake/fake_backend.h"
#include "backend/pjrt/pjrt_backend.h"

namespace puna {

Result<std::unique_ptr<Backend>> open_backend(const BackendOptions& options,
                                              const Checkpoint* checkpoint) {
  if (std::holds_alternative<FakeOptions>(options.device)) return open_fake_backend(options);
  if (checkpoint == nullptr) return invalid_argument("every backend but the fake needs a model");
  if (std::holds_alternative<PjrtOptions>(options.device)) {
    ASSIGN_OR_RETURN(std::unique_ptr<Backend> devices,
                     open_pjrt_backend(options, *checkpoint, available_memory_bytes()));
    return devices;
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Backend> backend, open_cpu_backend(options, *checkpoint));
  return backend;
}

Result<std::string> compile_programs(const BackendOptions& options, const Checkpoint& checkpoint) {
  return compile_pjrt_programs(options, checkpoint, available_memory_bytes());
}

Result<std::unique_ptr<MeasuredBackend>> open_measured_backend(const BackendOptions& options,
                                                               const Checkpoint& checkpoint) {
  if (std::holds_alternative<PjrtOptions>(options.device)) {
    return open_pjrt_backend(options, checkpoint, available_memory_bytes());
  }
  return open_cpu_backend(options, checkpoint);
}

const BackendTraits& measured_traits() { return cpu_traits(); }

}  // namespace puna
