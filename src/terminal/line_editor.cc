// libedit does the editing; reading keys is ours, so that signals are acted on between keys.

#include "terminal/line_editor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <histedit.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cwchar>
#include <optional>
#include <string_view>
#include <utility>

namespace puna {
namespace {

constexpr int kHistoryEntriesMax = 1000;
constexpr std::uintmax_t kHistoryBytesMax = 1 << 20;  // beyond, old entries go at the next start
constexpr std::string_view kPasteOn = "\x1b[?2004h";
constexpr std::string_view kPasteOff = "\x1b[?2004l";
constexpr const char* kPasteBegin = "\\033[200~";
// No key of a person's: it stands for the text that is given to be changed.
constexpr const char* kGiven = "\x1b[puna~";
constexpr const char* kGivenBinding = "\\033[puna~";
constexpr std::wstring_view kPasteEnd = L"\x1b[201~";
constexpr wchar_t kEscape = L'\x1b';
// Around what takes no column of the prompt.
constexpr char kInvisible = '\1';

volatile std::sig_atomic_t interrupted = 0;
volatile std::sig_atomic_t resized = 0;
// Of those whose effect waits until the terminal is as it was: SIGTSTP, SIGTERM, SIGHUP, SIGQUIT.
volatile std::sig_atomic_t pending = 0;

// A byte in this pipe for each signal ends the wait for a key, on whatever thread it came.
std::array<int, 2> wake = {-1, -1};

void wake_reader() {
  const int before = errno;
  [[maybe_unused]] const ssize_t written = ::write(wake[1], "", 1);
  errno = before;
}

void on_interrupt(int) {
  interrupted = 1;
  wake_reader();
}
void on_resize(int) {
  resized = 1;
  wake_reader();
}
void on_pending(int signal) {
  pending = signal;
  wake_reader();
}

struct sigaction handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  struct sigaction before = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, &before);
  return before;
}

// While keys are read, these signals find the terminal as the shell left it, not as the editor
// needs it.
class TerminalSignals {
 public:
  TerminalSignals() {
    for (size_t i = 0; i < kSignals.size(); ++i) before_[i] = handle(kSignals[i], on_pending);
  }
  ~TerminalSignals() {
    for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
  }
  TerminalSignals(const TerminalSignals&) = delete;
  TerminalSignals& operator=(const TerminalSignals&) = delete;

 private:
  static constexpr std::array kSignals = {SIGTSTP, SIGTERM, SIGHUP, SIGQUIT};
  std::array<struct sigaction, kSignals.size()> before_ = {};
};

// What libedit asks for while a line is read.
struct Line {
  std::string prompt, given;
  int input = -1;
};

Line& line_of(EditLine* editor) {
  Line* line = nullptr;
  el_get(editor, EL_CLIENTDATA, &line);
  return *line;
}

char* prompt_of(EditLine* editor) { return line_of(editor).prompt.data(); }

// What is not the editor's to draw.
void write(EditLine* editor, std::string_view sequence) {
  std::FILE* output = nullptr;
  el_get(editor, EL_GETFP, 1, &output);
  std::fwrite(sequence.data(), 1, sequence.size(), output);
  std::fflush(output);
}

// Ends or stops the process as the signal would have; returns when it goes on.
void act_on(EditLine* editor, int signal) {
  write(editor, kPasteOff);
  el_set(editor, EL_PREP_TERM, 0);
  const struct sigaction before = handle(signal, SIG_DFL);
  ::raise(signal);
  sigaction(signal, &before, nullptr);
  el_set(editor, EL_PREP_TERM, 1);
  write(editor, kPasteOn);
  el_set(editor, EL_REFRESH);
}

// libedit turns bytes into characters as the locale says.
void choose_utf8() {
  if (std::setlocale(LC_CTYPE, "") != nullptr && MB_CUR_MAX > 1) return;
  std::setlocale(LC_CTYPE, "C.UTF-8");
}

int prompt_columns(EditLine* editor) {
  int columns = 0;
  bool is_shown = true;
  for (const char letter : line_of(editor).prompt) {
    if (letter == kInvisible) is_shown = !is_shown;
    if (letter != kInvisible && is_shown) ++columns;
  }
  return columns;
}

