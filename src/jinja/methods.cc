// Methods of texts and dicts that templates may call: Python's own, from a closed list.

#include <algorithm>
#include <map>

#include "jinja/operators.h"

namespace puna::jinja {
namespace {

using TextMethod = Result<Value> (*)(const MarkedText&, const Arguments&);

Result<const MarkedText*> text_argument(const Value* value, std::string_view method) {
  if (value == nullptr || !value->is_text()) return run_error(".{}() needs a str", method);
  return &value->text();
}

Result<int64_t> count_argument(const Value* value, int64_t missing) {
  if (value == nullptr) return missing;
  if (!value->is_integer()) return run_error("a count must be an int");
  return value->integer();
}

template <Side side>
Result<Value> strip_method(const MarkedText& text, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto bound, bind(arguments, {"chars"}));
  if (bound[0] == nullptr || bound[0]->is_none()) return make_text(strip(text, side));
  ASSIGN_OR_RETURN(const MarkedText* set, text_argument(bound[0], "strip"));
  return make_text(strip(text, side, set->bytes()));
}

template <Case to>
Result<Value> case_method(const MarkedText& text, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}).status());
  return make_text(change_case(text, to));
}

// startswith and endswith take a text or a tuple of them.
template <bool at_start>
Result<Value> affix_method(const MarkedText& text, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto bound, bind(arguments, {"affix"}));
  std::vector<Value> choices;
  if (bound[0] != nullptr && bound[0]->is_sequence()) {
    choices = bound[0]->sequence().items;
  } else if (bound[0] != nullptr) {
    choices.push_back(*bound[0]);
  }
  if (choices.empty() && bound[0] == nullptr) return run_error("an argument is missing");
  bool found = false;
  for (const Value& choice : choices) {
    ASSIGN_OR_RETURN(const MarkedText* affix,
                     text_argument(&choice, at_start ? "startswith" : "endswith"));
    found = found || (at_start ? text.bytes().starts_with(affix->bytes())
                               : text.bytes().ends_with(affix->bytes()));
  }
  return make_bool(found);
}

template <Side from>
Result<Value> split_method(const MarkedText& text, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto bound, bind(arguments, {"sep", "maxsplit"}));
  ASSIGN_OR_RETURN(const int64_t count, count_argument(bound[1], -1));
  if (bound[0] == nullptr || bound[0]->is_none()) {
    if (from == Side::kRight && count >= 0) return run_error(".rsplit(maxsplit) needs a separator");
    return list_of_texts(split_on_space(text, count));
  }
  ASSIGN_OR_RETURN(const MarkedText* separator, text_argument(bound[0], "split"));
  if (separator->empty()) return run_error("an empty separator");
  return list_of_texts(split(text, separator->bytes(), count, from));
}

Result<Value> splitlines_method(const MarkedText& text, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}).status());
  return list_of_texts(split_lines(text));
}

Result<Value> replace_method(const MarkedText& text, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto bound, bind(arguments, {"old", "new", "count"}));
  ASSIGN_OR_RETURN(const MarkedText* from, text_argument(bound[0], "replace"));
  ASSIGN_OR_RETURN(const MarkedText* to, text_argument(bound[1], "replace"));
  ASSIGN_OR_RETURN(const int64_t count, count_argument(bound[2], -1));
  ASSIGN_OR_RETURN(MarkedText result, replace(text, from->bytes(), *to, count));
  return make_text(std::move(result));
}

template <bool first>
Result<Value> find_method(const MarkedText& text, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto bound, bind(arguments, {"sub"}));
  ASSIGN_OR_RETURN(const MarkedText* sub, text_argument(bound[0], "find"));
  const size_t at = first ? text.bytes().find(sub->bytes()) : text.bytes().rfind(sub->bytes());
  if (at == std::string::npos) return make_integer(-1);
  return make_integer(
      static_cast<int64_t>(character_count(std::string_view(text.bytes()).substr(0, at))));
}

Result<Value> count_method(const MarkedText& text, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto bound, bind(arguments, {"sub"}));
  ASSIGN_OR_RETURN(const MarkedText* sub, text_argument(bound[0], "count"));
  if (sub->empty()) {
    return make_integer(static_cast<int64_t>(character_count(text.bytes())) + 1);
  }
  int64_t count = 0;
  for (size_t at = text.bytes().find(sub->bytes()); at != std::string::npos;
       at = text.bytes().find(sub->bytes(), at + sub->size())) {
    ++count;
  }
  return make_integer(count);
}

