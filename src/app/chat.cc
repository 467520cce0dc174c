// puna chat: a conversation at a terminal, or one question and its answer in a pipe.

#include "app/chat.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <string>
#include <system_error>

#include "app/chat_session.h"
#include "app/chat_text.h"
#include "app/local_chat_model.h"
#include "app/open_generator.h"
#include "app/remote_chat_model.h"
#include "base/environment.h"
#include "base/utf8.h"
#include "terminal/line_editor.h"
#include "terminal/status_line.h"
#include "terminal/terminal.h"

namespace puna {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrompt = "> ";
constexpr const char* kMorePrompt = "... ";
constexpr size_t kQuestionBytesMax = 64 << 20;

// Of standard output: once it fails (nobody reads it, the disk is full), nothing more is printed.
int output_error = 0;

void print(std::string_view text) {
  if (output_error != 0) return;
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0) output_error = errno;
}

Result<std::unique_ptr<ChatModel>> open_chat_model(const ChatOptions& options) {
  if (!options.url.empty()) {
    return open_remote_chat_model(options.url, options.api_key, options.model.model);
  }
  RETURN_IF_ERROR(check_model_options(options.model));
  ASSIGN_OR_RETURN(auto generator, open_generator(options.model));
  return make_local_chat_model(std::move(generator));
}

// One word alone that can be no model is the question: puna chat "Why is the sky blue?"
ChatOptions with_question(ChatOptions options) {
  std::string& model = options.model.model;
  std::error_code ignored;
  const bool is_text = model.find_first_of(" \n\t?") != model.npos && !fs::exists(model, ignored);
  if (options.prompt.empty() && (is_text || options.model.backend == "fake")) {
    std::swap(options.prompt, model);
  }
  return options;
}

Result<std::unique_ptr<ChatModel>> open_with_status(const ChatOptions& options) {
  StatusLine line;
  line.show(fmt::format("loading {}", escape_for_terminal(options.model.model)));
  return open_chat_model(options);
}

// Where shells and editors of today keep such things.
fs::path history_file(const ChatOptions& options) {
  const std::string state = environment("XDG_STATE_HOME");
  const std::string home = environment("HOME");
  if (options.no_history || (state.empty() && home.empty())) return {};
  const fs::path folder =
      (state.empty() ? fs::path(home) / ".local/state" : fs::path(state)) / "puna";
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
          .stopped = [] { return take_interrupt() || output_error != 0; }};
}

// Only the answer goes to standard output; byte for byte where that is no terminal.
ChatScreen answer_screen() {
  const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  return {.answer = [=](std::string_view text) { print(is_terminal ? printable(text) : text); },
          .note = [](std::string_view) {},
          .error =
              [](std::string_view text) { fail(Status(StatusCode::kInternal, std::string(text))); },
          .stopped = [] { return output_error != 0; }};
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
  print(dimmed(fmt::format("{}, ready in {:.1f} s; /help lists the commands\n",
                           escape_for_terminal(model.describe()), seconds)));
  catch_interrupt();
  ChatSession session(model, terminal_screen(), options.system_prompt, settings_of(options));
  LineEditor editor(stdin, stdout, history_file(options));
  for (;;) {
    const auto question = read_question(editor, session.take_text_to_edit());
    if (!question) return 0;
    if (question->empty()) continue;
    editor.remember(*question);
    if (!session.handle(*question)) return 0;
  }
}

// What comes in a pipe belongs to the question: puna chat --prompt "Sum this up:" < letter.txt
Result<std::string> whole_question(const ChatOptions& options) {
  std::string question = options.prompt;
  if (::isatty(STDIN_FILENO) == 0) {
    if (!question.empty()) question += "\n\n";
    std::array<char, 1 << 16> piece;
    while (const size_t count = std::fread(piece.data(), 1, piece.size(), stdin)) {
      question.append(piece.data(), count);
      if (question.size() > kQuestionBytesMax) {
        return invalid_argument("standard input: a question has at most {} bytes",
                                kQuestionBytesMax);
      }
    }
  }
  while (question.ends_with('\n')) question.pop_back();
  if (question.ends_with("\n/quit"))
    question.resize(question.rfind('\n'));  // of scripts that leave
  if (!question.empty()) return question;
  return invalid_argument("no question: give --prompt, or write one to standard input");
}

int answer_once(ChatModel& model, const ChatOptions& options) {
  const auto question = whole_question(options);
  if (!question.ok()) return fail(question.status());
  ChatSession session(model, answer_screen(), options.system_prompt, settings_of(options));
  if (!session.ask(*question)) return 1;
  if (output_error == 0) return 0;
  if (output_error == EPIPE) return 1;  // who reads no more knows
  return fail(error(StatusCode::kUnavailable, "standard output: {}",
                    std::generic_category().message(output_error)));
}

}  // namespace

int run_chat(const ChatOptions& given) {
  const ChatOptions options = with_question(given);
  const bool is_conversation =
      options.prompt.empty() && ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  const auto started = std::chrono::steady_clock::now();
  auto model = is_conversation ? open_with_status(options) : open_chat_model(options);
  if (!model.ok()) return fail(model.status());
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
  return is_conversation ? converse(**model, options, taken.count())
                         : answer_once(**model, options);
}

}  // namespace puna
