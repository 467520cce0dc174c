"""Which sources are compiled as one: never two that would meet over a name."""

import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from unity_groups import group, own_names  # noqa: E402


def source(*lines: str, outside: str = "") -> str:
    return "\n".join(["namespace puna {", "namespace {", *lines, "}  // namespace", outside, "}  // namespace puna", ""])


class UnityGroupsTest(unittest.TestCase):
    def test_files_without_names_of_their_own_are_one_group(self) -> None:
        self.assertEqual(group(["int a();\n", "int b();\n", "int c();\n"]), [0, 0, 0])

    def test_a_group_has_an_end(self) -> None:
        self.assertEqual(group(["x\n" * 60] * 4, lines_max=120), [0, 0, 1, 1])
        self.assertEqual(group(["x\n" * 500, "y\n"], lines_max=120), [0, 1], "a long file is a group of its own")

    def test_two_that_define_the_same_name_are_kept_apart(self) -> None:
        same = source("constexpr int kLimit = 3;")
        self.assertEqual(group([same, same, source("constexpr int kOther = 3;")]), [0, 1, 0])

    def test_whoever_means_another_thing_by_the_name_is_kept_apart(self) -> None:
        mine = source("int round_up(int value) { return value; }")
        self.assertEqual(group([mine, "int x = round_up(7);\n"]), [0, 1])
        self.assertEqual(group([mine, "// round_up(7)\n", 'const char* x = "round_up";\n']), [0, 0, 0])

    def test_every_way_to_define_a_name_is_seen(self) -> None:
        for line, name in (
                ("constexpr int kA = 1;", "kA"), ("const std::map<int, std::string> kTable = {", "kTable"),
                ("constexpr std::array<int, 3> kThree{1, 2, 3};", "kThree"), ("struct Point {", "Point"),
                ("class Reader final : public Base {", "Reader"), ("enum class Kind { kOne };", "Kind"),
                ("using Names = std::vector<std::string>;", "Names"), ("bool is_open(const File& file) {", "is_open"),
                ("std::function<void(int)> make_call(", "make_call"), ("int counter;", "counter"),
                ("Result<std::vector<int>> parse_all(std::string_view text) {", "parse_all"),
                ("uint64_t mix(uint64_t value);", "mix"), ("std::atomic<int> calls{0};", "calls")):
            self.assertIn(name, own_names(source(line)), line)
        self.assertIn("only_here", own_names(source(outside="static int only_here() { return 1; }")))
        self.assertIn("LIMIT", own_names("#define LIMIT 3\n"))

    def test_what_is_inside_or_belongs_to_others_is_no_name(self) -> None:
        for line in ("  int inner = 3;", "using namespace std::literals;", "using ::testing::HasSubstr;", "}",
                     "template <typename T>", "bool operator==(const A& a, const B& b) {"):
            self.assertEqual(own_names(source(line)), set(), line)
        self.assertEqual(own_names("namespace puna {\nint shared() { return 1; }\n}  // namespace puna\n"), set())

    def test_test_cases_of_one_name_are_kept_apart(self) -> None:
        test = source("TEST(Json, Parses) {", "}")
        self.assertEqual(group([test, test, source("TEST(Json, Writes) {", "}")]), [0, 1, 0])

    def test_a_namespace_may_come_twice_in_a_file(self) -> None:
        twice = source("int a_helper() {", "}") + source("int b_helper() {", "}")
        self.assertLessEqual({"a_helper", "b_helper"}, own_names(twice))


if __name__ == "__main__":
    unittest.main()
