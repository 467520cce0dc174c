// One function per command; flags that several commands have in common come first.

#include "app/options_flags.h"

#include "app/options_declare.h"

namespace puna {
namespace {

constexpr const char* kMainFooter =
    "MODEL is a folder in Hugging Face layout, a .gguf file, or a hub repository id.\n\n"
    "Examples:\n"
    "  puna serve                                  serve the demo model and its chat page\n"
    "  puna serve ./Llama-2-7b-chat-hf --port 8080\n"
    "  puna chat HuggingFaceTB/SmolLM2-135M-Instruct\n"
    "  puna inspect model.gguf --json\n\n"
    "'puna COMMAND --help' lists the flags of a command, their environment variables and "
    "defaults.\n";

void add_common_flags(CLI::App& command, std::string& config_file) {
  add_option(command, "--config", config_file, "File of \"flag = value\" lines (TOML)");
}

void add_kv_cache_dtype(CLI::App& command, std::string& value) {
  add_option(command, "--kv-cache-dtype", value,
             "How K and V are held: f32, bf16, int8 (none: f32 with f32 weights, else bf16)")
      ->check(CLI::IsMember({"f32", "bf16", "int8"}));
}

void add_packed_weights(CLI::App& command, std::string& place) {
  add_option(command, "--packed-weights", place,
             "Keep packed weights between starts: auto (in PUNA_CACHE or ~/.cache/puna), off, or a "
             "file of puna quantize --output")
      ->type_name("auto|off|FILE")
      ->capture_default_str();
}

// Which checkpoint, and how its weights are packed.
void add_checkpoint_flags(CLI::App& command, ModelOptions& options) {
  command
      .add_option("model", options.model,
                  "Folder, .gguf file or hub repository id (none: the demo model)")
      ->type_name("MODEL")
      ->envname("PUNA_MODEL");
  add_option(command, "--revision", options.revision, "Branch, tag or commit of a hub repository")
      ->type_name("REV");
  add_option(command, "--adapter", options.adapters, "LoRA adapter folder (PEFT), merged at load")
      ->type_name("PATH");
  add_option(command, "--group", options.group,
             "Weights of int8 and int4 that share a scale: 32, 64, 128 (0: the format's own)")
      ->check(CLI::IsMember({0, 32, 64, 128}))
      ->capture_default_str();
  add_option(command, "--threads", options.threads, "CPU threads (0: all usable cores)")
      ->check(between(0, 1024))
      ->capture_default_str();
  add_switch(command, "--accept-license", options.accept_license,
             "Accept the model's licence without being asked (Meta's Llama weights)");
}

void add_device(CLI::App& command, std::string& device, std::vector<std::string>& options) {
  add_option(
      command, "--device", device,
      "auto, cpu, cuda, neuron, tpu, or the file of a PJRT plugin ('puna devices' lists what "
      "is here)")
      ->type_name("NAME|FILE")
      ->capture_default_str();
  add_option(command, "--pjrt-option", options,
             "Option for the PJRT plugin (may be repeated), e.g. cpu_device_count=4")
      ->type_name("NAME=VALUE");
}

// What --backend pjrt takes beside the others.
void add_device_flags(CLI::App& command, DeviceOptions& options) {
  add_device(command, options.device, options.pjrt_options);
  add_option(command, "--tp-degree", options.tp_degree,
             "Devices that share the model (tensor parallelism)")
      ->check(between(1, 1024))
      ->capture_default_str();
  add_option(command, "--device-memory-utilization", options.device_memory_utilization,
             "Share of each device's memory that may be used")
      ->check(between(0.01, 1.0))
      ->capture_default_str();
  add_option(
      command, "--executable-store", options.executable_store,
      "Keep compiled programs between starts: auto (in PUNA_CACHE or ~/.cache/puna), off, or "
      "a folder")
      ->type_name("auto|off|DIR")
      ->capture_default_str();
  add_switch(
      command, "--batch-invariance,!--no-batch-invariance", options.batch_invariance,
      "Use only programs whose bits agree, so that an answer does not depend on its company");
  add_option(command, "--emit-stablehlo", options.emit_stablehlo,
             "Write the programs that devices run into this folder, as text")
      ->type_name("DIR");
}

void add_model_flags(CLI::App& command, ModelOptions& options) {
  add_checkpoint_flags(command, options);
  add_option(command, "--chat-template", options.chat_template,
             "llama-2, chatml, llama-3 or a Jinja file (none: the checkpoint's own)");
  add_option(command, "--override-generation-config", options.override_generation_config,
             "Defaults of requests as JSON, e.g. '{\"temperature\": 0, \"max_new_tokens\": 400}'");
  add_option(command, "--backend", options.backend, "Where the model runs")
      ->check(CLI::IsMember({"cpu", "pjrt", "fake"}))
      ->capture_default_str();
  add_device_flags(command, options);
  add_option(
      command, "--weights", options.weights,
      "How weights are held: f32, bf16, int8, int4 (none: chosen from memory and checkpoint)")
      ->check(CLI::IsMember({"f32", "bf16", "int8", "int4"}));
  add_kv_cache_dtype(command, options.kv_cache_dtype);
  add_packed_weights(command, options.packed_weights);
  add_option(command, "--max-model-len", options.max_model_len,
             "Prompt and answer together, in tokens (0: the model's own)")
      ->check(between(0, 1 << 24))
      ->capture_default_str();
  add_engine_flags(command, options);
}

void add_serve_flags(CLI::App& command, ServeOptions& options) {
  add_model_flags(command, options.model);
  add_option(command, "--host", options.host, "Address to listen on")->capture_default_str();
  add_option(command, "--port", options.port, "Port to listen on (0: any free one)")
      ->check(between(0, 65535))
      ->capture_default_str();
  add_option(command, "--port-fd", options.port_fd, "Write the port to this descriptor when open");
  add_switch(command, "--watch-stdin", options.watch_stdin, "End when standard input is closed");
  add_option(command, "--api-key", options.api_keys,
             "Key that clients must send (may be repeated; PUNA_API_KEY keeps it out of 'ps')");
  add_option(command, "--api-key-file", options.api_key_file,
             "File with one key a line, its name and limits; read again when it changes");
  add_switch(command, "--insecure-no-auth", options.insecure_no_auth,
             "Serve other machines without any key");
  add_switch(command, "--prefix-cache-per-key", options.model.prefix_cache_per_key,
             "Requests with different keys share no computed prompts");
  add_option(command, "--truncation", options.model.truncation,
             "What becomes of a chat that is too long: disabled (refused), or drop_oldest_turns")
      ->check(CLI::IsMember({"disabled", "drop_oldest_turns"}))
      ->capture_default_str();
  add_option(command, "--warm-prefix", options.model.warm_prefix,
             "File with a system prompt, or a JSON list of chats, that is computed before the "
             "server is ready and kept")
      ->type_name("FILE");
  add_option(command, "--allowed-origins", options.allowed_origins,
             "Web origins that may call the API (CORS); * for any");
  add_option(
      command, "--served-model-name", options.served_model_names,
      "Name that requests may use (may be repeated; answers say the first; none: the model's "
      "folder or file name)")
      ->delimiter(',')
      ->type_name("NAME,...");
  add_option(command, "--shutdown-timeout", options.shutdown_timeout_seconds,
             "Seconds that running answers get after SIGTERM")
      ->check(between(0, 3600))
      ->capture_default_str();
  add_option(command, "--default-max-tokens,--n-predict", options.model.default_max_tokens,
             "Longest answer of chat requests that set no max_tokens (0: as far as there is room)")
      ->check(between(0, 1 << 24))
      ->capture_default_str();
  add_option(command, "--max-body-bytes", options.max_body_bytes, "Largest request body")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str();
  add_option(
      command, "--max-total-body-bytes", options.max_total_body_bytes,
      "Bodies of all requests together, while they are read and worked on; more are answered "
      "503 (0: 64 MiB, or one of --max-body-bytes)")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str();
  add_option(command, "--max-connections", options.max_connections,
             "Clients that may be connected; more are answered 503")
      ->check(between(1, 1 << 20))
      ->capture_default_str();
  add_option(command, "--page-title", options.page_title, "Title of the chat page");
  add_option(command, "--system-prompt-file", options.system_prompt_file,
             "System prompt that the chat page starts with");
  add_option(command, "--examples-file", options.examples_file,
             "JSON list of example questions for the chat page");
  add_option(command, "--page-texts-file", options.page_texts_file,
             "JSON with the page's title, greeting and examples by language, e.g. {\"zh-CN\": "
             "{\"greeting\": \"…\"}}");
  command.footer("Example: puna serve ./my-model --host 0.0.0.0 --api-key-file keys.txt");
}

void add_chat_flags(CLI::App& command, ChatOptions& options) {
  add_model_flags(command, options.model);
  command.add_option("prompt", options.prompt, "Answer this question and end")
      ->type_name("QUESTION");
  add_option(command, "--prompt", options.prompt, "The same as a flag");
  add_option(command, "--url", options.url,
             "Ask this OpenAI-compatible server instead of loading a model; MODEL is a name there")
      ->type_name("URL");
  add_option(command, "--api-key", options.api_key, "Key for --url");
  add_option(command, "--system-prompt", options.system_prompt, "System prompt");
  add_option(command, "--temperature", options.temperature, "0 is greedy (none: the model's own)")
      ->check(between(0.0, 2.0));
  add_option(command, "--max-tokens", options.max_tokens, "Tokens in one answer")
      ->check(between(1, 1 << 24));
  add_option(command, "--seed", options.seed, "Same seed, same answers");
  add_switch(command, "--no-history", options.no_history,
             "Keep no history of questions (~/.local/state/puna/chat_history)");
  command.footer(
      "Examples:\n"
      "  puna chat --system-prompt 'You are a pirate.'\n"
      "  puna chat model.gguf 'Why is the sky blue?'\n"
      "  puna chat --url http://127.0.0.1:8000 --prompt 'Sum this up:' < letter.txt");
}

void add_pull_flags(CLI::App& command, PullCommand& options) {
  command.add_option("repo", options.repo, "Repository id, e.g. meta-llama/Llama-2-7b-chat-hf")
      ->type_name("REPO")
      ->required();
  add_option(command, "--revision", options.revision, "Branch, tag or commit")
      ->capture_default_str();
  add_option(command, "--file", options.file, "Fetch this file only (a .gguf of several)");
  add_switch(command, "--accept-license", options.accept_license,
             "Accept the model's licence without being asked");
  command.footer("Honours HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE.");
}

void add_quantize_flags(CLI::App& command, QuantizeCommand& options) {
  add_checkpoint_flags(command, options.model);
  add_option(command, "--weights", options.model.weights, "How to hold them")
      ->check(CLI::IsMember({"f32", "bf16", "int8", "int4"}))
      ->required();
  add_option(command, "--output", options.output,
             "File to write, for --packed-weights (none: the cache, where serve and chat look)");
  command.footer(
      "Prints the path. The cache is PUNA_CACHE, or puna in XDG_CACHE_HOME or ~/.cache; its files "
      "may be deleted.\nExample: puna quantize ./Llama-2-7b-chat-hf --weights int4");
}

void add_compile_flags(CLI::App& command, CompileCommand& options) {
  options.model.backend = "pjrt";
  add_model_flags(command, options.model);
  command.footer(
      "With the flags of the server that will run: other ones make other programs.\n"
      "Example: puna compile ./Llama-2-7b-chat-hf --device neuron --tp-degree 2 --executable-store "
      "/models/executables");
}

void add_inspect_flags(CLI::App& command, InspectCommand& options) {
  command.add_option("path", options.path, "Folder, .gguf file or hub repository id")
      ->type_name("MODEL")
      ->required();
  add_option(command, "--adapter", options.adapters, "LoRA adapter folder (PEFT)");
  add_switch(command, "--json", options.json, "Print JSON");
}

void add_devices_flags(CLI::App& command, DevicesCommand& options) {
  add_device(command, options.device, options.pjrt_options);
  add_switch(command, "--json", options.json, "Print JSON");
  command.footer(
      "Opens each plugin that is found, or the one of --device, and lists its devices.\n"
      "Example: puna devices --device ./plugin.so");
}

// Numbers with commas between them, or the flag several times.
CLI::Option* add_list(CLI::App& command, const std::string& flag, std::vector<int>& values,
                      int minimum, int maximum, const std::string& help) {
  return add_option(command, flag, values, help)
      ->delimiter(',')
      ->check(between(minimum, maximum))
      ->type_name("N,...")
      ->capture_default_str();
}

void add_bench_flags(CLI::App& command, BenchOptions& options) {
  // No PUNA_MODEL: what a server on this machine uses would get in the way of --shape.
  CLI::Option* model =
      command.add_option("model", options.model, "Folder, .gguf file or hub repository id")
          ->type_name("MODEL");
  CLI::Option* shape =
      add_option(command, "--shape", options.shape,
                 "Random weights of this shape instead of a MODEL, e.g. llama-2-7b");
  shape->excludes(model);
  add_option(command, "--layers", options.layers, "Only the first layers (0: all)")
      ->check(between(0, 4096))
      ->capture_default_str();
  add_option(command, "--backend", options.backend, "Where the model runs")
      ->check(CLI::IsMember({"cpu", "pjrt"}))
      ->capture_default_str();
  add_device_flags(command, options);
  add_option(command, "--weights", options.weights,
             "How weights are held: f32, bf16, int8, int4 (none: int8, on devices bf16)")
      ->check(CLI::IsMember({"f32", "bf16", "int8", "int4"}));
  add_option(command, "--group", options.group,
             "Weights that share a scale: 32, 64, 128 (0: the format's own)")
      ->check(CLI::IsMember({0, 32, 64, 128}))
      ->capture_default_str();
  add_kv_cache_dtype(command, options.kv_cache_dtype);
  add_packed_weights(command, options.packed_weights);
  add_option(command, "--threads", options.threads, "CPU threads (0: all usable cores)")
      ->check(between(0, 1024))
      ->capture_default_str();
  add_list(command, "--prefill", options.prefill, 0, 1 << 20, "Lengths of prompts (0: none)");
  add_option(command, "--decode", options.decode, "Steps of each decoding test (0: none)")
      ->check(between(0, 1 << 16))
      ->capture_default_str();
  add_list(command, "--batch", options.batch, 1, 4096, "Sequences that decode together");
  add_list(command, "--depth", options.depth, 0, 1 << 20, "Positions before the decoded ones");
  add_switch(command, "--served", options.served,
             "Also decode as a server does: engine, sampling, text and events beside the backend");
  add_option(command, "--rounds", options.rounds, "Times that every test runs, in turn")
      ->check(between(1, 1000))
      ->capture_default_str();
  add_switch(command, "--json", options.json, "Print JSON");
  command.footer("Example: puna bench --shape llama-2-7b --layers 4 --weights int8");
  command.parse_complete_callback([model, shape] {
    if (model->empty() && shape->empty()) {
      throw CLI::ValidationError("puna bench needs a MODEL or --shape NAME");
    }
  });
}

void add_completion_flags(CLI::App& command, std::string& shell) {
  command.add_option("shell", shell, "bash, zsh or fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->required();
  command.footer(
      "bash: source <(puna completion bash)\n"
      "zsh:  source <(puna completion zsh)\n"
      "fish: puna completion fish | source");
}

}  // namespace

void declare_commands(CLI::App& app, ParsedFlags& parsed) {
  app.set_version_flag("--version", std::string("puna ") + kVersion);
  app.footer(kMainFooter);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);

