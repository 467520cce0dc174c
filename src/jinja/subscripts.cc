// Subscripts, slices and attributes of template values.

#include <algorithm>

#include "jinja/operators.h"

namespace puna::jinja {
namespace {

Value loop_attribute(const LoopState& loop, std::string_view name) {
  const std::vector<Value>& items = loop.items->items;
  const auto integer = [](size_t value) { return make_integer(static_cast<int64_t>(value)); };
  const size_t i = loop.index;
  if (name == "index") return integer(i + 1);
  if (name == "index0") return integer(i);
  if (name == "first") return make_bool(i == 0);
  if (name == "last") return make_bool(i + 1 == items.size());
  if (name == "length") return integer(items.size());
  if (name == "revindex") return integer(items.size() - i);
  if (name == "revindex0") return integer(items.size() - i - 1);
  if (name == "depth") return make_integer(loop.nesting);
  if (name == "depth0") return make_integer(loop.nesting - 1);
  if (name == "previtem" && i > 0) return items[i - 1];
  if (name == "nextitem" && i + 1 < items.size()) return items[i + 1];
  return make_undefined(fmt::format("loop.{}", name));
}

struct SliceBounds {
  int64_t start = 0;
  int64_t stop = 0;
  int64_t step = 1;
};

// The value of a bound; `missing` when the slice leaves it out.
Result<int64_t> bound_of(const Value* bound, int64_t missing) {
  if (bound == nullptr || bound->is_none()) return missing;
  RETURN_IF_ERROR(check_defined(*bound));
  if (!bound->is_integer()) return run_error("slices need integers, not {}", type_name(*bound));
  return bound->integer();
}

// Python's slice.indices(length).
Result<SliceBounds> resolve(const Value* start, const Value* stop, const Value* step,
                            int64_t length) {
  SliceBounds bounds;
  ASSIGN_OR_RETURN(bounds.step, bound_of(step, 1));
  if (bounds.step == 0) return run_error("a slice with step 0");
  // Longer steps than the text reach one item, as INT64_MIN would; this keeps the sums in range.
  bounds.step = std::clamp(bounds.step, -length - 1, length + 1);
  const bool back = bounds.step < 0;
  const int64_t low = back ? -1 : 0;
  const int64_t high = back ? length - 1 : length;
  const auto place = [&](int64_t value) {
    if (value < 0) value = value < -length ? low : value + length;
    return std::clamp(value, low, high);
  };
  ASSIGN_OR_RETURN(const int64_t first, bound_of(start, back ? INT64_MAX : 0));
  bounds.start = place(first);
  const bool stop_missing = stop == nullptr || stop->is_none();
  ASSIGN_OR_RETURN(const int64_t last, bound_of(stop, 0));
  bounds.stop = stop_missing ? (back ? low : high) : place(last);
  return bounds;
}

Result<Value> slice_text(const MarkedText& text, const SliceBounds& bounds,
                         const std::vector<size_t>& offsets) {
  MarkedText result;
  for (int64_t i = bounds.start; bounds.step > 0 ? i < bounds.stop : i > bounds.stop;
       i += bounds.step) {
    const auto index = static_cast<size_t>(i);
    if (bounds.step == 1) {
      result = text.part(offsets[index], offsets[static_cast<size_t>(bounds.stop)]);
      break;
    }
    result.append(text.part(offsets[index], offsets[index + 1]));
  }
  return make_text(std::move(result));
}

}  // namespace

Result<Value> get_item(const Value& value, const Value& key) {
  RETURN_IF_ERROR(check_defined(value));
  if (value.is_dict()) {
    const Value* found = find(value.dict(), key);
    if (found != nullptr) return *found;
  } else if (key.is_integer() && (value.is_text() || value.is_sequence())) {
    const std::vector<size_t> offsets =
        value.is_text() ? character_offsets(value.text().bytes()) : std::vector<size_t>();
    const auto length =
        static_cast<int64_t>(value.is_text() ? offsets.size() - 1 : value.sequence().items.size());
    const int64_t index = key.integer() < 0 ? key.integer() + length : key.integer();
    const bool generator = value.is_sequence() && value.sequence().kind == SequenceKind::kGenerator;
    if (index >= 0 && index < length && !generator) {
      const auto i = static_cast<size_t>(index);
      if (value.is_sequence()) return value.sequence().items[i];
      return make_text(value.text().part(offsets[i], offsets[i + 1]));
    }
  } else if (key.is_text()) {
    return get_attribute(value, key.text().bytes());
  }
  return make_undefined(key.is_text() ? key.text().bytes() : to_repr(key).bytes());
}

Result<Value> get_attribute(const Value& value, std::string_view name) {
  RETURN_IF_ERROR(check_defined(value));
  if (value.is_dict()) {
    const Value* found = find(value.dict(), name);
    if (found != nullptr) return *found;
  }
  if (value.is<std::shared_ptr<const LoopState>>()) {
    return loop_attribute(*std::get<std::shared_ptr<const LoopState>>(value.held), name);
  }
  return make_undefined(name);
}

Result<Value> get_path(const Value& value, std::string_view path) {
  Value here = value;
  while (true) {
    const size_t dot = path.find('.');
    const std::string_view name = path.substr(0, dot);
    ASSIGN_OR_RETURN(here, get_attribute(here, name));
    if (dot == std::string_view::npos) return here;
    path.remove_prefix(dot + 1);
  }
}

Result<Value> slice(const Value& value, const Value* start, const Value* stop, const Value* step) {
  RETURN_IF_ERROR(check_defined(value));
  if (value.is_text()) {
    const std::vector<size_t> offsets = character_offsets(value.text().bytes());
    ASSIGN_OR_RETURN(const SliceBounds bounds,
                     resolve(start, stop, step, static_cast<int64_t>(offsets.size() - 1)));
    return slice_text(value.text(), bounds, offsets);
  }
  if (!value.is_sequence() || value.sequence().kind == SequenceKind::kGenerator) {
    return make_undefined("slice");
  }
  const Sequence& sequence = value.sequence();
  ASSIGN_OR_RETURN(const SliceBounds bounds,
                   resolve(start, stop, step, static_cast<int64_t>(sequence.items.size())));
  std::vector<Value> items;
  for (int64_t i = bounds.start; bounds.step > 0 ? i < bounds.stop : i > bounds.stop;
       i += bounds.step) {
    items.push_back(sequence.items[static_cast<size_t>(i)]);
  }
  return make_list(std::move(items), sequence.kind);
}

Result<std::shared_ptr<const Sequence>> iterate(const Value& value) {
  if (value.is_sequence()) return std::get<std::shared_ptr<const Sequence>>(value.held);
  std::vector<Value> items;
  if (value.is_dict()) {
    for (const auto& entry : value.dict().entries) items.push_back(entry.first);
  } else if (value.is_text()) {
    ASSIGN_OR_RETURN(const Value list, list_of_texts(characters(value.text())));
    return std::get<std::shared_ptr<const Sequence>>(list.held);
  } else if (!value.is_undefined()) {
    return run_error("{} is not a list", type_name(value));
  }
  const Value list = make_list(std::move(items));
  return std::get<std::shared_ptr<const Sequence>>(list.held);
}

Result<Value> list_of_texts(std::vector<MarkedText> texts) {
  if (texts.size() > kItemsFromTextMax) {
    return run_error("a list of more than {} texts", kItemsFromTextMax);
  }
  std::vector<Value> items;
  items.reserve(texts.size());
  for (MarkedText& text : texts) items.push_back(make_text(std::move(text)));
  return make_list(std::move(items));
}

}  // namespace puna::jinja
