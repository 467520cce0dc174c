// Flags of how requests share the model.

#include "app/options_declare.h"
#include "app/options_flags.h"

namespace puna {

void add_engine_flags(CLI::App& command, ModelOptions& options) {
  add_option(command, "--max-num-seqs", options.max_num_seqs, "Sequences that run at once")
      ->check(between(1, 4096))
      ->capture_default_str();
  add_option(command, "--max-num-batched-tokens", options.max_num_batched_tokens,
             "Tokens in one step")
      ->check(between(1, 65536))
      ->capture_default_str();
  add_option(command, "--max-step-ms", options.max_step_ms,
             "Longest step with prompts in it, in milliseconds (0: beside answers less than twice "
             "what they take alone)")
      ->check(between(0, 60000))
      ->capture_default_str();
  add_option(command, "--scheduling-policy", options.scheduling_policy,
             "fcfs: each key's requests in order; priority: the smaller 'priority' of a request "
             "first")
      ->check(CLI::IsMember({"fcfs", "priority"}))
      ->capture_default_str();
  add_option(command, "--max-num-queued-reqs", options.max_num_queued_reqs,
             "Requests that may wait; more are answered 503 with Retry-After")
      ->check(between(0, 1 << 20))
      ->capture_default_str();
  add_option(
      command, "--max-num-queued-tokens", options.max_num_queued_tokens,
      "Tokens of prompts that may wait; more are answered 503 with Retry-After (0: no limit)")
      ->check(between<int64_t>(0, int64_t{1} << 40))
      ->capture_default_str();
  add_option(
      command, "--kv-cache-memory-bytes", options.kv_cache_memory_bytes,
      "Memory for keys and values (0: chosen from free memory; 512MB and 2GiB are understood)")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str();
  add_switch(command, "--enable-prefix-caching,!--no-enable-prefix-caching",
             options.enable_prefix_caching,
             "Keep what was computed of prompts and answers for prompts that begin alike");
  add_switch(command, "--speculation,!--no-speculation", options.speculation,
             "Verify tokens that prompt or answer have had before several at once, where that is "
             "faster; answers are the same");
  add_option(command, "--speculative-config", options.speculative_config,
             "How, as JSON: {\"method\": \"ngram\", \"num_speculative_tokens\": 16, "
             "\"prompt_lookup_min\": 2, \"prompt_lookup_max\": 16}")
      ->type_name("JSON");
  add_option(command, "--fake-step-microseconds", options.fake_step_microseconds,
             "How long a step of the fake backend takes")
      ->check(between(0, 10000000))
      ->group("Testing");
  add_switch(command, "--fake-endless", options.fake_endless,
             "Answers of the fake backend end at max_tokens, and never by themselves")
      ->group("Testing");
  add_switch(command, "--fake-repetitive", options.fake_repetitive,
             "Answers of the fake backend say much twice")
      ->group("Testing");
}

}  // namespace puna
