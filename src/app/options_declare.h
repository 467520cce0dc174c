// How flags are declared to CLI11: each with its environment variable, numbers with their range.
// Only options*.cc include this.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cctype>
#include <string>
#include <string_view>

namespace puna {

// PUNA_MAX_MODEL_LEN for --max-model-len.
inline std::string environment_name(std::string_view flag) {
  std::string name = "PUNA_";
  for (const char letter : flag.substr(2, flag.find(',') - 2)) {  // of several names the first
    name.push_back(letter == '-' ? '_' : static_cast<char>(std::toupper(letter)));
  }
  return name;
}

// Every flag is declared through these, so that each one has its environment variable.
template <typename Value>
CLI::Option* add_option(CLI::App& command, const std::string& flag, Value& value,
                        const std::string& help) {
  return command.add_option(flag, value, help)->envname(environment_name(flag));
}
inline CLI::Option* add_switch(CLI::App& command, const std::string& flag, bool& value,
                               const std::string& help) {
  return command.add_flag(flag, value, help)->envname(environment_name(flag));
}

// Says of any other text that it is no such number.
template <typename Number>
CLI::Validator between(Number least, Number most) {
  const auto check = [=](const std::string& text) {
    Number value{};
    const bool is_number = CLI::detail::lexical_cast(text, value);
    if (is_number && value >= least && value <= most) return std::string();
    return fmt::format("{} is not a number from {} to {}", text, least, most);
  };
  return {check, fmt::format("{} in [{} - {}]", CLI::detail::type_name<Number>(), least, most)};
}

}  // namespace puna
