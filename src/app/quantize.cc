// The path is all that goes to standard output, so that a script can use it.

#include "app/quantize.h"

#include <chrono>
#include <cstdio>

#include "app/calibration_tokens.h"
#include "app/open_generator.h"
#include "backend/cpu/memory_plan.h"
#include "backend/cpu/packed_weights.h"
#include "base/bytes.h"
#include "base/progress_bar.h"
#include "base/thread_pool.h"
#include "terminal/terminal.h"

namespace puna {
namespace {

Result<PackedReport> quantize(const QuantizeCommand& command) {
  ASSIGN_OR_RETURN(const Checkpoint checkpoint, open_model(command.model));
  CpuOptions options;
  options.weights = parse_weight_format(command.model.weights);
  options.weight_group = command.model.group;
  CHECK(options.weights.has_value(), "the command line takes the names of formats only");
  const WeightChoice choice = {
      .format = *options.weights,
      .group_max = static_cast<size_t>(choose_weight_group(options, *options.weights))};
  const auto threads = static_cast<size_t>(command.model.threads);
  ThreadPool pool(threads > 0 ? threads : usable_core_count());
  ASSIGN_OR_RETURN(const auto tokenizer, load_tokenizer(checkpoint.tokenizer));
  return write_packed_weights({.checkpoint = checkpoint,
                               .choice = choice,
                               .calibration_tokens = [&] { return calibration_tokens(*tokenizer); },
                               .pool = pool},
                              command.output);
}

}  // namespace

int run_quantize(const QuantizeCommand& command) {
  const auto started = std::chrono::steady_clock::now();
  const auto report = quantize(command);
  if (!report.ok()) return fail(report.status());
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
  fmt::print(stderr, "{}: {}, {}{:.1f} s\n", command.model.weights, describe_bytes(report->bytes),
             report->was_there ? "was there already, " : "", taken.count());
  std::printf("%s\n", report->path.c_str());
  return 0;
}

}  // namespace puna