  std::vector<CLI::App*> commands;
  const auto add_command = [&](const char* name, const char* help) {
    commands.push_back(app.add_subcommand(name, help));
    return commands.back();
  };
  add_serve_flags(*add_command("serve", "HTTP API and chat page"), parsed.serve);
  add_chat_flags(*add_command("chat", "Chat in the terminal"), parsed.chat);
  add_pull_flags(*add_command("pull", "Fetch a model into the Hugging Face cache"), parsed.pull);
  add_quantize_flags(*add_command("quantize", "Pack a model's weights ahead of its first start"),
                     parsed.quantize);
  add_compile_flags(
      *add_command("compile",
                   "Compile a model's programs for an accelerator ahead of its first start"),
      parsed.compile);
  add_inspect_flags(*add_command("inspect", "Say what is in a checkpoint"), parsed.inspect);
  add_devices_flags(*add_command("devices", "List accelerators and their PJRT plugins"),
                    parsed.devices);
  add_bench_flags(*add_command("bench", "Measure the engine's speed"), parsed.bench);
  add_load_flags(*add_command("load", "Put a server under load and measure it"), parsed.load);
  add_plan_flags(*add_command("plan", "Say which machines serve a model, how fast, for how much"),
                 parsed.plan);
  add_completion_flags(*app.add_subcommand("completion", "Print a shell completion script"),
                       parsed.completion_shell);
  app.add_subcommand("man", "Print the manual page");
  for (CLI::App* command : commands) {
    add_common_flags(*command, parsed.config_file);
    std::string& log_level =
        command->get_name() == "chat" ? parsed.chat_log_level : parsed.log_level;
    add_option(*command, "--log-level", log_level, "debug, info, warning, error or off")
        ->check(CLI::IsMember({"debug", "info", "warning", "error", "off"}))
        ->capture_default_str();
    // A flag that may be repeated takes one value each time, or it would take the MODEL behind it.
    for (CLI::Option* option : command->get_options()) option->allow_extra_args(false);
  }
}

}  // namespace puna