template <bool at_start>
Result<Value> remove_method(const MarkedText& text, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto bound, bind(arguments, {"affix"}));
  ASSIGN_OR_RETURN(const MarkedText* affix, text_argument(bound[0], "removeprefix"));
  const size_t size = affix->size();
  if (at_start && text.bytes().starts_with(affix->bytes())) {
    return make_text(text.part(size, text.size()));
  }
  if (!at_start && text.bytes().ends_with(affix->bytes())) {
    return make_text(text.part(0, text.size() - size));
  }
  return make_text(text);
}

Result<Value> isdigit_method(const MarkedText& text, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}).status());
  const std::string& bytes = text.bytes();
  return make_bool(!bytes.empty() && std::all_of(bytes.begin(), bytes.end(),
                                                 [](char c) { return c >= '0' && c <= '9'; }));
}

Result<Value> join_method(const MarkedText& text, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto bound, bind(arguments, {"iterable"}));
  if (bound[0] == nullptr) return run_error("an argument is missing");
  ASSIGN_OR_RETURN(const auto items, iterate(*bound[0]));
  MarkedText result;
  for (size_t i = 0; i < items->items.size(); ++i) {
    if (i > 0) result.append(text);
    ASSIGN_OR_RETURN(const MarkedText* item, text_argument(&items->items[i], "join"));
    result.append(*item);
    if (result.size() > kTextBytesMax) {
      return run_error("a text of more than {} bytes", kTextBytesMax);
    }
  }
  return make_text(std::move(result));
}

const std::map<std::string_view, TextMethod>& text_methods() {
  static const std::map<std::string_view, TextMethod> methods = {
      {"strip", strip_method<Side::kBoth>},
      {"lstrip", strip_method<Side::kLeft>},
      {"rstrip", strip_method<Side::kRight>},
      {"upper", case_method<Case::kUpper>},
      {"lower", case_method<Case::kLower>},
      {"capitalize", case_method<Case::kCapitalize>},
      {"title", case_method<Case::kTitle>},
      {"startswith", affix_method<true>},
      {"endswith", affix_method<false>},
      {"split", split_method<Side::kLeft>},
      {"rsplit", split_method<Side::kRight>},
      {"splitlines", splitlines_method},
      {"replace", replace_method},
      {"find", find_method<true>},
      {"rfind", find_method<false>},
      {"count", count_method},
      {"removeprefix", remove_method<true>},
      {"removesuffix", remove_method<false>},
      {"isdigit", isdigit_method},
      {"join", join_method},
  };
  return methods;
}

constexpr std::string_view kDictMethods[] = {"items", "keys", "values", "get"};

Result<Value> call_dict_method(const Dict& dict, std::string_view name,
                               const Arguments& arguments) {
  if (name == "get") {
    ASSIGN_OR_RETURN(const auto bound, bind(arguments, {"key", "default"}));
    if (bound[0] == nullptr) return run_error(".get() needs a key");
    const Value* found = find(dict, *bound[0]);
    if (found != nullptr) return *found;
    return bound[1] == nullptr ? make_none() : *bound[1];
  }
  RETURN_IF_ERROR(bind(arguments, {}).status());
  std::vector<Value> items;
  for (const auto& [key, value] : dict.entries) {
    if (name == "items") {
      items.push_back(make_list({key, value}, SequenceKind::kTuple));
    } else {
      items.push_back(name == "keys" ? key : value);
    }
  }
  return make_list(std::move(items));
}

}  // namespace

bool is_method(const Value& receiver, std::string_view name) {
  if (receiver.is_text()) return text_methods().contains(name);
  return receiver.is_dict() && std::find(std::begin(kDictMethods), std::end(kDictMethods), name) !=
                                   std::end(kDictMethods);
}

Result<Value> call_method(const Value& receiver, std::string_view name,
                          const Arguments& arguments) {
  if (receiver.is_dict()) return call_dict_method(receiver.dict(), name, arguments);
  return text_methods().at(name)(receiver.text(), arguments);
}

}  // namespace puna::jinja
