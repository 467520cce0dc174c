// "x|NAME": the filters that published chat templates use.

#include "jinja/filters.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/parse_number.h"

namespace puna::jinja {
namespace {

using Filter = Result<Value> (*)(const Value&, const Arguments&);

Result<MarkedText> text_of(const Value& value) {
  return to_text(value);  // undefined is the empty text, as when it is printed
}

Result<Value> trim_filter(const Value& value, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto bound, bind(arguments, {"chars"}));
  ASSIGN_OR_RETURN(const MarkedText text, text_of(value));
  if (bound[0] == nullptr || bound[0]->is_none()) return make_text(strip(text, Side::kBoth));
  if (!bound[0]->is_text()) return run_error("trim(chars) needs a text");
  return make_text(strip(text, Side::kBoth, bound[0]->text().bytes()));
}

template <Case to>
Result<Value> case_filter(const Value& value, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}).status());
  ASSIGN_OR_RETURN(const MarkedText text, text_of(value));
  return make_text(change_case(text, to));
}

Result<Value> default_filter(const Value& value, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto bound, bind(arguments, {"default_value", "boolean"}));
  const bool wants_true = bound[1] != nullptr && is_true(*bound[1]);
  if (!value.is_undefined() && !(wants_true && !is_true(value))) return value;
  return bound[0] == nullptr ? make_text(std::string_view()) : *bound[0];
}

Result<Value> length_filter(const Value& value, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}).status());
  if (value.is_text()) {
    return make_integer(static_cast<int64_t>(character_count(value.text().bytes())));
  }
  ASSIGN_OR_RETURN(const auto items, iterate(value));
  return make_integer(static_cast<int64_t>(items->items.size()));
}

template <bool first>
Result<Value> end_filter(const Value& value, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}).status());
  ASSIGN_OR_RETURN(const auto items, iterate(value));
  if (items->items.empty()) return make_undefined(first ? "first" : "last");
  return first ? items->items.front() : items->items.back();
}

Result<Value> join_filter(const Value& value, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto bound, bind(arguments, {"d", "attribute"}));
  ASSIGN_OR_RETURN(const auto items, iterate(value));
  const MarkedText separator = bound[0] == nullptr ? MarkedText() : to_text(*bound[0]);
  MarkedText joined;
  for (size_t i = 0; i < items->items.size(); ++i) {
    if (i > 0) joined.append(separator);
    Value item = items->items[i];
    if (bound[1] != nullptr) {
      ASSIGN_OR_RETURN(item, get_path(item, to_text(*bound[1]).bytes()));
    }
    joined.append(to_text(item));
    if (joined.size() > kTextBytesMax)
      return run_error("a text of more than {} bytes", kTextBytesMax);
  }
  return make_text(std::move(joined));
}

Result<Value> replace_filter(const Value& value, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto bound, bind(arguments, {"old", "new", "count"}));
  if (bound[0] == nullptr || bound[1] == nullptr) return run_error("replace needs two texts");
  const bool limited = bound[2] != nullptr && bound[2]->is_integer();
  ASSIGN_OR_RETURN(const MarkedText text, text_of(value));
  ASSIGN_OR_RETURN(MarkedText replaced,
                   replace(text, to_text(*bound[0]).bytes(), to_text(*bound[1]),
                           limited ? bound[2]->integer() : -1));
  return make_text(std::move(replaced));
}

Result<Value> tojson_filter(const Value& value, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto bound,
                   bind(arguments, {"indent", "ensure_ascii", "separators", "sort_keys"}));
  JsonStyle style;
  if (bound[0] != nullptr && bound[0]->is_integer()) {
    style.indent = static_cast<int>(std::clamp<int64_t>(bound[0]->integer(), 0, 16));
    style.item_separator = ",";
  }
  style.ensure_ascii = bound[1] != nullptr && is_true(*bound[1]);
  if (bound[2] != nullptr && bound[2]->is_sequence() && bound[2]->sequence().items.size() == 2) {
    style.item_separator = to_text(bound[2]->sequence().items[0]).bytes();
    style.key_separator = to_text(bound[2]->sequence().items[1]).bytes();
  }
  style.sort_keys = bound[3] != nullptr && is_true(*bound[3]);
  ASSIGN_OR_RETURN(MarkedText json, to_json(value, style));
  return make_text(std::move(json));
}

Result<Value> string_filter(const Value& value, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}).status());
  return make_text(to_text(value));
}

Result<Value> int_filter(const Value& value, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto bound, bind(arguments, {"default"}));
  if (value.is_integer()) return make_integer(value.integer());
  if (value.is_float() && std::abs(value.number()) < 9e18) {
    return make_integer(static_cast<int64_t>(value.number()));
  }
  if (value.is_text()) {
    const std::string text = strip(value.text(), Side::kBoth).bytes();
    if (const auto number = parse_number<int64_t>(text)) return make_integer(*number);
  }
  return bound[0] == nullptr ? make_integer(0) : *bound[0];
}

Result<Value> abs_filter(const Value& value, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}).status());
  if (value.is_float()) return make_float(std::abs(value.number()));
  if (!value.is_integer() || value.integer() == INT64_MIN) return run_error("abs needs a number");
  return make_integer(std::abs(value.integer()));
}

Result<Value> list_filter(const Value& value, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}).status());
  ASSIGN_OR_RETURN(const auto items, iterate(value));
  return make_list(items->items);
}

