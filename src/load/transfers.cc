// libcurl says which sockets and which moment it waits for; epoll waits, whatever their number.

#include "load/transfers.h"

#include <curl/curl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/environment.h"
#include "base/file_descriptor.h"

namespace puna {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr long kConnectSeconds = 10;
constexpr std::chrono::seconds kLongestWait{1};
constexpr int kEventsMax = 256;  // of one look
using Events = std::array<epoll_event, kEventsMax>;
constexpr long kConnectionsKept = 1 << 16;  // more than there may be

// One request of several that its handle makes, one after the other.
struct Transfer {
  CURL* easy = curl_easy_init();
  TransferListener* listener = nullptr;
  std::string body;
  std::array<char, CURL_ERROR_SIZE> message = {};

  Transfer() = default;
  ~Transfer() { curl_easy_cleanup(easy); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
};

size_t receive(const char* bytes, size_t size, size_t count, void* receiver) {
  auto& transfer = *static_cast<Transfer*>(receiver);
  long status = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  transfer.listener->on_bytes(status, {bytes, size * count});
  return size * count;
}

TransferFailure failure_of(CURLcode code, CURL* easy) {
  if (code == CURLE_OK) return TransferFailure::kNone;
  const bool was_connected =
      code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_GOT_NOTHING;
  double connected = 0;
  curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME, &connected);
  // Also what takes too long to connect, and TLS.
  if (connected <= 0 && !was_connected) return TransferFailure::kConnect;
  return code == CURLE_OPERATION_TIMEDOUT ? TransferFailure::kTimeout : TransferFailure::kCut;
}

// Nanoseconds matter: a request that waits for the next millisecond is half of one late.
int wait_for(int poll, Events& events, steady_clock::time_point until) {
  const auto left = std::clamp<steady_clock::duration>(
      until - steady_clock::now(), steady_clock::duration::zero(), kLongestWait);
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(left);
  const timespec wait{.tv_sec = whole.count(), .tv_nsec = (left - whole).count()};
  const int count = ::epoll_pwait2(poll, events.data(), kEventsMax, &wait, nullptr);
  if (count >= 0 || errno != ENOSYS) return count;
  const auto rounded = std::chrono::ceil<milliseconds>(left).count();  // kernels before 5.11
  return ::epoll_wait(poll, events.data(), kEventsMax, static_cast<int>(rounded));
}

}  // namespace

struct Transfers::State {
  std::string url;
  long timeout_ms = 0;
  const std::string authorities = environment("SSL_CERT_FILE");  // libcurl itself has another
  CURLM* multi = curl_multi_init();
  FileDescriptor poll;
  std::optional<Time> timer;                             // when libcurl wants to be called
  std::unordered_map<std::string, curl_slist*> headers;  // by key
  std::unordered_map<CURL*, std::unique_ptr<Transfer>> running;
  std::vector<std::unique_ptr<Transfer>> idle;

  State() = default;
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  static int on_socket(CURL* easy, curl_socket_t socket, int what, void* self, void* known);
  static int on_timer(CURLM* multi, long wait_ms, void* self);
  curl_slist* headers_of(const std::string& api_key);
  void prepare(Transfer& transfer, const std::string& api_key);
  void act(curl_socket_t socket, int events);
  void report_ends();
};

Transfers::State::~State() {
  for (auto& [easy, transfer] : running) curl_multi_remove_handle(multi, easy);
  running.clear();
  idle.clear();
  curl_multi_cleanup(multi);  // its last words go to on_socket
  for (auto& [key, list] : headers) curl_slist_free_all(list);
}

int Transfers::State::on_socket(CURL*, curl_socket_t socket, int what, void* self, void* known) {
  auto& state = *static_cast<State*>(self);
  if (what == CURL_POLL_REMOVE) {
    ::epoll_ctl(state.poll.get(), EPOLL_CTL_DEL, socket, nullptr);
    return 0;
  }
  epoll_event event = {};
  event.data.fd = socket;
  if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
  if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
  const int change = known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (::epoll_ctl(state.poll.get(), change, socket, &event) != 0) return -1;
  if (known == nullptr) curl_multi_assign(state.multi, socket, self);
  return 0;
}

int Transfers::State::on_timer(CURLM*, long wait_ms, void* self) {
  auto& timer = static_cast<State*>(self)->timer;
  timer.reset();
  if (wait_ms >= 0) timer = steady_clock::now() + milliseconds(wait_ms);
  return 0;
}

