// The flags of puna plan.

#include "app/options_declare.h"
#include "app/options_flags.h"

namespace puna {
namespace {

// What the people do for whom a plan is made.
void add_workload_flags(CLI::App& command, PlanCommand& options) {
  CLI::Option* users =
      add_option(command, "--users", options.users, "People who use it at the peak (0: one)")
          ->check(between(0, 1000000));
  add_option(command, "--tokens-per-second", options.tokens_per_second,
             "Tokens of answers a second, instead of users")
      ->check(between(0.0, 1e9))
      ->excludes(users);
  add_option(command, "--ttft-ms", options.ttft_ms,
             "Milliseconds until the first token, for 95 of 100 requests")
      ->check(between(1.0, 1e7))
      ->capture_default_str();
  add_option(command, "--tpot-ms", options.tpot_ms,
             "Milliseconds for each further token, for 95 of 100 requests")
      ->check(between(0.01, 1e6))
      ->capture_default_str();
  add_option(command, "--budget", options.budget, "Dollars a month at most (0: any)")
      ->check(between(0.0, 1e9))
      ->type_name("$");
  add_option(command, "--prompt-tokens", options.prompt_tokens,
             "Tokens of a question and what goes before it (0: 512)")
      ->check(between(0, 1 << 24));
  add_option(command, "--answer-tokens", options.answer_tokens,
             "Tokens of an answer, on average (0: 256)")
      ->check(between(0, 1 << 24));
  add_option(command, "--think-seconds", options.think_seconds,
             "Seconds between an answer and the next question of the same user, on average")
      ->check(between(0.0, 3600.0))
      ->capture_default_str();
}

}  // namespace

void add_plan_flags(CLI::App& command, PlanCommand& options) {
  CLI::Option* model =
      command
          .add_option(
              "model", options.model,
              "Folder, .gguf file, hub repository id (only its config is fetched) or known shape")
          ->type_name("MODEL");
  CLI::Option* shape = add_option(command, "--shape", options.shape,
                                  "A known model instead of a MODEL, e.g. llama-2-13b");
  shape->excludes(model);
  add_option(command, "--revision", options.revision, "Branch, tag or commit of a hub repository")
      ->type_name("REV");
  add_option(command, "--context", options.context,
             "Prompt and answer together, in tokens (0: the model's own, at most 4096)")
      ->check(between(0, 1 << 28));
  add_option(command, "--weights", options.weights, "Only this format (none: any)")
      ->check(CLI::IsMember({"f32", "bf16", "int8", "int4"}));
  add_workload_flags(command, options);
  add_option(command, "--on", options.on, "Only these machines; here: this one, measured")
      ->check(CLI::IsMember({"inf2", "trn1", "gpu", "cpu", "here"}));
  add_option(command, "--region", options.region, "AWS region")->capture_default_str();
  add_option(command, "--threads", options.threads, "CPU threads of here (0: all usable cores)")
      ->check(between(0, 1024))
      ->capture_default_str();
  add_option(command, "--catalogue", options.catalogue,
             "File of devices, machines and prices (none: the built-in one)")
      ->type_name("FILE");
  add_option(command, "--write", options.write,
             "Write the Kubernetes overlay and Terraform variables of the choice into DIR")
      ->type_name("DIR");
  CLI::Option* table =
      add_switch(command, "--seed-table", options.seed_table,
                 "Print the seed system's sizing table, and what is wrong with it");
  add_switch(command, "--json", options.json, "Print JSON");
  add_switch(command, "--accept-license", options.accept_license,
             "Accept the model's licence without being asked (Meta's Llama weights)");
  command.footer(
      "Examples:\n"
      "  puna plan meta-llama/Llama-2-13b-chat-hf --users 200 --on inf2\n"
      "  puna plan llama-2-7b --on here");
  command.parse_complete_callback([model, shape, table] {
    if (model->empty() && shape->empty() && table->empty()) {
      throw CLI::ValidationError("puna plan needs a MODEL or --shape NAME");
    }
  });
}

}  // namespace puna
