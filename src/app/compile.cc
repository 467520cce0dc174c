// The log says what is being compiled.

#include "app/compile.h"

#include <cstdio>

#include "app/open_generator.h"
#include "terminal/terminal.h"

namespace puna {

int run_compile(const CompileCommand& command) {
  const auto done = compile_model(command.model);
  if (!done.ok()) return fail(done.status());
  std::printf("%s\n", done->c_str());
  return 0;
}

}  // namespace puna
