// puna chat: a conversation at a terminal, or one question and its answer in a pipe.

#include "app/chat.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <string>

#include "app/chat_session.h"
#include "app/chat_text.h"
#include "app/local_chat_model.h"
#include "app/open_generator.h"
#include "app/remote_chat_model.h"
#include "terminal/line_editor.h"
#include "terminal/terminal.h"

namespace puna {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrompt = "> ";
constexpr const char* kMorePrompt = "... ";

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

Result<std::unique_ptr<ChatModel>> open_chat_model(const ChatOptions& options) {
  if (!options.url.empty()) {
    return open_remote_chat_model(options.url, options.api_key, options.model.model);
  }
  ASSIGN_OR_RETURN(auto generator, open_generator(options.model));
  return make_local_chat_model(std::move(generator));
}

// Where shells and editors of today keep such things.
fs::path history_file(const ChatOptions& options) {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  if (options.no_history || (state == nullptr && home == nullptr)) return {};
  const bool has_state = state != nullptr && *state != '\0';
  const fs::path folder = (has_state ? fs::path(state) : fs::path(home) / ".local/state") / "puna";
  std::error_code failure;
  fs::create_directories(folder, failure);
  return failure ? fs::path() : folder / "chat_history";
}

ChatSettings settings_of(const ChatOptions& options) {
  ChatSettings settings;
  settings.temperature = options.temperature;
  settings.max_tokens = options.max_tokens;
  settings.seed = options.seed;
  return settings;
}

ChatScreen terminal_screen() {
  return {.answer = [](std::string_view text) { print(printable(text)); },
          .note = [](std::string_view text) { print(dimmed(text)); },
          .error = [](std::string_view text) { print(error_text(text) + "\n"); },
          .stopped = take_interrupt};
}

// Only the answer goes to standard output, byte for byte.
ChatScreen pipe_screen() {
  return {.answer = print,
          .note = [](std::string_view) {},
          .error =
              [](std::string_view text) { fail(Status(StatusCode::kInternal, std::string(text))); },
          .stopped = take_interrupt};
}

// The next question or command; nothing at the end of input.
std::optional<std::string> read_question(LineEditor& editor, std::string initial) {
  QuestionLines lines;
  bool asked_to_leave = false;
  for (;;) {
    std::string line;
    const std::string prompt = lines.is_open() ? kMorePrompt : kPrompt;
    switch (editor.read(framed_prompt(prompt), initial, line)) {
      case LineEditor::Read::kEnd:
        return std::nullopt;
      case LineEditor::Read::kInterrupted:
        if (asked_to_leave) return std::nullopt;
        asked_to_leave = true;
        lines.take();
        print(dimmed("Ctrl-C again or Ctrl-D leaves.\n"));
        break;
      case LineEditor::Read::kText:
        asked_to_leave = false;
        if (lines.add(line)) return lines.take();
        break;
    }
    initial.clear();
  }
}

int converse(ChatModel& model, const ChatOptions& options, double seconds) {
  print(dimmed(
      fmt::format("{}, ready in {:.1f} s; /help lists the commands\n", model.describe(), seconds)));
  ChatSession session(model, terminal_screen(), options.system_prompt, settings_of(options));
  LineEditor editor(stdin, stdout, history_file(options));
  if (!options.prompt.empty()) {
    print(prompt_text(kPrompt) + printable(options.prompt) + "\n");
    session.handle(options.prompt);
  }
  for (;;) {
    const auto question = read_question(editor, session.take_text_to_edit());
    if (!question) return 0;
    if (question->empty()) continue;
    editor.remember(*question);
    take_interrupt();
    if (!session.handle(*question)) return 0;
  }
}

// What comes in the pipe belongs to the question: puna chat --prompt "Sum this up:" < letter.txt
int answer_once(ChatModel& model, const ChatOptions& options) {
  std::string question = options.prompt;
  if (::isatty(STDIN_FILENO) == 0) {
    const std::string piped((std::istreambuf_iterator<char>(std::cin)), {});
    if (!question.empty() && !piped.empty()) question += "\n\n";
    question += piped;
  }
  while (question.ends_with('\n')) question.pop_back();
  if (question.empty()) {
    return fail(invalid_argument("no question: give --prompt, or write one to standard input"));
  }
  ChatSession session(model, pipe_screen(), options.system_prompt, settings_of(options));
  return session.ask(question) ? 0 : 1;
}

}  // namespace

int run_chat(const ChatOptions& options) {
  const auto started = std::chrono::steady_clock::now();
  auto model = open_chat_model(options);
  if (!model.ok()) return fail(model.status());
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
  catch_interrupt();
  const bool is_conversation = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  return is_conversation ? converse(**model, options, taken.count())
                         : answer_once(**model, options);
}

}  // namespace puna
