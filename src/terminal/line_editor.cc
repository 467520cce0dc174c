// libedit does the editing; reading keys is ours, so that Ctrl-C and a resized window are noticed.

#include "terminal/line_editor.h"

#include <histedit.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <csignal>
#include <cwchar>

namespace puna {
namespace {

constexpr int kHistoryEntriesMax = 1000;
constexpr const char* kPasteOn = "\x1b[?2004h";
constexpr const char* kPasteOff = "\x1b[?2004l";
constexpr const char* kPasteBegin = "\\033[200~";
constexpr std::wstring_view kPasteEnd = L"\x1b[201~";
// Around what takes no column of the prompt.
constexpr char kInvisible = '\1';

volatile std::sig_atomic_t interrupted = 0;
volatile std::sig_atomic_t resized = 0;

void on_interrupt(int) { interrupted = 1; }
void on_resize(int) { resized = 1; }

// Without SA_RESTART: waiting for a key ends.
void handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigaction(signal, &action, nullptr);
}

// libedit turns bytes into characters as the locale says.
void choose_utf8() {
  if (std::setlocale(LC_CTYPE, "") != nullptr && MB_CUR_MAX > 1) return;
  std::setlocale(LC_CTYPE, "C.UTF-8");
}

// One byte from the terminal; -1 after Ctrl-C, 0 when the terminal has gone.
int read_byte(EditLine* editor, int descriptor, char& byte) {
  for (;;) {
    if (interrupted != 0) return -1;
    if (resized != 0) {
      resized = 0;
      el_resize(editor);
      el_set(editor, EL_REFRESH);
    }
    pollfd input = {.fd = descriptor, .events = POLLIN, .revents = 0};
    if (::poll(&input, 1, -1) < 0) continue;  // a signal: looked at above
    const ssize_t count = ::read(descriptor, &byte, 1);
    if (count >= 0) return static_cast<int>(count);
    if (errno != EINTR && errno != EAGAIN) return 0;
  }
}

// What el_gets() asks for keys: one character.
int read_character(EditLine* editor, wchar_t* character) {
  std::FILE* input = nullptr;
  el_get(editor, EL_GETFP, 0, &input);
  std::mbstate_t state = {};
  for (;;) {
    char byte = 0;
    const int count = read_byte(editor, ::fileno(input), byte);
    if (count <= 0) return count;
    const size_t used = std::mbrtowc(character, &byte, 1, &state);
    if (used == static_cast<size_t>(-2)) continue;
    if (used != static_cast<size_t>(-1)) return 1;
    *character = L'\xfffd';  // bytes that are no character
    return 1;
  }
}

unsigned char insert_new_line(EditLine* editor, wint_t) {
  return el_winsertstr(editor, L"\n") == 0 ? CC_REFRESH : CC_ERROR;
}

unsigned char insert_pasted(EditLine* editor, wint_t) {
  std::wstring text;
  while (!text.ends_with(kPasteEnd)) {
    wchar_t next = 0;
    if (el_wgetc(editor, &next) != 1) return CC_EOF;
    text += next == L'\r' ? L'\n' : next;
  }
  text.resize(text.size() - kPasteEnd.size());
  while (text.ends_with(L'\n')) text.pop_back();
  if (text.empty()) return CC_NORM;
  return el_winsertstr(editor, text.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
}

}  // namespace

struct LineEditor::State {
  EditLine* editor = nullptr;
  History* history = nullptr;
  std::FILE* output = nullptr;
  std::filesystem::path history_file;
  std::string prompt;

  static char* prompt_of(EditLine* editor) {
    State* state = nullptr;
    el_get(editor, EL_CLIENTDATA, &state);
    return state->prompt.data();
  }
};

LineEditor::LineEditor(std::FILE* input, std::FILE* output, std::filesystem::path history)
    : state_(std::make_unique<State>()) {
  choose_utf8();
  handle(SIGWINCH, on_resize);
  State& state = *state_;
  state.output = output;
  state.history_file = std::move(history);
  state.editor = el_init("puna", input, output, stderr);
  el_set(state.editor, EL_CLIENTDATA, &state);
  el_set(state.editor, EL_PROMPT_ESC, State::prompt_of, kInvisible);
  el_set(state.editor, EL_EDITOR, "emacs");
  el_wset(state.editor, EL_GETCFN, read_character);
  // Enter and Ctrl-J are two keys.
  el_set(state.editor, EL_SETTY, "-d", "-icrnl", nullptr);
  el_wset(state.editor, EL_ADDFN, L"puna-paste", L"Put in pasted text", insert_pasted);
  el_wset(state.editor, EL_ADDFN, L"puna-new-line", L"Begin a new line", insert_new_line);
  el_set(state.editor, EL_BIND, kPasteBegin, "puna-paste", nullptr);
  el_set(state.editor, EL_BIND, "^J", "puna-new-line", nullptr);
  el_set(state.editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  for (const char* key : {"\\033[1;5D", "\\033b"}) {
    el_set(state.editor, EL_BIND, key, "ed-prev-word", nullptr);
  }
  for (const char* key : {"\\033[1;5C", "\\033f"}) {
    el_set(state.editor, EL_BIND, key, "em-next-word", nullptr);
  }
  state.history = history_init();
  HistEvent event;
  ::history(state.history, &event, H_SETSIZE, kHistoryEntriesMax);
  ::history(state.history, &event, H_SETUNIQUE, 1);
  el_set(state.editor, EL_HIST, ::history, state.history);
  if (!state.history_file.empty()) {
    ::history(state.history, &event, H_LOAD, state.history_file.c_str());
  }
}

LineEditor::~LineEditor() {
  history_end(state_->history);
  el_end(state_->editor);
}

LineEditor::Read LineEditor::read(const std::string& prompt, const std::string& initial,
                                  std::string& text) {
  State& state = *state_;
  state.prompt = prompt;
  interrupted = 0;
  std::fputs(kPasteOn, state.output);
  std::fflush(state.output);
  if (!initial.empty()) el_push(state.editor, initial.c_str());
  int count = 0;
  const char* line = el_gets(state.editor, &count);
  std::fputs(kPasteOff, state.output);
  std::fflush(state.output);
  if (line == nullptr || count <= 0) {
    std::fputs("\n", state.output);
    return take_interrupt() ? Read::kInterrupted : Read::kEnd;
  }
  text.assign(line, static_cast<size_t>(count));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return Read::kText;
}

void LineEditor::remember(const std::string& text) {
  HistEvent event;
  history(state_->history, &event, H_ENTER, text.c_str());
  if (state_->history_file.empty()) return;
  // Questions are the person's own: nobody else may read them.
  const mode_t before = ::umask(S_IRWXG | S_IRWXO);
  history(state_->history, &event, H_SAVE, state_->history_file.c_str());
  ::umask(before);
}

void catch_interrupt() { handle(SIGINT, on_interrupt); }

bool take_interrupt() {
  const bool was = interrupted != 0;
  interrupted = 0;
  return was;
}

}  // namespace puna
