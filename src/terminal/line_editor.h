// LineEditor: reads a person's input at a terminal: cursor keys, history, pasted text as one piece.
//
// Keys are those of emacs and bash. Ctrl-J begins a new line; text that is pasted, of any number of
// lines, is put in and not sent. One object at a time; the only place of libedit.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace puna {

class LineEditor {
 public:
  enum class Read { kText, kInterrupted, kEnd };

  // Both are terminals. `history` is read now and written after each remember(); empty: none is
  // kept. A file that cannot be read or written is no error.
  LineEditor(std::FILE* input, std::FILE* output, std::filesystem::path history);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // `text` without its end; `initial` stands there to be changed. kInterrupted: Ctrl-C. kEnd:
  // Ctrl-D on an empty line, or the terminal has gone.
  Read read(const std::string& prompt, const std::string& initial, std::string& text);
  void remember(const std::string& text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Ctrl-C sets a flag instead of ending the program, from now on.
void catch_interrupt();
// Whether Ctrl-C was pressed since the last call.
bool take_interrupt();

}  // namespace puna
