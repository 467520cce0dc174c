// Cuts are views into the text; only steps that change letters write new ones.

#include "tokenizer/pre_tokenizer.h"

#include <algorithm>

#include "tokenizer/bpe_vocabulary.h"

namespace puna {
namespace {

using Kind = PreTokenizerStep::Kind;

struct Cut {
  size_t begin = 0;
  size_t end = 0;
  bool matched = false;
};

// Matches and what lies between them, in order.
std::vector<Cut> all_cuts(std::string_view text, const std::vector<PatternMatch>& matches,
                          bool invert) {
  std::vector<Cut> cuts;
  size_t done = 0;
  for (const PatternMatch& match : matches) {
    if (match.begin > done) cuts.push_back({done, match.begin, invert});
    cuts.push_back({match.begin, match.end, !invert});
    done = match.end;
  }
  if (done < text.size()) cuts.push_back({done, text.size(), invert});
  return cuts;
}

// What is matched joins the piece before it, unless that is matched too.
std::vector<Cut> merged_with_previous(const std::vector<Cut>& cuts) {
  std::vector<Cut> merged;
  bool previous_matched = false;
  for (const Cut& cut : cuts) {
    if (cut.matched && !previous_matched && !merged.empty()) {
      merged.back().end = cut.end;
    } else {
      merged.push_back(cut);
    }
    previous_matched = cut.matched;
  }
  return merged;
}

std::vector<Cut> merged_with_next(const std::vector<Cut>& cuts) {
  std::vector<Cut> merged;
  bool next_matched = false;
  for (auto cut = cuts.rbegin(); cut != cuts.rend(); ++cut) {
    if (cut->matched && !next_matched && !merged.empty()) {
      merged.back().begin = cut->begin;
    } else {
      merged.push_back(*cut);
    }
    next_matched = cut->matched;
  }
  std::reverse(merged.begin(), merged.end());
  return merged;
}

std::vector<Cut> contiguous(const std::vector<Cut>& cuts) {
  std::vector<Cut> joined;
  for (const Cut& cut : cuts) {
    if (!joined.empty() && joined.back().matched == cut.matched) {
      joined.back().end = cut.end;
    } else {
      joined.push_back(cut);
    }
  }
  return joined;
}

std::vector<Cut> behave(std::vector<Cut> cuts, SplitBehaviour behaviour) {
  switch (behaviour) {
    case SplitBehaviour::kIsolated:
      return cuts;
    case SplitBehaviour::kRemoved:
      std::erase_if(cuts, [](const Cut& cut) { return cut.matched; });
      return cuts;
    case SplitBehaviour::kMergedWithPrevious:
      return merged_with_previous(cuts);
    case SplitBehaviour::kMergedWithNext:
      return merged_with_next(cuts);
    case SplitBehaviour::kContiguous:
      return contiguous(cuts);
  }
  return cuts;
}

std::string with_spaces_as(std::string_view text, std::string_view replacement) {
  std::string written;
  written.reserve(text.size() + text.size() / 4);
  for (size_t begin = 0; begin < text.size();) {
    const size_t space = std::min(text.find(' ', begin), text.size());
    written += text.substr(begin, space - begin);
    if (space < text.size()) written += replacement;
    begin = space + 1;
  }
  return written;
}

}  // namespace

Result<PreTokenizer> PreTokenizer::compile(std::vector<PreTokenizerStep> steps) {
  PreTokenizer made;
  made.gives_bytes_ = !steps.empty() && steps.back().kind == Kind::kByteLevel;
  if (made.gives_bytes_) steps.pop_back();
  made.steps_ = std::move(steps);
  for (const PreTokenizerStep& step : made.steps_) {
    made.patterns_.emplace_back();
    if (step.kind != Kind::kSplit) continue;
    ASSIGN_OR_RETURN(made.patterns_.back(), TextPattern::compile(step.pattern));
  }
  return made;
}

Status PreTokenizer::split(std::string_view text, bool at_start, Words& words) const {
  std::vector<Piece> pieces;
  if (!text.empty()) pieces.push_back({text, at_start});
  for (size_t i = 0; i < steps_.size(); ++i) RETURN_IF_ERROR(apply(i, pieces, words));
  words.words.reserve(words.words.size() + pieces.size());
  for (const Piece& piece : pieces) words.words.push_back(piece.text);
  return {};
}

Status PreTokenizer::apply(size_t index, std::vector<Piece>& pieces, Words& words) const {
  const PreTokenizerStep& step = steps_[index];
  if (step.kind == Kind::kSplit) {
    std::vector<Piece> smaller;
    for (const Piece& piece : pieces) RETURN_IF_ERROR(cut(index, piece, smaller));
    pieces = std::move(smaller);
    return {};
  }
  for (Piece& piece : pieces) {
    std::string written;
    if (step.kind == Kind::kByteLevel) {
      written = byte_level_spelling(piece.text);
    } else if (step.kind == Kind::kSpace) {
      if (piece.text.starts_with(' ')) continue;
      written = " " + std::string(piece.text);
    } else {
      written = with_spaces_as(piece.text, step.replacement);
      const bool wanted = step.prepend == PrependScheme::kAlways ||
                          (step.prepend == PrependScheme::kFirst && piece.at_start);
      if (wanted && !written.starts_with(step.replacement)) written.insert(0, step.replacement);
    }
    piece.text = words.written.emplace_back(std::move(written));
  }
  return {};
}

Status PreTokenizer::cut(size_t index, const Piece& piece, std::vector<Piece>& pieces) const {
  std::vector<PatternMatch> matches;
  RETURN_IF_ERROR(patterns_[index]->find_all(piece.text, matches));
  const PreTokenizerStep& step = steps_[index];
  for (const Cut& one : behave(all_cuts(piece.text, matches, step.invert), step.behaviour)) {
    if (one.end == one.begin) continue;
    pieces.push_back(
        {piece.text.substr(one.begin, one.end - one.begin), piece.at_start && one.begin == 0});
  }
  return {};
}

}  // namespace puna
