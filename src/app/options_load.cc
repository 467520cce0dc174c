// The flags of puna load.

#include "app/options_declare.h"
#include "app/options_flags.h"

namespace puna {
namespace {

// How much there is, and for how long.
void add_amount_flags(CLI::App& command, LoadCommand& options) {
  CLI::Option* users =
      add_option(command, "--users", options.users,
                 "Closed loop: so many users, each asking again when it is answered")
          ->check(between(1, 100000))
          ->capture_default_str();
  CLI::Option* rate =
      add_option(command, "--rate", options.rate,
                 "Open loop: so many requests a second at random moments (Poisson), whatever the "
                 "server does")
          ->check(between(0.001, 100000.0))
          ->excludes(users);
  add_option(command, "--ramp", options.ramp,
             "Rise or fall evenly (may be repeated), e.g. 1:64:600s: from 1 to 64 users in ten "
             "minutes; requests a second with --open-loop")
      ->type_name("FROM:TO:TIME")
      ->excludes(users)
      ->excludes(rate);
  add_switch(command, "--open-loop", options.open_loop, "--ramp is of requests a second");
  add_option(command, "--duration", options.duration,
             "How long requests are sent, e.g. 90s, 10m (none: as long as --ramp, until "
             "--requests, or 30s); answers on their way are waited for")
      ->type_name("TIME");
  add_option(command, "--requests", options.requests, "Requests at most (0: no limit)")
      ->check(between(int64_t{0}, int64_t{1} << 40U));
  add_option(command, "--think-seconds", options.think_seconds,
             "Seconds between an answer and the next question of the same user, on average")
      ->check(between(0.0, 3600.0))
      ->capture_default_str();
}

// What is asked, and as whom.
void add_request_flags(CLI::App& command, LoadCommand& options) {
  add_option(command, "--chats", options.chats,
             "JSONL of chats to ask, each line OpenAI's messages (none: the support shop)")
      ->type_name("FILE");
  add_option(command, "--seed", options.seed, "Same seed, same questions at the same moments")
      ->capture_default_str();
  add_option(command, "--max-tokens", options.max_tokens,
             "Tokens in one answer (0: as the server likes)")
      ->check(between(0, 1 << 24))
      ->capture_default_str();
  add_option(command, "--extra-body", options.extra_body,
             "Further fields of each request as JSON, e.g. '{\"temperature\": 0, \"ignore_eos\": "
             "true}'")
      ->type_name("JSON");
  add_option(command, "--model", options.model, "Name of the model (none: the server's first)")
      ->type_name("NAME");
  add_option(command, "--api-key", options.api_keys,
             "Key to send (may be repeated: users have them in turn; PUNA_API_KEY keeps it out of "
             "'ps')");
  add_option(command, "--api-key-file", options.api_key_file,
             "File of keys, the first word of each line (as puna serve has it)")
      ->type_name("FILE");
  add_option(command, "--timeout", options.timeout, "Longest time of one request")
      ->type_name("TIME")
      ->capture_default_str();
  add_switch(command, "--obey-retry-after", options.obey_retry_after,
             "Who is refused with 429 or 503 asks the same again when the server says so");
}

}  // namespace

void add_load_flags(CLI::App& command, LoadCommand& options) {
  command.add_option("url", options.url, "An OpenAI-compatible server, e.g. http://127.0.0.1:8000")
      ->type_name("URL")
      ->required();
  add_amount_flags(command, options);
  add_request_flags(command, options);
  CLI::Option* goodput =
      add_option(command, "--goodput", options.goodput,
                 "What is fast enough, in milliseconds: ttft:MS, tpot:MS, e2el:MS (may be "
                 "repeated)")
          ->delimiter(',')
          ->type_name("NAME:MS");
  add_option(command, "--fail-under-goodput", options.fail_under_goodput,
             "Exit with 1 when a smaller share of the requests was fast enough, e.g. 0.95")
      ->check(between(0.0, 1.0))
      ->needs(goodput);
  add_option(command, "--json", options.json, "Write the report as JSON (-: standard output)")
      ->type_name("FILE");
  add_option(command, "--html", options.html, "Write the report as one HTML page with charts")
      ->type_name("FILE");
  command.footer(
      "Latencies count from the moment when a request was meant to be sent.\n"
      "Exits with 1 when no request was answered.\n"
      "Examples:\n"
      "  puna load http://127.0.0.1:8000 --users 16 --duration 60s --html report.html\n"
      "  puna load http://127.0.0.1:8000 --rate 4 --goodput ttft:500 --goodput tpot:100\n"
      "  puna load http://127.0.0.1:8000 --ramp 1:64:600s --think-seconds 5 --json -");
}

}  // namespace puna
