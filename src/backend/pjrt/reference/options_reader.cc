// A reader of the protocol buffer wire format that knows the few fields by their numbers.

#include "backend/pjrt/reference/options_reader.h"

namespace puna::pjrt {
namespace {

struct Field {
  uint64_t number = 0;
  uint64_t value = 0;      // of a varint
  std::string_view bytes;  // of what has a length
};

class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : rest_(bytes) {}

  bool at_end() const { return rest_.empty(); }

  Result<Field> next() {
    Field field;
    ASSIGN_OR_RETURN(const uint64_t tag, varint());
    field.number = tag >> 3;
    ASSIGN_OR_RETURN(field.value, varint());
    if ((tag & 7) == 0) return field;
    if ((tag & 7) != 2 || field.value > rest_.size()) {
      return invalid_argument("compile options are no protocol buffer");
    }
    field.bytes = rest_.substr(0, field.value);
    rest_.remove_prefix(field.value);
    return field;
  }

 private:
  Result<uint64_t> varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return invalid_argument("compile options end within a number");
  }

  std::string_view rest_;
};

Result<int64_t> assigned_devices(std::string_view assignment) {
  int64_t count = 0;
  for (FieldReader reader(assignment); !reader.at_end();) {
    ASSIGN_OR_RETURN(const Field field, reader.next());
    if (field.number != 3) continue;
    FieldReader devices(field.bytes);
    ASSIGN_OR_RETURN(const Field ids, devices.next());
    for (const char byte : ids.bytes) count += (static_cast<unsigned char>(byte) & 0x80) == 0;
  }
  return count;
}

Status decode_build(std::string_view build, DecodedOptions& options) {
  for (FieldReader reader(build); !reader.at_end();) {
    ASSIGN_OR_RETURN(const Field field, reader.next());
    switch (field.number) {
      case 4:
        options.replicas = static_cast<int64_t>(field.value);
        break;
      case 5:
        options.partitions = static_cast<int64_t>(field.value);
        break;
      case 6:
        options.uses_spmd = field.value != 0;
        break;
      case 9: {
        ASSIGN_OR_RETURN(options.assigned_devices, assigned_devices(field.bytes));
        break;
      }
      case 19:
        options.uses_shardy = field.value != 0;
        break;
      default:
        break;
    }
  }
  return {};
}

}  // namespace

Result<DecodedOptions> decode_options(std::string_view bytes) {
  DecodedOptions options;
  for (FieldReader reader(bytes); !reader.at_end();) {
    ASSIGN_OR_RETURN(const Field field, reader.next());
    if (field.number == 3) RETURN_IF_ERROR(decode_build(field.bytes, options));
  }
  return options;
}

}  // namespace puna::pjrt