Result<Value> reverse_filter(const Value& value, const Arguments& arguments) {
  RETURN_IF_ERROR(bind(arguments, {}).status());
  ASSIGN_OR_RETURN(const auto items, iterate(value));
  std::vector<Value> reversed(items->items.rbegin(), items->items.rend());
  if (!value.is_text()) return make_list(std::move(reversed), SequenceKind::kGenerator);
  MarkedText text;
  for (const Value& character : reversed) text.append(character.text());
  return make_text(std::move(text));
}

Result<Value> items_filter(const Value& value, const Arguments& arguments) {
  if (value.is_undefined()) return make_list({});
  if (!value.is_dict()) return run_error("items needs a dict, not {}", type_name(value));
  return call_method(value, "items", arguments);
}

Result<Value> indent_filter(const Value& value, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto bound, bind(arguments, {"width", "first", "blank"}));
  MarkedText margin(std::string(4, ' '));
  if (bound[0] != nullptr && bound[0]->is_integer()) {
    margin = MarkedText(
        std::string(static_cast<size_t>(std::clamp<int64_t>(bound[0]->integer(), 0, 256)), ' '));
  } else if (bound[0] != nullptr) {
    margin = to_text(*bound[0]);
  }
  ASSIGN_OR_RETURN(const MarkedText text, text_of(value));
  const std::vector<MarkedText> lines = split(text, "\n", -1, Side::kLeft);
  MarkedText indented;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) indented.append("\n", kFromTemplate);
    const bool wanted = i == 0 ? bound[1] != nullptr && is_true(*bound[1])
                               : !lines[i].empty() || (bound[2] != nullptr && is_true(*bound[2]));
    if (wanted) indented.append(margin);
    indented.append(lines[i]);
    if (indented.size() > kTextBytesMax)
      return run_error("a text of more than {} bytes", kTextBytesMax);
  }
  return make_text(std::move(indented));
}

// map(attribute="name") or map("filter", …).
Result<Value> map_filter(const Value& value, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto items, iterate(value));
  std::vector<Value> mapped;
  const bool by_attribute = !arguments.named.empty() && arguments.named[0].first == "attribute";
  if (!by_attribute && (arguments.positional.empty() || !arguments.positional[0].is_text())) {
    return run_error("map needs attribute= or the name of a filter");
  }
  Arguments rest = arguments;
  std::string filter;
  if (!by_attribute) {
    filter = arguments.positional[0].text().bytes();
    if (!is_filter(filter) || filter == "map") return run_error("no filter named '{}'", filter);
    rest.positional.erase(rest.positional.begin());
  }
  for (const Value& item : items->items) {
    if (by_attribute) {
      ASSIGN_OR_RETURN(Value one, get_path(item, to_text(arguments.named[0].second).bytes()));
      mapped.push_back(std::move(one));
    } else {
      ASSIGN_OR_RETURN(Value one, apply_filter(filter, item, rest));
      mapped.push_back(std::move(one));
    }
  }
  return make_list(std::move(mapped), SequenceKind::kGenerator);
}

// select("test", …), selectattr("name", "test", …) and their opposites.
template <bool keep, bool by_attribute>
Result<Value> select_filter(const Value& value, const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto items, iterate(value));
  Arguments rest = arguments;
  const auto take = [&rest]() {
    Value first = rest.positional.empty() ? make_none() : rest.positional.front();
    if (!rest.positional.empty()) rest.positional.erase(rest.positional.begin());
    return first;
  };
  const Value path = by_attribute ? take() : make_none();
  if (by_attribute && !path.is_text()) return run_error("the name of an attribute is missing");
  const Value test = take();
  if (!test.is_none() && !(test.is_text() && is_test(test.text().bytes()))) {
    return run_error("no test named '{}'", to_text(test).bytes());
  }
  std::vector<Value> selected;
  for (const Value& item : items->items) {
    Value subject = item;
    if (by_attribute) {
      ASSIGN_OR_RETURN(subject, get_path(item, path.text().bytes()));
    }
    bool holds_true = is_true(subject);
    if (!test.is_none()) {
      ASSIGN_OR_RETURN(holds_true, apply_test(test.text().bytes(), subject, rest));
    }
    if (holds_true == keep) selected.push_back(item);
  }
  return make_list(std::move(selected), SequenceKind::kGenerator);
}

const std::map<std::string_view, Filter>& filters() {
  static const std::map<std::string_view, Filter> known = {
      {"trim", trim_filter},
      {"upper", case_filter<Case::kUpper>},
      {"lower", case_filter<Case::kLower>},
      {"capitalize", case_filter<Case::kCapitalize>},
      {"title", case_filter<Case::kTitle>},
      {"default", default_filter},
      {"d", default_filter},
      {"length", length_filter},
      {"count", length_filter},
      {"first", end_filter<true>},
      {"last", end_filter<false>},
      {"join", join_filter},
      {"replace", replace_filter},
      {"tojson", tojson_filter},
      {"string", string_filter},
      {"safe", string_filter},
      {"int", int_filter},
      {"abs", abs_filter},
      {"list", list_filter},
      {"reverse", reverse_filter},
      {"items", items_filter},
      {"indent", indent_filter},
      {"map", map_filter},
      {"select", select_filter<true, false>},
      {"reject", select_filter<false, false>},
      {"selectattr", select_filter<true, true>},
      {"rejectattr", select_filter<false, true>},
  };
  return known;
}

}  // namespace

bool is_filter(std::string_view name) { return filters().contains(name); }

Result<Value> apply_filter(std::string_view name, const Value& value, const Arguments& arguments) {
  return filters().at(name)(value, arguments);
}

}  // namespace puna::jinja
