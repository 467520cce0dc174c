// Every command and flag, declared to CLI11, and where their values go. Only options.cc includes
// this.
#pragma once

#include <string>

#include "app/options.h"

namespace CLI {
class App;
}

namespace puna {

struct ParsedFlags {
  ServeOptions serve;
  ChatOptions chat;
  PullCommand pull;
  QuantizeCommand quantize;
  CompileCommand compile;
  InspectCommand inspect;
  DevicesCommand devices;
  BenchOptions bench;
  LoadCommand load;
  PlanCommand plan;
  std::string completion_shell;
  std::string config_file;
  std::string log_level = "info";
  std::string chat_log_level = "warning";  // nothing writes over the conversation
};

// Of options_load.cc, options_plan.cc and options_engine.cc.
void add_load_flags(CLI::App& command, LoadCommand& options);
void add_plan_flags(CLI::App& command, PlanCommand& options);
void add_engine_flags(CLI::App& command, ModelOptions& options);

// Commands of `app` write into `parsed`, which must outlive it.
void declare_commands(CLI::App& app, ParsedFlags& parsed);

}  // namespace puna
