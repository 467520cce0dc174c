// Any bytes as the text of a program: refused or read, never worse. What is read and small enough
// runs.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "stablehlo/interpreter/program.h"

namespace {

constexpr int64_t kElementsRunMax = 1 << 12;  // of any value

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using puna::interpreter::Program;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto program = puna::interpreter::parse_program(text);
  if (!program.ok() || program->largest_value() > kElementsRunMax) return 0;
  Program::Values inputs(static_cast<size_t>(program->devices().count()));
  for (auto& device : inputs) {
    for (const auto& input : program->inputs()) {
      device.push_back(
          std::make_shared<const puna::interpreter::Tensor>(puna::interpreter::zeros(input.type)));
    }
  }
  const auto results = program->run(inputs);
  return results.ok() && results->size() != inputs.size() ? 1 : 0;
}
