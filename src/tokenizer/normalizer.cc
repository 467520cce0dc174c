// Each step writes a new text from the old one, and its marks with it.

#include "tokenizer/normalizer.h"

#include <algorithm>

#include "base/utf8.h"

namespace puna {
namespace {

using Kind = NormalizerStep::Kind;

constexpr const char* kAccents = R"(\p{M})";

// What stands for bytes [begin, end) is the template's where all of them were.
char mark_of(const NormalText& text, size_t begin, size_t end) {
  return text.marks.find(kFromPerson, begin) < end ? kFromPerson : kFromTemplate;
}

NormalText replaced(const NormalText& from, const std::vector<PatternMatch>& matches,
                    std::string_view by) {
  NormalText to;
  size_t done = 0;
  const auto copy_until = [&](size_t end) {
    to.text.append(from.text, done, end - done);
    if (!from.marks.empty()) to.marks.append(from.marks, done, end - done);
  };
  for (const PatternMatch& match : matches) {
    copy_until(match.begin);
    to.text += by;
    if (!from.marks.empty()) to.marks.append(by.size(), mark_of(from, match.begin, match.end));
    done = match.end;
  }
  copy_until(from.text.size());
  return to;
}

std::vector<PatternMatch> find_literal(std::string_view text, std::string_view literal) {
  std::vector<PatternMatch> matches;
  for (size_t at = text.find(literal); at != text.npos; at = text.find(literal, at)) {
    matches.push_back({at, at + literal.size()});
    at += literal.size();
  }
  return matches;
}

void keep(NormalText& text, size_t begin, size_t end) {
  text.text = text.text.substr(begin, end - begin);
  if (!text.marks.empty()) text.marks = text.marks.substr(begin, end - begin);
}

void strip(NormalText& text, bool left, bool right) {
  size_t begin = 0;
  size_t end = text.text.size();
  const std::string_view all = text.text;
  while (left && begin < end) {
    const Utf8Step step = decode_utf8(all.substr(begin));
    if (!is_white_space(step.code_point)) break;
    begin += step.length;
  }
  while (right && end > begin) {
    size_t at = end - 1;
    while (at > begin && (static_cast<unsigned char>(all[at]) & 0xC0) == 0x80) --at;
    if (!is_white_space(decode_utf8(all.substr(at)).code_point)) break;
    end = at;
  }
  keep(text, begin, end);
}

void lower(NormalText& text) {
  if (text.marks.empty()) {
    text.text = to_lower_case(text.text);
    return;
  }
  NormalText lowered;
  for (size_t begin = 0; begin < text.text.size();) {
    const char mark = text.marks[begin];
    const size_t end = std::min(text.marks.find_first_not_of(mark, begin), text.text.size());
    lowered.text += to_lower_case(std::string_view(text.text).substr(begin, end - begin));
    lowered.marks.resize(lowered.text.size(), mark);
    begin = end;
  }
  text = std::move(lowered);
}

}  // namespace

Result<Normalizer> Normalizer::compile(std::vector<NormalizerStep> steps) {
  Normalizer made;
  made.steps_ = std::move(steps);
  for (const NormalizerStep& step : made.steps_) {
    made.patterns_.emplace_back();
    if (!step.pattern && step.kind != Kind::kStripAccents) continue;
    ASSIGN_OR_RETURN(made.patterns_.back(), TextPattern::compile(step.pattern.value_or(kAccents)));
  }
  return made;
}

Status Normalizer::apply(NormalText& text) const {
  for (size_t i = 0; i < steps_.size(); ++i) RETURN_IF_ERROR(apply(i, text));
  return {};
}

Status Normalizer::apply(size_t index, NormalText& text) const {
  const NormalizerStep& step = steps_[index];
  switch (step.kind) {
    case Kind::kPrepend:
      if (text.text.empty()) return {};
      if (!text.marks.empty()) text.marks.insert(0, step.text.size(), kFromTemplate);
      text.text.insert(0, step.text);
      return {};
    case Kind::kReplace:
    case Kind::kStripAccents: {
      std::vector<PatternMatch> matches;
      if (patterns_[index]) {
        RETURN_IF_ERROR(patterns_[index]->find_all(text.text, matches));
      } else if (!step.literal.empty()) {
        matches = find_literal(text.text, step.literal);
      }
      if (!matches.empty()) text = replaced(text, matches, step.text);
      return {};
    }
    case Kind::kLowercase:
      lower(text);
      return {};
    case Kind::kStrip:
      strip(text, step.left, step.right);
      return {};
  }
  return {};
}

}  // namespace puna
