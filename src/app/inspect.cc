// Opens a checkpoint as serving would and says what is there.

#include "app/inspect.h"

#include <cstdio>

#include "app/open_generator.h"
#include "app/terminal.h"
#include "base/json.h"
#include "model/inspect.h"
#include "tokenizer/chat_template.h"

namespace puna {
namespace {

Result<Checkpoint> open(const InspectCommand& command) {
  ModelOptions options;
  options.model = command.path;
  ASSIGN_OR_RETURN(const auto path, find_model(options));
  ASSIGN_OR_RETURN(Checkpoint checkpoint, open_checkpoint(path));
  for (const std::string& adapter : command.adapters) {
    RETURN_IF_ERROR(apply_adapter(checkpoint, adapter));
  }
  return checkpoint;
}

// Empty when there is no template, or one that cannot be run.
std::string chat_format(const Checkpoint& checkpoint) {
  const auto parsed = ChatTemplate::parse(checkpoint.chat_template, checkpoint.name);
  return parsed.ok() ? std::string(parsed->format_name()) : std::string();
}

}  // namespace

int run_inspect(const InspectCommand& command) {
  const auto checkpoint = open(command);
  if (!checkpoint.ok()) return fail(checkpoint.status());
  const CheckpointSummary summary = summarize(*checkpoint);
  const std::string format = chat_format(*checkpoint);
  if (command.json) {
    std::printf("%s\n", to_json(summary, format).dump(2).c_str());
  } else {
    std::printf("%s", describe(summary, format).c_str());
  }
  return 0;
}

}  // namespace puna
