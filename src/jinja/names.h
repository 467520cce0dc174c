// The names of filters and tests that templates may use; the parser refuses others.
#pragma once

#include <string_view>

namespace puna::jinja {

bool is_filter(std::string_view name);
bool is_test(std::string_view name);
// Tests that compare with something: `x is sameas y`.
bool test_takes_argument(std::string_view name);

}  // namespace puna::jinja