curl_slist* Transfers::State::headers_of(const std::string& api_key) {
  curl_slist*& list = headers[api_key];
  if (list != nullptr) return list;
  list = curl_slist_append(nullptr, "Content-Type: application/json");
  list = curl_slist_append(list, "Accept: text/event-stream");
  list = curl_slist_append(list, "Expect:");  // a refusal comes before the body has gone
  if (!api_key.empty()) {
    list = curl_slist_append(list, ("Authorization: Bearer " + api_key).c_str());
  }
  return list;
}

void Transfers::State::prepare(Transfer& transfer, const std::string& api_key) {
  CURL* const easy = transfer.easy;
  transfer.message[0] = '\0';
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.message.data());
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "puna-load");
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  // A stream has a connection of its own: that is what the users of a server have.
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_of(api_key));
  if (!authorities.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, authorities.c_str());
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(transfer.body.size()));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer.body.c_str());
}

void Transfers::State::act(curl_socket_t socket, int events) {
  int ignored = 0;
  curl_multi_socket_action(multi, socket, events, &ignored);
}

void Transfers::State::report_ends() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    CURL* const easy = message->easy_handle;
    const CURLcode code = message->data.result;
    auto node = running.extract(easy);
    std::unique_ptr<Transfer> transfer = std::move(node.mapped());
    TransferEnd end;
    curl_off_t retry_after = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &end.status);
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
    end.retry_after_seconds = static_cast<double>(retry_after);
    end.failure = failure_of(code, easy);
    if (code != CURLE_OK) {
      end.message =
          transfer->message[0] != '\0' ? transfer->message.data() : curl_easy_strerror(code);
    }
    curl_multi_remove_handle(multi, easy);
    TransferListener& listener = *transfer->listener;
    idle.push_back(std::move(transfer));
    listener.on_end(end);
  }
}

Transfers::Transfers(std::unique_ptr<State> state) : state_(std::move(state)) {}
Transfers::~Transfers() = default;

Result<std::unique_ptr<Transfers>> Transfers::open(std::string url, double timeout_seconds) {
  auto state = std::make_unique<State>();
  state->url = std::move(url);
  state->timeout_ms = static_cast<long>(timeout_seconds * 1000);
  state->poll = FileDescriptor(::epoll_create1(EPOLL_CLOEXEC));
  if (state->poll.get() < 0) return file_error("epoll", errno);
  CURLM* const multi = state->multi;
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, State::on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, state.get());
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, State::on_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, state.get());
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, kConnectionsKept);
  return std::unique_ptr<Transfers>(new Transfers(std::move(state)));
}

void Transfers::start(std::string body, const std::string& api_key, TransferListener& listener) {
  State& state = *state_;
  std::unique_ptr<Transfer> transfer;
  if (state.idle.empty()) {
    transfer = std::make_unique<Transfer>();
  } else {
    transfer = std::move(state.idle.back());
    state.idle.pop_back();
  }
  transfer->listener = &listener;
  transfer->body = std::move(body);
  state.prepare(*transfer, api_key);
  CURL* const easy = transfer->easy;
  state.running.emplace(easy, std::move(transfer));
  curl_multi_add_handle(state.multi, easy);
}

void Transfers::run_until(Time latest) {
  State& state = *state_;
  const Time until = state.timer ? std::min(*state.timer, latest) : latest;
  Events events;
  for (int i = 0, count = wait_for(state.poll.get(), events, until); i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    int what = 0;
    if ((event.events & (EPOLLIN | EPOLLHUP)) != 0) what |= CURL_CSELECT_IN;
    if ((event.events & EPOLLOUT) != 0) what |= CURL_CSELECT_OUT;
    if ((event.events & EPOLLERR) != 0) what |= CURL_CSELECT_ERR;
    state.act(event.data.fd, what);
  }
  if (state.timer && *state.timer <= steady_clock::now()) {
    state.timer.reset();
    state.act(CURL_SOCKET_TIMEOUT, 0);
  }
  state.report_ends();
}

void Transfers::drop_all() {
  State& state = *state_;
  for (auto& [easy, transfer] : state.running) {
    curl_multi_remove_handle(state.multi, easy);
    state.idle.push_back(std::move(transfer));
  }
  state.running.clear();
}

size_t Transfers::running() const { return state_->running.size(); }

}  // namespace puna
