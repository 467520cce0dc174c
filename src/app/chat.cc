// The terminal chat: read a line, stream the answer, Ctrl-C stops the answer and not the program.

#include "app/chat.h"

#include <csignal>
#include <cstdio>
#include <iostream>
#include <string>

#include "app/open_generator.h"
#include "app/terminal.h"
#include "base/random_seed.h"
#include "base/utf8.h"
#include "generate/generator.h"

namespace puna {
namespace {

using std::chrono::milliseconds;

constexpr const char* kHelp =
    "/help            this list\n"
    "/system [TEXT]   set the system prompt and begin anew; without TEXT show it\n"
    "/reset           begin a new conversation\n"
    "/quit            leave (also Ctrl-D)\n"
    "Ctrl-C           stop the answer\n";

volatile std::sig_atomic_t interrupted = 0;

void on_interrupt(int) { interrupted = 1; }

// Without SA_RESTART, so that Ctrl-C also ends waiting for a line.
void catch_interrupt() {
  struct sigaction action = {};
  action.sa_handler = on_interrupt;
  sigaction(SIGINT, &action, nullptr);
}

class Conversation {
 public:
  Conversation(Generator& generator, const ChatOptions& options)
      : generator_(generator), options_(options), system_prompt_(options.system_prompt) {
    reset();
  }

  void reset() {
    messages_.clear();
    if (!system_prompt_.empty()) messages_.push_back({"system", system_prompt_});
  }

  // False when the program should end.
  bool handle(const std::string& line) {
    if (line == "/quit" || line == "/exit") return false;
    if (line == "/help") {
      std::printf("%s", kHelp);
    } else if (line == "/reset") {
      reset();
      std::printf("%s\n", dimmed("A new conversation.").c_str());
    } else if (line == "/system") {
      std::printf("%s\n", system_prompt_.empty() ? "(none)" : system_prompt_.c_str());
    } else if (line.starts_with("/system ")) {
      system_prompt_ = line.substr(8);
      reset();
      std::printf("%s\n", dimmed("System prompt set; a new conversation.").c_str());
    } else if (line.starts_with("/")) {
      std::printf("There is no command %s.\n%s", escape_for_terminal(line).c_str(), kHelp);
    } else if (!line.empty()) {
      answer(line);
    }
    return true;
  }

 private:
  GenerationRequest request() const {
    GenerationRequest request;
    request.prompt = messages_;
    request.sampling = generator_.default_sampling();
    request.sampling.seed = options_.seed.value_or(random_seed());
    if (options_.temperature) request.sampling.temperature = *options_.temperature;
    request.max_tokens_given = options_.max_tokens.has_value();
    if (options_.max_tokens) request.sampling.max_tokens = *options_.max_tokens;
    return request;
  }

  void answer(const std::string& line) {
    messages_.push_back({"user", line});
    auto stream = generator_.start(request());
    if (!stream.ok()) {
      messages_.pop_back();
      std::printf("%s\n", error_text(stream.status().message()).c_str());
      return;
    }
    const std::string text = print_answer(**stream);
    if (text.empty()) {
      messages_.pop_back();
    } else {
      messages_.push_back({"assistant", text});
    }
  }

  // Streams to standard output and returns what was shown.
  std::string print_answer(GenerationStream& stream) {
    std::string shown;
    GenerationChunk chunk;
    while (chunk.finish == FinishReason::kNone) {
      chunk = stream.wait(milliseconds(100));
      shown += chunk.text;
      std::printf("%s", printable(chunk.text).c_str());
      std::fflush(stdout);
      if (interrupted != 0) {
        stream.cancel();
        interrupted = 0;
      }
    }
    std::printf("\n");
    if (chunk.finish == FinishReason::kError) {
      std::printf("%s\n", error_text(chunk.error.message()).c_str());
    }
    print_statistics(stream, chunk.finish);
    return shown;
  }

  static void print_statistics(const GenerationStream& stream, FinishReason finish) {
    const GenerationUsage usage = stream.usage();
    const GenerationTimings timings = stream.timings();
    const double rate = usage.completion_tokens > 1 && timings.decode.count() > 0
                            ? (usage.completion_tokens - 1) / timings.decode.count()
                            : 0;
    std::printf("%s\n\n", dimmed(fmt::format("{} + {} tokens, {:.1f} tokens/s, first token after "
                                             "{:.0f} ms, {}",
                                             usage.prompt_tokens, usage.completion_tokens, rate,
                                             timings.first_token.count() * 1000, describe(finish)))
                              .c_str());
  }

  Generator& generator_;
  const ChatOptions& options_;
  std::string system_prompt_;
  ChatMessages messages_;
};

// False at the end of input. Ctrl-C gives an empty line.
bool read_line(std::string& line) {
  std::printf("%s", prompt_text("> ").c_str());
  std::fflush(stdout);
  interrupted = 0;
  if (std::getline(std::cin, line)) return true;
  if (interrupted == 0) return false;
  std::cin.clear();
  std::clearerr(stdin);
  line.clear();
  std::printf("\n%s\n", dimmed("/quit or Ctrl-D leaves.").c_str());
  return true;
}

}  // namespace

int run_chat(const ChatOptions& options) {
  auto generator = open_generator(options.model);
  if (!generator.ok()) return fail(generator.status());
  catch_interrupt();
  std::printf(
      "%s\n",
      dimmed(fmt::format("{} - /help lists the commands", (*generator)->model().name)).c_str());
  Conversation conversation(**generator, options);
  std::string line;
  while (read_line(line) && conversation.handle(line)) {
  }
  return 0;
}

}  // namespace puna
