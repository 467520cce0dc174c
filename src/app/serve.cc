// Listens first, so that a wrong port is known at once and clients learn that the model is being
// loaded; then loads. SIGTERM ends it in order, a second one at once.

#include "app/serve.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>

#include "api/auth.h"
#include "api/page_options.h"
#include "api/routes.h"
#include "app/open_generator.h"
#include "base/exceptions.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "base/thread.h"
#include "http/server.h"
#include "terminal/terminal.h"

namespace puna {
namespace {

constexpr size_t kPageFileBytesMax = 1 << 20;

// A file that a flag names.
Result<std::string> read_named(std::string_view flag, const std::string& path) {
  auto text = read_file(path, kPageFileBytesMax);
  if (!text.ok()) return text.status().with_context(flag);
  return text;
}

Result<PageOptions> page_options(const ServeOptions& options) {
  PageOptions page;
  page.title = options.page_title;
  if (!options.system_prompt_file.empty()) {
    ASSIGN_OR_RETURN(page.system_prompt,
                     read_named("--system-prompt-file", options.system_prompt_file));
    while (page.system_prompt.ends_with('\n')) page.system_prompt.pop_back();
  }
  if (!options.examples_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, read_named("--examples-file", options.examples_file));
    ASSIGN_OR_RETURN(page.examples,
                     parse_examples(text, "--examples-file " + options.examples_file));
  }
  if (!options.page_texts_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text,
                     read_named("--page-texts-file", options.page_texts_file));
    ASSIGN_OR_RETURN(page.texts,
                     parse_page_texts(text, "--page-texts-file " + options.page_texts_file));
  }
  return page;
}

Result<ApiOptions> api_options(const ServeOptions& options) {
  ApiOptions api;
  api.host = options.host;
  if (!options.api_keys.empty() || !options.api_key_file.empty()) {
    ASSIGN_OR_RETURN(api.authenticator,
                     Authenticator::open(options.api_keys, options.api_key_file));
  }
  api.insecure_no_auth = options.insecure_no_auth;
  RETURN_IF_ERROR(check_exposure(api.host, api.authenticator != nullptr, api.insecure_no_auth));
  api.allowed_origins = options.allowed_origins;
  api.version = kVersion;
  ASSIGN_OR_RETURN(api.page, page_options(options));
  return api;
}

ServerOptions server_options(const ServeOptions& options) {
  ServerOptions server;
  server.host = options.host;
  server.port = options.port;
  server.limits.body_bytes_max = static_cast<size_t>(options.max_body_bytes);
  server.limits.total_body_bytes_max =
      options.max_total_body_bytes > 0
          ? static_cast<size_t>(options.max_total_body_bytes)
          : std::max(server.limits.total_body_bytes_max, server.limits.body_bytes_max);
  server.limits.connections_max = options.max_connections;
  server.shutdown_timeout = std::chrono::seconds(options.shutdown_timeout_seconds);
  return server;
}

Status no_descriptor(std::string_view what) {
  return error(StatusCode::kResourceExhausted, "no descriptor for {}: {} (ulimit -n)", what,
               std::strerror(errno));
}

// SIGINT, SIGTERM and SIGHUP become readable here; every thread started later blocks them too.
Result<int> open_signal_descriptor() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  struct sigaction hang_up{};
  // The terminal has gone: the same end, unless nohup says that it shall not matter.
  if (::sigaction(SIGHUP, nullptr, &hang_up) == 0 && hang_up.sa_handler != SIG_IGN) {
    sigaddset(&signals, SIGHUP);
  }
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const int descriptor = ::signalfd(-1, &signals, SFD_CLOEXEC);
  if (descriptor < 0) return no_descriptor("signals");
  return descriptor;
}

// Waits for signals, or for the end of standard input, and asks the server to stop.
void watch(Server& server, int signals, bool watch_stdin, int wake) {
  pollfd inputs[] = {{signals, POLLIN, 0}, {wake, POLLIN, 0}, {watch_stdin ? 0 : -1, POLLIN, 0}};
  bool stopping = false;
  for (;;) {
    if (::poll(inputs, 3, -1) < 0) continue;
    if (inputs[1].revents != 0) return;  // the server has ended
    bool stop = false;
    if (inputs[0].revents != 0) {
      signalfd_siginfo ignored;
      stop = ::read(signals, &ignored, sizeof ignored) > 0;
    }
    if (inputs[2].revents != 0) {
      char ignored[256];
      if (::read(0, ignored, sizeof ignored) <= 0) {
        stop = true;
        inputs[2].fd = -1;
      }
    }
    if (!stop) continue;
    if (stopping) ::_exit(1);  // asked twice: at once
    stopping = true;
    log_info("stopping: running answers are finished first; ask again to end at once");
    server.request_stop();
  }
}

void write_port(int descriptor, int port) {
  if (descriptor < 0) return;
  const std::string text = std::to_string(port) + "\n";
  if (::write(descriptor, text.data(), text.size()) < 0) {
    log_warning("--port-fd {}: cannot write to it", descriptor);
  }
  ::close(descriptor);
}

// Loads the model while the server already answers "loading".
Status load(const ServeOptions& options, Routes& routes) try {
  ASSIGN_OR_RETURN(const auto generator,
                   open_generator(options.model, options.served_model_names,
                                  [&](const std::string& work) { routes.set_loading(work); }));
  routes.set_generator(generator);
  std::printf("ready\n");
  std::fflush(stdout);
  return {};
} catch (...) {
  return status_of_exception().with_context("loading the model");
}

// Closing the pipe wakes it.
void end_watcher(std::thread& watcher, const int (&wake)[2]) {
  ::close(wake[1]);
  watcher.join();
  ::close(wake[0]);
}

int serve(const ServeOptions& options, Routes& routes, Server& server, int signals) {
  int wake[2];
  if (::pipe(wake) != 0) return fail(no_descriptor("a pipe"));
  std::printf("listening on %s\n", server.url().c_str());
  std::fflush(stdout);
  write_port(options.port_fd, server.port());
  auto watcher =
      start_thread("signals", [&] { watch(server, signals, options.watch_stdin, wake[0]); });
  if (!watcher.ok()) return fail(watcher.status());
  Status loaded;
  std::atomic<bool> load_ended = false;
  auto loader = start_thread("loading the model", [&] {
    loaded = load(options, routes);
    load_ended = true;
    if (!loaded.ok()) server.request_stop();
  });
  if (!loader.ok()) {
    end_watcher(*watcher, wake);
    return fail(loader.status());
  }
  server.run();
  if (!load_ended) {   // stopped while loading: nothing runs and there is nothing to keep
    loader->detach();  // or a thread sanitizer calls it leaked when it ends meanwhile
    ::_exit(0);
  }
  loader->join();
  end_watcher(*watcher, wake);
  return loaded.ok() ? 0 : fail(loaded);
}

}  // namespace

int run_serve(const ServeOptions& options) {
  const auto chosen = api_options(options);
  if (!chosen.ok()) return fail(chosen.status());
  // What can never be loaded is known before a port is open.
  if (const Status known = check_model_options(options.model); !known.ok()) return fail(known);
  const auto signals = open_signal_descriptor();
  if (!signals.ok()) return fail(signals.status());
  Routes routes(*chosen);
  auto server = Server::open(server_options(options), routes);
  if (!server.ok()) return fail(server.status());
  return serve(options, routes, **server, *signals);
}

}  // namespace puna
