// The command line: every flag of every command, its environment variable and its default.
//
// The command line beats the environment (PUNA_ + the flag in capitals) beats --config FILE. CLI11
// is behind options.cc only; what comes out is plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/log.h"

namespace puna {

// Of --backend pjrt.
struct DeviceOptions {
  std::string device = "auto";  // that, a name or a plugin's file
  int tp_degree = 1;
  std::vector<std::string> pjrt_options;  // "name=value"
  std::string emit_stablehlo;             // folder; empty: programs are not written
  std::string executable_store = "auto";  // "auto", "off" or a folder
  double device_memory_utilization = 0.9;
  bool batch_invariance = true;
};

// Which model, and how it is held and run: shared by serve and chat.
struct ModelOptions : DeviceOptions {
  std::string model;  // folder, .gguf file or hub repo id; empty: the demo
  std::string revision;
  std::vector<std::string> adapters;
  std::string
      chat_template;  // "llama-2", "chatml", "llama-3" or a file; empty: the checkpoint's own
  std::string override_generation_config;  // JSON: {"temperature": 0}
  std::string backend = "cpu";
  std::string weights;  // "f32", "bf16", "int8", "int4"; empty: chosen from memory and checkpoint
  int group = 0;        // weights that share a scale; 0: the format's own
  std::string kv_cache_dtype;           // "f32", "bf16", "int8"; empty: the backend's choice
  std::string packed_weights = "auto";  // "auto", "off" or a file of puna quantize
  int threads = 0;
  int max_model_len = 0;
  int default_max_tokens =
      0;  // of requests that set none; 0: max_new_tokens, or all there is room for
  int max_num_seqs = 64;
  int max_num_batched_tokens = 512;
  int max_num_queued_reqs = 256;
  int64_t max_num_queued_tokens = 0;       // of prompts; 0: no limit
  int max_step_ms = 0;                     // of a step with prompts in it; 0: as the answers are
  std::string scheduling_policy = "fcfs";  // or "priority"
  int64_t kv_cache_memory_bytes = 0;
  bool enable_prefix_caching = true;
  bool prefix_cache_per_key = false;
  bool speculation = true;
  std::string speculative_config;       // JSON as vLLM has it
  std::string truncation = "disabled";  // or "drop_oldest_turns"
  std::string warm_prefix;              // file: what is computed before it serves
  int fake_step_microseconds = 0;
  bool fake_endless = false;
  bool fake_repetitive = false;
  bool accept_license = false;
};

struct ServeOptions {
  ModelOptions model;
  std::string host = "127.0.0.1";
  int port = 8000;
  int port_fd = -1;
  bool watch_stdin = false;
  std::vector<std::string> api_keys;
  std::string api_key_file;
  bool insecure_no_auth = false;
  std::vector<std::string> allowed_origins;
  std::vector<std::string> served_model_names;  // the first is what answers say
  int shutdown_timeout_seconds = 30;
  int64_t max_body_bytes = 10 << 20;
  int64_t max_total_body_bytes = 0;  // 0: 64 MiB, or one body of the largest size
  int max_connections = 4096;
  std::string page_title;
  std::string system_prompt_file;  // what the chat page starts with
  std::string examples_file;       // JSON list of questions for the chat page
  std::string page_texts_file;     // JSON: title, greeting and examples by language
};

struct ChatOptions {
  ModelOptions model;
  std::string url;      // of a server that answers instead of a model here
  std::string api_key;  // for it
  std::string prompt;   // answered, and that is all; empty: a conversation
  bool no_history = false;
  std::string system_prompt;
  std::optional<double> temperature;
  std::optional<int> max_tokens;
  std::optional<uint64_t> seed;
};

struct PullCommand {
  std::string repo;
  std::string revision = "main";
  std::string file;
  bool accept_license = false;
};

struct QuantizeCommand {
  ModelOptions model;  // of it: what is packed and how
  std::string output;  // empty: the cache
};

struct CompileCommand {
  ModelOptions model;  // as it will be served
};

struct InspectCommand {
  std::string path;
  std::vector<std::string> adapters;
  bool json = false;
};

struct DevicesCommand {
  std::string device = "auto";            // all that are known
  std::vector<std::string> pjrt_options;  // as in ModelOptions
  bool json = false;
};

struct BenchOptions : DeviceOptions {
  std::string model;  // folder, .gguf file or hub repo id; empty: `shape`
  std::string shape;  // of model/llama_shapes.h: random weights, no file
  int layers = 0;     // 0: all
  std::string backend = "cpu";
  std::string weights;                 // as in ModelOptions; empty: int8, or bf16 on devices
  int group = 0;                       // weights that share a scale; 0: the format's own
  std::string packed_weights = "off";  // as in ModelOptions
  std::string kv_cache_dtype;          // f32, bf16 or int8; empty: the backend's choice
  int threads = 0;
  std::vector<int> prefill = {512};  // 0: none
  int decode = 32;                   // steps; 0: no decoding
  std::vector<int> batch = {1, 4, 8, 16};
  std::vector<int> depth = {0, 1024, 3584};
  bool served = false;  // also what clients of a server get
  int rounds = 3;
  bool json = false;
};

struct PlanCommand {
  std::string model;  // folder, .gguf file or hub repo id, of which only the config is fetched
  std::string revision;
  std::string shape;    // of model/llama_shapes.h, instead of a model
  std::string weights;  // only this format; empty: all that the device has
  int context = 0;      // 0: the model's own, at most 4096
  int users = 0;        // at the peak; 0: one, or as many as tokens_per_second serve
  double tokens_per_second = 0;
  double ttft_ms = 10000;  // for 95 of 100
  double tpot_ms = 250;
  double budget = 0;  // $ a month; 0: any
  std::string on;     // "inf2", "trn1", "gpu", "cpu", "here"; empty: all that is rented
  std::string region = "us-west-2";
  int prompt_tokens = 0;  // 0: 512, or what the context has room for
  int answer_tokens = 0;  // 0: 256
  double think_seconds = 30;
  int threads = 0;        // of `here`
  std::string catalogue;  // file; empty: the built-in one
  std::string write;      // folder for the overlay of the choice
  bool seed_table = false;
  bool json = false;
  bool accept_license = false;
};

struct LoadCommand {
  std::string url;
  std::string model;              // its name there; empty: the server's first
  int users = 1;                  // of a closed loop
  double rate = 0;                // requests a second of an open loop; 0: users
  std::vector<std::string> ramp;  // "1:64:600s"
  bool open_loop = false;         // the ramp is of requests a second
  std::string duration;           // "30s"; empty: the ramp, or --requests, or 30 s
  int64_t requests = 0;           // 0: no limit
  double think_seconds = 0;
  std::string chats;  // file; empty: the support shop
  uint64_t seed = 0;
  int max_tokens = 256;
  std::string extra_body;  // JSON object
  std::vector<std::string> api_keys;
  std::string api_key_file;
  std::string timeout = "600s";
  bool obey_retry_after = false;
  std::vector<std::string> goodput;  // "ttft:500"
  double fail_under_goodput = 0;     // share of requests
  std::string json, html;            // files; "-": standard output
};

// Text to print and the exit code: --help, --version, completion scripts and wrong usage.
struct ExitCommand {
  std::string text;
  int code = 0;
};

using Command = std::variant<ServeOptions, ChatOptions, PullCommand, QuantizeCommand,
                             CompileCommand, InspectCommand, DevicesCommand, BenchOptions,
                             LoadCommand, PlanCommand, ExitCommand>;

struct CommandLine {
  Command command;
  LogLevel log_level = LogLevel::kInfo;
  std::vector<std::string> warnings;  // of what was given and has no effect
};

inline constexpr const char* kVersion = PUNA_VERSION;

// Reads the arguments and the environment; never exits by itself.
CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace puna