// Rows of the screen between the prompt's and that of the end of `text`.
int rows_before(int column, std::wstring_view text, int columns) {
  int rows = 0;
  for (const wchar_t letter : text) {
    const int width = std::max(::wcwidth(letter), 0);
    if (letter == L'\n' || column + width > columns) {
      ++rows;
      column = 0;
    }
    column += width;
  }
  return rows + (column == columns ? 1 : 0);
}

// The editor draws from where the cursor is: that has to be where the prompt begins. Terminals of
// today have wrapped what they show at the new width.
void draw_anew(EditLine* editor) {
  winsize size = {};
  ::ioctl(line_of(editor).input, TIOCGWINSZ, &size);
  const LineInfoW* line = el_wline(editor);
  const auto before_cursor = static_cast<size_t>(line->cursor - line->buffer);
  const int above = rows_before(prompt_columns(editor), {line->buffer, before_cursor}, size.ws_col);
  write(editor, fmt::format("{}\r\x1b[J", above == 0 ? "" : fmt::format("\x1b[{}A", above)));
  el_resize(editor);
  el_set(editor, EL_REFRESH);
}

bool is_ready(int descriptor) {
  pollfd input = {.fd = descriptor, .events = POLLIN, .revents = 0};
  return ::poll(&input, 1, 0) > 0;
}

// For a byte of the input, or a signal.
void wait_for_input(int descriptor) {
  std::array<pollfd, 2> inputs = {pollfd{.fd = descriptor, .events = POLLIN, .revents = 0},
                                  pollfd{.fd = wake[0], .events = POLLIN, .revents = 0}};
  ::poll(inputs.data(), inputs.size(), -1);
  std::array<char, 64> signals;
  while (::read(wake[0], signals.data(), signals.size()) > 0) {
  }
}

// One byte from the terminal; -1 after Ctrl-C, 0 when the terminal has gone. `at_once`: it came
// together with the byte before.
int read_byte(EditLine* editor, int descriptor, char& byte, bool& at_once) {
  at_once = is_ready(descriptor);
  for (;;) {
    if (interrupted != 0) return -1;
    if (pending != 0) act_on(editor, std::exchange(pending, 0));
    if (std::exchange(resized, 0) != 0) draw_anew(editor);
    wait_for_input(descriptor);
    const ssize_t count = ::read(descriptor, &byte, 1);
    if (count >= 0) return static_cast<int>(count);
    if (errno != EINTR && errno != EAGAIN) return 0;  // EAGAIN: a signal, or Ctrl-C took it away
  }
}

// Of what read_character() gave last: whether it came together with the one before, and a byte that
// turned out not to go on with it.
bool last_came_at_once = false;
std::optional<char> read_too_far;

// What el_gets() asks for keys: one character; U+FFFD for bytes that are none.
int read_character(EditLine* editor, wchar_t* character) {
  const int descriptor = line_of(editor).input;
  std::mbstate_t state = {};
  for (bool is_first = true;; is_first = false) {
    char byte = 0;
    if (read_too_far) {
      byte = *std::exchange(read_too_far, {});
    } else {
      const int count = read_byte(editor, descriptor, byte, last_came_at_once);
      if (count <= 0) return count;
    }
    const size_t used = std::mbrtowc(character, &byte, 1, &state);
    if (used == static_cast<size_t>(-2)) continue;
    if (used != static_cast<size_t>(-1)) return 1;
    if (!is_first) read_too_far = byte;
    *character = L'\xfffd';
    return 1;
  }
}

// Ctrl-J. A line feed that came behind other text, and nothing behind it, was no key: it was typed
// before the terminal was the editor's, when Enter is one, or a program wrote it. It ends the line.
unsigned char insert_new_line(EditLine* editor, wint_t) {
  const LineInfo* line = el_line(editor);
  const bool is_end = last_came_at_once || line->lastchar == line->buffer;
  if (is_end && !is_ready(line_of(editor).input)) {
    el_wpush(editor, L"\r");
    return CC_NORM;
  }
  return el_winsertstr(editor, L"\n") == 0 ? CC_REFRESH : CC_ERROR;
}

