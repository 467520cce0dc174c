// nlohmann-json behind json.h: the limits are checked by the SAX callbacks while parsing.

#include "base/json.h"

#include <unordered_set>
#include <vector>

#include "base/utf8.h"

namespace puna {
namespace {

// Builds the document through nlohmann's own DOM builder and stops at the first broken limit.
template <typename Document>
class LimitedBuilder : public nlohmann::detail::json_sax_dom_parser<Document> {
  using Parent = nlohmann::detail::json_sax_dom_parser<Document>;

 public:
  LimitedBuilder(Document& document, const JsonLimits& limits)
      : Parent(document, false), limits_(limits) {}

  bool null() { return count() && Parent::null(); }
  bool boolean(bool value) { return count() && Parent::boolean(value); }
  bool number_integer(typename Document::number_integer_t value) {
    return count() && Parent::number_integer(value);
  }
  bool number_unsigned(typename Document::number_unsigned_t value) {
    return count() && Parent::number_unsigned(value);
  }
  bool number_float(typename Document::number_float_t value, const std::string& text) {
    return count() && Parent::number_float(value, text);
  }
  bool string(std::string& value) { return count() && Parent::string(value); }
  bool start_object(size_t size) {
    keys_.emplace_back();
    return enter() && Parent::start_object(size);
  }
  bool end_object() {
    keys_.pop_back();
    --depth_;
    return Parent::end_object();
  }
  bool start_array(size_t size) { return enter() && Parent::start_array(size); }
  bool end_array() {
    --depth_;
    return Parent::end_array();
  }
  bool key(std::string& name) {
    if (!keys_.back().insert(name).second) {
      return fail(fmt::format("duplicate key \"{}\"", escape_for_terminal(name)));
    }
    return Parent::key(name);
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception& cause) {
    return fail(fmt::format("not valid JSON at byte {} ({})", position, reason(cause.what())));
  }
  const std::string& message() const { return message_; }

 private:
  bool enter() {
    if (++depth_ <= limits_.depth_max) return count();
    return fail(fmt::format("nested deeper than {} levels", limits_.depth_max));
  }
  bool count() {
    if (++values_ <= limits_.values_max) return true;
    return fail(fmt::format("more than {} values", limits_.values_max));
  }
  bool fail(std::string message) {
    message_ = std::move(message);
    return false;
  }
  // nlohmann's text without its "[json.exception…] parse error at line…: " front.
  static std::string reason(std::string_view what) {
    const size_t colon = what.find(": ");
    std::string text(colon == std::string_view::npos ? what : what.substr(colon + 2));
    if (text.size() > 200) text.resize(200);
    return escape_for_terminal(text);
  }

  const JsonLimits limits_;
  size_t depth_ = 0;
  size_t values_ = 0;
  std::vector<std::unordered_set<std::string>> keys_;
  std::string message_;
};

template <typename Document>
Result<Document> parse(std::string_view text, const JsonLimits& limits) {
  Document document;
  LimitedBuilder<Document> builder(document, limits);
  if (!Document::sax_parse(text, &builder)) {
    return Status(StatusCode::kInvalidArgument, builder.message());
  }
  return document;
}

template <typename Document>
std::string dump(const Document& document) {
  return document.dump(-1, ' ', false, Document::error_handler_t::replace);
}

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  return parse<Json>(text, limits);
}

Result<OrderedJson> parse_ordered_json(std::string_view text, const JsonLimits& limits) {
  return parse<OrderedJson>(text, limits);
}

std::string dump_json(const Json& document) { return dump(document); }
std::string dump_json(const OrderedJson& document) { return dump(document); }

}  // namespace puna
