// A question whose answer fails or is stopped before its first word is no part of the conversation
// (two questions in a row are none), but /retry and /edit still know it.

#include "app/chat_session.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

#include "app/chat_text.h"
#include "base/environment.h"
#include "base/mapped_file.h"
#include "base/utf8.h"

namespace puna {
namespace {

constexpr size_t kConversationBytesMax = 64 << 20;
constexpr std::string_view kHelp =
    "/help              this list\n"
    "/retry             answer the last question again\n"
    "/edit [TEXT]       change the last question and ask it again\n"
    "/system [TEXT]     set the system prompt and begin anew; without TEXT show it\n"
    "/reset             begin a new conversation\n"
    "/save FILE         write the conversation, as JSON\n"
    "/load FILE         go on with a conversation that was saved\n"
    "/set NAME [VALUE]  temperature, top_p, top_k, max_tokens, seed; without VALUE the default\n"
    "/show              the settings\n"
    "/tokens            how much of the model's length the conversation takes\n"
    "/quit              leave (also Ctrl-D, or Ctrl-C twice)\n"
    "Ctrl-C             stop the answer\n"
    "\"\"\"                begin and end a question of several lines (or Ctrl-J for a new line)\n";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(' ');
  if (first == text.npos) return "";
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// What a shell makes of "~/file".
std::string with_home(std::string_view path) {
  const std::string home = environment("HOME");
  const bool is_at_home = path.starts_with("~/") && !home.empty();
  return is_at_home ? home + std::string(path.substr(1)) : std::string(path);
}

}  // namespace

ChatSession::ChatSession(ChatModel& model, ChatScreen screen, std::string system_prompt,
                         ChatSettings settings)
    : model_(model),
      screen_(std::move(screen)),
      system_prompt_(std::move(system_prompt)),
      settings_(settings) {}

bool ChatSession::handle(const std::string& text) {
  if (text.starts_with('/')) {
    const size_t space = text.find(' ');
    const std::string_view words =
        space == text.npos ? "" : trimmed(std::string_view(text).substr(space));
    return command(std::string_view(text).substr(0, space), words);
  }
  if (!trimmed(text).empty()) ask_and_count(text);
  return true;
}

bool ChatSession::command(std::string_view name, std::string_view words) {
  if (name == "/quit" || name == "/exit" || name == "/bye") return false;
  if (name == "/help" || name == "/?") {
    screen_.note(kHelp);
  } else if (name == "/retry") {
    retry();
  } else if (name == "/edit") {
    edit(words);
  } else if (name == "/reset" || name == "/new") {
    reset("A new conversation.\n");
  } else if (name == "/system") {
    set_system_prompt(words);
  } else if (name == "/save") {
    save(words);
  } else if (name == "/load") {
    load(words);
  } else if (name == "/set") {
    const Status status = change_setting(words, settings_);
    status.ok() ? screen_.note(describe(settings_)) : screen_.error(status.message());
  } else if (name == "/show") {
    screen_.note(describe(settings_));
  } else if (name == "/tokens") {
    count_tokens();
  } else {
    screen_.error(fmt::format("there is no command {}; /help lists them", name));
  }
  return true;
}

bool ChatSession::ask(const std::string& question) {
  ChatAnswerEnd end;
  return answer(question, end);
}

void ChatSession::ask_and_count(const std::string& question) {
  ChatAnswerEnd end;
  if (!answer(question, end)) return;
  std::string rate;
  if (end.tokens_per_second > 0) rate = fmt::format("{:.1f} tokens/s, ", end.tokens_per_second);
  screen_.note(fmt::format("{} + {} tokens, {}first token after {:.0f} ms, {}\n\n",
                           end.prompt_tokens, end.completion_tokens, rate,
                           end.first_token_seconds * 1000, escape_for_terminal(end.finish_reason)));
}

bool ChatSession::answer(std::string question, ChatAnswerEnd& end) {
  if (!is_valid_utf8(question)) {
    screen_.error("the question is not UTF-8 text");
    return false;
  }
  turns_.push_back({"user", std::move(question)});
  std::string text;
  const auto done = model_.answer(all_turns(), settings_, [&](std::string_view more) {
    text += more;
    screen_.answer(more);
    return !screen_.stopped();
  });
  if (!text.empty() && !text.ends_with('\n')) screen_.answer("\n");
  if (text.empty()) {
    unanswered_ = std::move(turns_.back().content);
    turns_.pop_back();
  } else {
    unanswered_.clear();
    turns_.push_back({"assistant", text});
  }
  if (!done.ok()) {
    screen_.error(done.status().message());
    return false;
  }
  end = *done;
  return true;
}

std::vector<ChatTurn> ChatSession::all_turns() const {
  std::vector<ChatTurn> turns;
  if (!system_prompt_.empty()) turns.push_back({"system", system_prompt_});
  turns.insert(turns.end(), turns_.begin(), turns_.end());
  return turns;
}

// Empty when there is none. Its answer goes with it.
std::string ChatSession::take_last_question() {
  if (!unanswered_.empty()) return std::exchange(unanswered_, {});
  while (!turns_.empty()) {
    const ChatTurn last = std::move(turns_.back());
    turns_.pop_back();
    if (last.role == "user") return last.content;
  }
  return "";
}

// The old question and answer come back when the new one brings no word.
void ChatSession::ask_instead(const std::string& question, const std::vector<ChatTurn>& before) {
  ask_and_count(question);
  if (turns_.size() >= before.size()) return;
  turns_ = before;
  unanswered_.clear();
}

void ChatSession::retry() {
  const std::vector<ChatTurn> before = turns_;
  const std::string question = take_last_question();
  if (question.empty()) return screen_.error("there is no question yet");
  ask_instead(question, before);
}

void ChatSession::edit(std::string_view words) {
  const std::vector<ChatTurn> before = turns_;
  const std::string question = take_last_question();
  if (question.empty()) return screen_.error("there is no question yet");
  if (words.empty()) {
    if (turns_.size() == before.size()) unanswered_ = question;
    turns_ = before;
    text_to_edit_ = "/edit " + question;
    return;
  }
  ask_instead(std::string(words), before);
}

std::string ChatSession::take_text_to_edit() { return std::exchange(text_to_edit_, {}); }

void ChatSession::reset(std::string_view note) {
  turns_.clear();
  unanswered_.clear();
  screen_.note(note);
}

void ChatSession::set_system_prompt(std::string_view words) {
  if (words.empty()) {
    screen_.note((system_prompt_.empty() ? "(none)" : escape_for_terminal(system_prompt_)) + "\n");
    return;
  }
  system_prompt_ = words;
  reset("System prompt set; a new conversation.\n");
}

void ChatSession::save(std::string_view path) {
  if (path.empty()) return screen_.error("/save needs the name of a file");
  const std::string target = with_home(path);
  const auto before = read_file(target, kConversationBytesMax);
  const bool is_free = before.status().code() == StatusCode::kNotFound;
  if (!is_free && (!before.ok() || !parse_conversation(*before, target).ok())) {
    return screen_.error(fmt::format(
        "/save {}: there is something that is no conversation; choose another name", target));
  }
  std::ofstream file(target);
  file << conversation_text(all_turns());
  file.close();
  if (!file) {
    return screen_.error(fmt::format("/save {}: {}", target,
                                     std::error_code(errno, std::generic_category()).message()));
  }
  screen_.note(fmt::format("{} messages saved.\n", all_turns().size()));
}

void ChatSession::load(std::string_view path) {
  if (path.empty()) return screen_.error("/load needs the name of a file");
  const std::string source = with_home(path);
  const auto text = read_file(source, kConversationBytesMax);
  if (!text.ok()) return screen_.error("/load " + text.status().message());
  auto turns = parse_conversation(*text, "/load " + source);
  if (!turns.ok()) return screen_.error(turns.status().message());
  system_prompt_.clear();
  if (!turns->empty() && turns->front().role == "system") {
    system_prompt_ = turns->front().content;
    turns->erase(turns->begin());
  }
  turns_ = std::move(*turns);
  unanswered_.clear();
  if (!turns_.empty() && turns_.back().role == "user") {
    unanswered_ = turns_.back().content;
    turns_.pop_back();
  }
  screen_.note(fmt::format("{} messages loaded; go on with a question.\n", turns_.size()));
}

void ChatSession::count_tokens() {
  const auto count = model_.count_tokens(all_turns());
  if (!count.ok()) return screen_.error(count.status().message());
  const int length = model_.max_model_len();
  screen_.note(length > 0 ? fmt::format("{} of {} tokens; {} are left\n", *count, length,
                                        std::max(0, length - *count))
                          : fmt::format("{} tokens\n", *count));
}

}  // namespace puna