unsigned char insert_given(EditLine* editor, wint_t) {
  return el_insertstr(editor, line_of(editor).given.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
}

unsigned char insert_pasted(EditLine* editor, wint_t) {
  std::wstring text;
  while (!text.ends_with(kPasteEnd)) {
    wchar_t next = 0;
    if (el_wgetc(editor, &next) != 1) return CC_EOF;
    if (next == L'\r') next = L'\n';
    const bool is_control = next < L' ' && next != L'\n' && next != L'\t' && next != kEscape;
    if (!is_control) text += next;
  }
  text.resize(text.size() - kPasteEnd.size());
  std::erase(text, kEscape);
  while (text.ends_with(L'\n')) text.pop_back();
  if (text.empty()) return CC_NORM;
  return el_winsertstr(editor, text.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
}

}  // namespace

struct LineEditor::State {
  EditLine* editor = nullptr;
  History* history = nullptr;
  std::filesystem::path history_file;
  Line line;
};

LineEditor::LineEditor(std::FILE* input, std::FILE* output, std::filesystem::path history)
    : state_(std::make_unique<State>()) {
  choose_utf8();
  handle(SIGWINCH, on_resize);
  State& state = *state_;
  state.history_file = std::move(history);
  if (wake[0] < 0 && ::pipe2(wake.data(), O_NONBLOCK | O_CLOEXEC) != 0) wake = {-1, -1};
  // Opened again, so that what others write to the terminal waits as it did.
  const char* terminal = ::ttyname(::fileno(input));
  state.line.input =
      terminal == nullptr ? -1 : ::open(terminal, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (state.line.input < 0) state.line.input = ::dup(::fileno(input));
  state.editor = el_init("puna", input, output, stderr);
  el_set(state.editor, EL_CLIENTDATA, &state.line);
  el_set(state.editor, EL_PROMPT_ESC, prompt_of, kInvisible);
  el_set(state.editor, EL_EDITOR, "emacs");
  el_wset(state.editor, EL_GETCFN, read_character);
  // Enter and Ctrl-J are two keys.
  el_set(state.editor, EL_SETTY, "-d", "-icrnl", "-inlcr", nullptr);
  el_wset(state.editor, EL_ADDFN, L"puna-paste", L"Put in pasted text", insert_pasted);
  el_wset(state.editor, EL_ADDFN, L"puna-new-line", L"Begin a new line", insert_new_line);
  el_wset(state.editor, EL_ADDFN, L"puna-given", L"Put in the text to change", insert_given);
  el_set(state.editor, EL_BIND, kPasteBegin, "puna-paste", nullptr);
  el_set(state.editor, EL_BIND, kGivenBinding, "puna-given", nullptr);
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
  if (state.history_file.empty()) return;
  ::history(state.history, &event, H_LOAD, state.history_file.c_str());
  std::error_code failure;
  const auto size = std::filesystem::file_size(state.history_file, failure);
  if (!failure && size > kHistoryBytesMax) {
    ::history(state.history, &event, H_SAVE, state.history_file.c_str());
  }
}

LineEditor::~LineEditor() {
  ::close(state_->line.input);
  history_end(state_->history);
  el_end(state_->editor);
}

LineEditor::Read LineEditor::read(const std::string& prompt, const std::string& initial,
                                  std::string& text) {
  State& state = *state_;
  const TerminalSignals signals;
  state.line.prompt = prompt;
  interrupted = 0;
  if (std::exchange(resized, 0) != 0) el_resize(state.editor);
  write(state.editor, kPasteOn);
  state.line.given = initial;
  if (!initial.empty()) el_push(state.editor, kGiven);
  int count = 0;
  const char* line = el_gets(state.editor, &count);
  write(state.editor, kPasteOff);
  if (line == nullptr || count <= 0) {
    write(state.editor, "\n");
    return take_interrupt() ? Read::kInterrupted : Read::kEnd;
  }
  text.assign(line, static_cast<size_t>(count));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return Read::kText;
}

void LineEditor::remember(const std::string& text) {
  HistEvent event;
  const bool is_new = history(state_->history, &event, H_ENTER, text.c_str()) > 0;
  if (!is_new || state_->history_file.empty()) return;
  // Appended: another chat may write there, too. Questions are the person's own: nobody else may
  // read them.
  const mode_t before = ::umask(S_IRWXG | S_IRWXO);
  std::FILE* file = std::fopen(state_->history_file.c_str(), "a");
  ::umask(before);
  if (file == nullptr) return;
  std::fseek(file, 0, SEEK_END);  // libedit begins an empty file with a line of its own
  history(state_->history, &event, H_NSAVE_FP, size_t{0}, file);  // one more than the number
  std::fclose(file);
}

void catch_interrupt() { handle(SIGINT, on_interrupt); }

bool take_interrupt() {
  const bool was = interrupted != 0;
  interrupted = 0;
  return was;
}

}  // namespace puna
