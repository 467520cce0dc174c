// Opens a checkpoint as serving would and says what is there.

#include "app/inspect.h"

#include <fmt/ranges.h>

#include <cstdio>

#include "app/model_parts.h"
#include "app/open_generator.h"
#include "base/json.h"
#include "model/inspect.h"
#include "terminal/terminal.h"

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

// As serving opens it; what cannot be opened is said, and the rest is shown all the same.
TextSummary summarize_text(const Checkpoint& checkpoint) {
  TextSummary summary;
  summary.end_token_ids = checkpoint.config.eos_token_ids;
  const auto parts = open_model_parts(checkpoint, "");
  if (!parts.ok()) {
    summary.tokenizer = "cannot be used: " + parts.status().message();
    summary.end_tokens = fmt::format("{}", fmt::join(summary.end_token_ids, ", "));
    return summary;
  }
  summary.tokenizer = parts->tokenizer->kind();
  if (parts->chat_template) summary.chat_format = parts->chat_template->format_name();
  summary.end_token_ids = parts->end_tokens;
  summary.end_tokens = describe_tokens(*parts->tokenizer, parts->end_tokens);
  return summary;
}

}  // namespace

int run_inspect(const InspectCommand& command) {
  const auto checkpoint = open(command);
  if (!checkpoint.ok()) return fail(checkpoint.status());
  const CheckpointSummary summary = summarize(*checkpoint);
  const TextSummary text = summarize_text(*checkpoint);
  if (command.json) {
    std::printf("%s\n", to_json(summary, text).dump(2).c_str());
  } else {
    std::printf("%s", describe(summary, text).c_str());
  }
  return 0;
}

}  // namespace puna
