// The path is all that goes to standard output, so that a script can use it.

#include "app/pull.h"

#include <cstdio>

#include "hub/hub.h"
#include "terminal/terminal.h"

namespace puna {

int run_pull(const PullCommand& command) {
  HubOptions options;
  options.revision = command.revision;
  options.file = command.file;
  options.accept_license = command.accept_license;
  options.confirm = [](std::string_view notice) {
    return ask(std::string(notice) + "\nAccept it?");
  };
  const auto path = resolve_model(command.repo, options);
  if (!path.ok()) return fail(path.status());
  std::printf("%s\n", path->c_str());
  return 0;
}

}  // namespace puna
