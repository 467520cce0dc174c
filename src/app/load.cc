// From flags to settings; a line while it runs; the reports at the end.

#include "app/load.h"

#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <span>

#include "api/key_file.h"
#include "app/server_models.h"
#include "base/file_descriptor.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "base/replace_file.h"
#include "load/chats_file.h"
#include "load/load_report.h"
#include "load/load_run.h"
#include "load/support_shop.h"
#include "terminal/line_editor.h"
#include "terminal/status_line.h"
#include "terminal/terminal.h"

namespace puna {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr double kDefaultSeconds = 30;
constexpr milliseconds kLookAgain{50};
constexpr seconds kLineEvery{10};  // where no terminal is

Result<LoadProfile> profile_of(const LoadCommand& command) {
  if (command.ramp.empty()) {
    if (command.open_loop && command.rate == 0) {
      return invalid_argument("--open-loop is about --ramp; a steady open loop is --rate R");
    }
    return LoadProfile(command.rate > 0 ? command.rate : command.users);
  }
  std::vector<RampStage> stages;
  for (const std::string& text : command.ramp) {
    ASSIGN_OR_RETURN(const RampStage stage, parse_ramp(text));
    stages.push_back(stage);
  }
  LoadProfile profile(stages);
  if (profile.peak() < (command.open_loop ? 0.001 : 1)) {
    return invalid_argument("--ramp: nobody ever asks");
  }
  return profile;
}

Result<std::optional<double>> duration_of(const LoadCommand& command, const LoadProfile& level) {
  if (!command.duration.empty()) {
    ASSIGN_OR_RETURN(const double given, parse_duration("--duration", command.duration));
    return std::optional(given);
  }
  if (!command.ramp.empty()) return std::optional(level.stage_seconds());
  if (command.requests > 0) return std::optional<double>();
  return std::optional(kDefaultSeconds);
}

// The members of an object, as they stand in a request: "\"temperature\":0".
Result<std::string> extra_fields(const std::string& text) {
  if (text.empty()) return std::string();
  const auto json = parse_json(text);
  if (!json.ok()) return json.status().with_context("--extra-body");
  if (!json->is_object()) {
    return invalid_argument("--extra-body is no JSON object like {{\"temperature\": 0}}");
  }
  std::vector<std::string> fields;
  for (const auto& [name, value] : json->items()) {
    for (const char* own : {"model", "messages", "stream", "stream_options", "n", "max_tokens"}) {
      if (name == own) return invalid_argument("--extra-body: the run itself sets \"{}\"", name);
    }
    fields.push_back(fmt::format("{}:{}", dump_json(Json(name)), dump_json(value)));
  }
  return fmt::format("{}", fmt::join(fields, ","));
}

// The file may be the one that the server has.
Result<std::vector<std::string>> keys_of(const LoadCommand& command) {
  std::vector<std::string> keys = command.api_keys;
  if (command.api_key_file.empty()) return keys;
  ASSIGN_OR_RETURN(const std::string text, read_file(command.api_key_file, kKeyFileBytesMax));
  RETURN_IF_ERROR(parse_key_file(text, command.api_key_file).status());
  std::ranges::move(keys_in_file(text), std::back_inserter(keys));
  return keys;
}

Result<LoadSettings> settings_of(const LoadCommand& command) {
  LoadSettings settings;
  settings.url = without_version(command.url);
  ASSIGN_OR_RETURN(settings.level, profile_of(command));
  settings.open_loop = command.open_loop || command.rate > 0;
  ASSIGN_OR_RETURN(settings.duration_seconds, duration_of(command, settings.level));
  ASSIGN_OR_RETURN(settings.timeout_seconds, parse_duration("--timeout", command.timeout));
  ASSIGN_OR_RETURN(settings.goodput, parse_goodput(command.goodput));
  ASSIGN_OR_RETURN(settings.api_keys, keys_of(command));
  ASSIGN_OR_RETURN(settings.extra_fields, extra_fields(command.extra_body));
  settings.model = command.model;
  settings.requests_max = command.requests;
  settings.think_seconds = command.think_seconds;
  settings.seed = command.seed;
  settings.max_tokens = command.max_tokens;
  settings.obey_retry_after = command.obey_retry_after;
  return settings;
}

Result<std::shared_ptr<const Scenario>> scenario_of(const LoadCommand& command) {
  if (command.chats.empty())
    return std::shared_ptr<const Scenario>(make_support_shop(command.seed));
  ASSIGN_OR_RETURN(const std::string text, read_file(command.chats, kChatsFileBytesMax));
  ASSIGN_OR_RETURN(auto chats, parse_chats(text, command.chats));
  return std::shared_ptr<const Scenario>(std::move(chats));
}

Result<std::string> first_model(const LoadSettings& settings) {
  HttpClient client(settings.url, settings.api_keys.empty() ? "" : settings.api_keys.front());
  ASSIGN_OR_RETURN(const std::vector<ServerModel> models, models_of(client));
  return models.front().name;
}

// "16 users, thinking 5 s", "8 requests/s (Poisson)", "1 to 64 users in 600 s".
std::string load_text(const LoadCommand& command, const LoadSettings& settings) {
  const char* unit = settings.open_loop ? "requests/s (Poisson)" : "users";
  if (settings.level.peak() == 1 && !settings.open_loop) unit = "user";
  std::string text = settings.level.describe(unit);
  if (command.think_seconds > 0) text += fmt::format(", thinking {:g} s", command.think_seconds);
  return text;
}

std::string local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm parts = {};
  ::localtime_r(&now, &parts);
  std::array<char, 64> text = {};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S %z", &parts);
  return text.data();
}

