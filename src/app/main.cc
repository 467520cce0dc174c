// puna: the program. Reads the command line and calls the command.

#include <csignal>
#include <cstdio>
#include <exception>

#include "app/bench.h"
#include "app/chat.h"
#include "app/compile.h"
#include "app/devices.h"
#include "app/inspect.h"
#include "app/load.h"
#include "app/options.h"
#include "app/plan.h"
#include "app/pull.h"
#include "app/quantize.h"
#include "app/serve.h"
#include "base/exceptions.h"
#include "base/log.h"
#include "terminal/terminal.h"

namespace {

int run(const puna::ExitCommand& command) {
  std::fputs(command.text.c_str(), command.code == 0 ? stdout : stderr);
  return command.code;
}
int run(const puna::ServeOptions& options) { return puna::run_serve(options); }
int run(const puna::ChatOptions& options) { return puna::run_chat(options); }
int run(const puna::PullCommand& options) { return puna::run_pull(options); }
int run(const puna::QuantizeCommand& command) { return puna::run_quantize(command); }
int run(const puna::BenchOptions& options) { return puna::run_bench(options); }
int run(const puna::LoadCommand& command) { return puna::run_load(command); }
int run(const puna::PlanCommand& command) { return puna::run_plan(command); }
int run(const puna::CompileCommand& command) { return puna::run_compile(command); }
int run(const puna::InspectCommand& command) { return puna::run_inspect(command); }
int run(const puna::DevicesCommand& command) { return puna::run_devices(command); }

}  // namespace

int main(int argc, char** argv) try {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error code of write(), not an end
  std::signal(SIGXFSZ, SIG_IGN);  // and so is a file over the limit (ulimit -f)
  const puna::CommandLine line = puna::parse_command_line(argc, argv);
  puna::set_log_level(line.log_level);
  for (const std::string& warning : line.warnings) puna::log_warning("{}", warning);
  return std::visit([](const auto& command) { return run(command); }, line.command);
} catch (...) {  // a limit of the machine: nothing else throws up to here
  return puna::fail(puna::status_of_exception());
}
