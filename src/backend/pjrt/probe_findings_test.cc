// What a probe found, as the executable store keeps it.

#include "backend/pjrt/probe_findings.h"

#include <gtest/gtest.h>

namespace puna::pjrt {
namespace {

TEST(ProbeFindings, ComeBackFromTheirText) {
  const ProbeFindings none = {.differing = {}, .others = Exactness::kWithinStep};
  EXPECT_EQ(parse_findings(to_text(none)), none);
  const ProbeFindings some = {.differing = {{1, 1, 16}, {1, 64, 128}}, .others = Exactness::kBits};
  EXPECT_EQ(to_text(some), "bits\n1 1 16\n1 64 128\n");
  EXPECT_EQ(parse_findings(to_text(some)), some);
}

TEST(ProbeFindings, AnyOtherTextIsNone) {
  for (const char* text : {"", "bits", "bit\n", "bits\n1 1\n", "bits\n1 1 16 \n", "bits\nx\n",
                           "bits\n1 1 16\n\n", "bits\n1 1 99999999999\n"}) {
    EXPECT_EQ(parse_findings(text), std::nullopt) << text;
  }
}

TEST(ProbeFindings, AgreeingProgramsAreTheOthers) {
  const ProgramList all = {{1, 1, 16}, {4, 1, 16}, {1, 64, 16}};
  EXPECT_EQ(agreeing(all, {.differing = {{1, 1, 16}}}), (ProgramList{{4, 1, 16}, {1, 64, 16}}));
  EXPECT_EQ(agreeing(all, {}), all);
}

}  // namespace
}  // namespace puna::pjrt