// Tokens a second since the last line.
class ProgressText {
 public:
  std::string next(const LoadRun& run) {
    const LoadProgress now = run.progress();
    const double at = run.seconds();
    const double passed = std::max(at - at_, 1e-3);
    const std::string text =
        fmt::format("{:.0f} s  {} in flight  {} answered  {} failed  {} tokens/s  ttft p50 {} ms",
                    at, now.in_flight, now.answered, now.failed,
                    number_text(static_cast<double>(now.pieces - pieces_) / passed),
                    milliseconds_text(now.ttft.quantile(0.5)));
    at_ = at;
    pieces_ = now.pieces;
    return text;
  }

 private:
  double at_ = 0;
  int64_t pieces_ = 0;
};

// True when a person stopped it.
bool watch(LoadRun& run) {
  StatusLine line;
  ProgressText progress;
  const bool on_terminal = ::isatty(STDERR_FILENO) == 1;
  auto drawn = steady_clock::now();
  bool was_interrupted = false;
  while (!run.wait(kLookAgain)) {
    if (!was_interrupted && take_interrupt()) {
      was_interrupted = true;
      run.interrupt();
    }
    const auto now = steady_clock::now();
    if (now - drawn < (on_terminal ? seconds(1) : kLineEvery)) continue;
    drawn = now;
    const std::string text = progress.next(run);
    if (on_terminal) {
      line.show(text);
    } else {
      log_info("{}", text);
    }
  }
  return was_interrupted;
}

// Known before the run: afterwards would be late.
Status check_output(const std::string& path) {
  if (path.empty() || path == "-") return {};
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (::access(folder.empty() ? "." : folder.c_str(), W_OK) == 0) return {};
  return file_error(path, errno);
}

Status write_output(const std::string& path, const std::string& text) {
  if (path.empty()) return {};
  if (path != "-") return replace_file(path, {std::as_bytes(std::span(text))});
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return {};
  return file_error("standard output", errno);
}

Status write_outputs(const LoadCommand& command, const LoadReport& report) {
  const bool to_output = command.json == "-" || command.html == "-";
  if (!to_output) RETURN_IF_ERROR(write_output("-", load_table(report)));
  if (!command.json.empty()) RETURN_IF_ERROR(write_output(command.json, load_json(report)));
  if (!command.html.empty()) RETURN_IF_ERROR(write_output(command.html, load_html(report)));
  return {};
}

Status judge(const LoadCommand& command, const LoadReport& report) {
  const LoadStatistics& statistics = report.statistics;
  if (statistics.answered == 0) {
    if (statistics.failures.empty()) {
      return error(StatusCode::kUnavailable, "no request was answered");
    }
    const auto& [kind, failure] = *statistics.failures.begin();
    return error(StatusCode::kUnavailable, "no request was answered ({}{}{})", kind,
                 failure.example.empty() ? "" : ": ", failure.example);
  }
  if (report.goodput_share() < command.fail_under_goodput) {
    return error(StatusCode::kUnavailable,
                 "{:.1f} % of the requests were fast enough, less than --fail-under-goodput {:g}",
                 100 * report.goodput_share(), command.fail_under_goodput);
  }
  return {};
}

Status load(const LoadCommand& command) {
  RETURN_IF_ERROR(check_output(command.json));
  RETURN_IF_ERROR(check_output(command.html));
  LoadReport report;
  ASSIGN_OR_RETURN(report.settings, settings_of(command));
  ASSIGN_OR_RETURN(const auto scenario, scenario_of(command));
  if (report.settings.model.empty()) {
    ASSIGN_OR_RETURN(report.settings.model, first_model(report.settings));
  }
  report.scenario = scenario->describe();
  report.load = load_text(command, report.settings);
  report.began = local_time();
  catch_interrupt();
  ASSIGN_OR_RETURN(const auto run, LoadRun::start(report.settings, scenario));
  report.was_interrupted = watch(*run);
  report.seconds = run->seconds();
  report.statistics = run->statistics();
  RETURN_IF_ERROR(write_outputs(command, report));
  for (const std::string& warning : load_warnings(report)) log_warning("{}", warning);
  return judge(command, report);
}

}  // namespace

int run_load(const LoadCommand& command) {
  const Status done = load(command);
  return done.ok() ? 0 : fail(done);
}

}  // namespace puna
