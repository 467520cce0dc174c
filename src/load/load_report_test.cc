// Table, JSON and page of a run that is made up.

#include "load/load_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "load/line_chart.h"

namespace puna {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

LoadReport example() {
  LoadReport report;
  report.settings.url = "http://server";
  report.settings.model = "<b>tiny & quick</b>";
  report.settings.goodput = parse_goodput({"ttft:150"}).value();
  report.scenario = "the support shop";
  report.load = "2 users";
  report.began = "now";
  report.seconds = 10;
  report.statistics = LoadStatistics(report.settings.goodput);
  for (int i = 0; i < 100; ++i) {
    const double at = i * 0.1;
    const RequestRecord record{.intended = at,
                               .sent = at,
                               .first_token = at + (i < 80 ? 0.1 : 0.2),
                               .last_token = at + 0.4,
                               .ended = at + 0.5,
                               .output_tokens = 3,
                               .prompt_tokens = 10,
                               .cached_tokens = 5};
    report.statistics.begin(record);
    report.statistics.end_answered(record, 3);
  }
  RequestRecord refused;
  report.statistics.begin(refused);
  report.statistics.end_failed(refused, "503", "<full>");
  return report;
}

TEST(LoadReport, TheTableSaysWhatUsersGot) {
  const std::string table = load_table(example());
  EXPECT_THAT(table, HasSubstr("Answered              100  10.0 requests/s\n"));
  EXPECT_THAT(table, HasSubstr("Failed                  1\n  503                   1  <full>\n"));
  EXPECT_THAT(table, HasSubstr("Output tokens         300  30.0 tokens/s\n"));
  EXPECT_THAT(table, HasSubstr("50.0 % of them from the cache"));
  EXPECT_THAT(table, HasSubstr("Goodput            79.2 %  8.00 requests/s with ttft <= 150 ms\n"));
  EXPECT_THAT(table, HasSubstr("End to end                    500"));
}

TEST(LoadReport, TheJsonHasTheSameNumbers) {
  const Json json = parse_json(load_json(example())).value();
  EXPECT_EQ(json["sent"], 101);
  EXPECT_EQ(json["answered"], 100);
  EXPECT_EQ(json["errors"]["503"]["count"], 1);
  EXPECT_NEAR(json["ttft_ms"]["p50"].get<double>(), 100, 0.11);
  EXPECT_NEAR(json["ttft_ms"]["p95"].get<double>(), 200, 0.21);
  EXPECT_NEAR(json["goodput"]["share"].get<double>(), 80.0 / 101, 1e-12);
  int64_t answered = 0;
  for (const Json& window : json["timeline"]["windows"])
    answered += window["answered"].get<int64_t>();
  EXPECT_EQ(answered, 100);
}

TEST(LoadReport, ThePageNeedsNothingElseAndTakesNoTextForMarkup) {
  const std::string page = load_html(example());
  EXPECT_THAT(page, HasSubstr("&lt;b&gt;tiny &amp; quick&lt;/b&gt; under load"));
  EXPECT_THAT(page, HasSubstr("&lt;full&gt;"));
  for (const char* other :
       {"<script", "src=", "href=", "url(", "@import", "<full>", "<b>tiny", "nan"}) {
    EXPECT_THAT(page, Not(HasSubstr(other)));
  }
}

TEST(LoadReport, AnEmptyRunHasAllForms) {
  const LoadReport report;
  EXPECT_THAT(load_table(report), Not(HasSubstr("nan")));
  EXPECT_THAT(load_html(report), Not(HasSubstr("nan")));
  EXPECT_TRUE(parse_json(load_json(report)).ok());
}

TEST(LoadReport, WarnsOfWhatSpoilsTheFigures) {
  LoadReport report = example();
  EXPECT_THAT(load_warnings(report), IsEmpty());
  for (int i = 0; i < 1000; ++i) report.statistics.add_wake(i < 980 ? 0 : 0.5);
  RequestRecord late;
  late.sent = 2;
  for (int i = 0; i < 5; ++i) report.statistics.begin(late);
  report.statistics.end_dropped(9);
  EXPECT_THAT(load_warnings(report),
              ElementsAre(HasSubstr("no core for up to 500 ms"), HasSubstr("up to 2,0"),
                          HasSubstr("1 requests were in flight")));
}

TEST(LineChart, TicksAreRoundAndReachTheTop) {
  EXPECT_THAT(axis_ticks(0), ElementsAre(0, 1));
  EXPECT_THAT(axis_ticks(4), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(axis_ticks(437), ElementsAre(0, 200, 400, 600));
  EXPECT_THAT(axis_ticks(0.07), ElementsAre(0, 0.02, 0.04, 0.06, 0.08));
}

TEST(LineChart, GapsInterruptALineAndALoneValueIsADot) {
  LineChart chart{.title = "t",
                  .unit = "ms",
                  .x = {0, 1, 2, 3},
                  .x_max = 4,
                  .x_labels = {},
                  .x_names = {"a", "b", "c", "d"},
                  .lines = {{"p50", {4, std::nullopt, 2, 1}}}};
  EXPECT_THAT(chart_html(chart), HasSubstr("d=\"M0.0 0.0h0M500.0 500.0L750.0 750.0\""));
  EXPECT_THAT(chart_html(chart), HasSubstr("<title>c: p50 2 ms</title>"));
}

}  // namespace
}  // namespace puna
