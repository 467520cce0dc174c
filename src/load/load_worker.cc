// A loop: send what is due, read what has come, look at the clock.

#include "load/load_worker.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "load/answer_reader.h"

namespace puna {
namespace {

using std::chrono::steady_clock;

constexpr size_t kRefusalBytesMax = 64 << 10;
constexpr double kWakeEvery = 0.010;

std::string request_body(const LoadSettings& settings, const Conversation& conversation) {
  std::string body =
      fmt::format(R"({{"model":{},"stream":true,"stream_options":{{"include_usage":true}})",
                  dump_json(Json(settings.model)));
  // What a chat's own line says comes before what holds for all.
  const std::string& own = conversation.fields();
  if (settings.max_tokens > 0 && own.find(R"("max_tokens":)") == own.npos) {
    body += fmt::format(R"(,"max_tokens":{})", settings.max_tokens);
  }
  for (const std::string& fields : {settings.extra_fields, own}) {
    if (!fields.empty()) body += "," + fields;
  }
  return body + R"(,"messages":[)" + conversation.question() + "]}";
}

}  // namespace

// One request and its answer.
class LoadWorker::Exchange final : public TransferListener {
 public:
  explicit Exchange(LoadWorker& worker) : worker_(worker) {}

  void begin(Customer& customer, double intended) {
    customer_ = &customer;
    record_ = {};
    record_.intended = intended;
    record_.sent = worker_.seconds();
    reader_ = {};
    refusal_.clear();
    pieces_ = 0;
    const std::lock_guard lock(worker_.mutex_);
    worker_.statistics_.begin(record_);
  }

  void on_bytes(long status, std::string_view bytes) override {
    if (status != 200) {
      refusal_ += bytes.substr(0, kRefusalBytesMax - std::min(refusal_.size(), kRefusalBytesMax));
      return;
    }
    const int pieces = reader_.add(bytes);
    if (pieces == 0) return;
    const double now = worker_.seconds();
    {
      const std::lock_guard lock(worker_.mutex_);
      worker_.statistics_.add_pieces(now, pieces, record_.last_token);
    }
    pieces_ += pieces;
    if (!record_.first_token) record_.first_token = now;
    record_.last_token = now;
  }

  void on_end(const TransferEnd& end) override {
    record_.ended = worker_.seconds();
    record_.output_tokens = reader_.output_tokens();
    record_.prompt_tokens = reader_.prompt_tokens();
    record_.cached_tokens = reader_.cached_tokens();
    const auto [kind, message] = fault(end);
    {
      const std::lock_guard lock(worker_.mutex_);
      if (kind.empty()) {
        worker_.statistics_.end_answered(record_, pieces_);
      } else {
        worker_.statistics_.end_failed(record_, kind, message);
      }
    }
    if (kind.empty()) {
      worker_.pace_->answered(*customer_, record_.ended, reader_.text());
    } else {
      worker_.pace_->failed(*customer_, record_.ended, wait_of(end));
    }
    worker_.idle_.push_back(this);
  }

 private:
  struct Fault {
    std::string kind, message;  // no kind: there is none
  };

  Fault fault(const TransferEnd& end) const {
    if (end.status == 200 && !reader_.error().empty()) return {"stream error", reader_.error()};
    if (end.status == 200 && reader_.is_whole() && reader_.has_events()) return {};
    switch (end.failure) {
      case TransferFailure::kConnect:
        return {"connect", end.message};
      case TransferFailure::kTimeout:
        return {"timeout", end.message};
      case TransferFailure::kCut:
        return {"cut", end.message};
      case TransferFailure::kNone:
        break;
    }
    if (end.status != 200) return {std::to_string(end.status), refusal_message(refusal_)};
    if (reader_.has_events()) return {"cut", "the stream ended without a finish_reason"};
    return {"no answer", "200, and no server-sent events of OpenAI's API"};
  }

  std::optional<double> wait_of(const TransferEnd& end) const {
    const bool asks = (end.status == 429 || end.status == 503) && end.retry_after_seconds > 0;
    if (!worker_.settings_.obey_retry_after || !asks) return std::nullopt;
    return end.retry_after_seconds;
  }

  LoadWorker& worker_;
  Customer* customer_ = nullptr;
  RequestRecord record_;
  AnswerReader reader_;
  std::string refusal_;
  int64_t pieces_ = 0;
};

LoadWorker::LoadWorker(const LoadSettings& settings, std::unique_ptr<Pace> pace,
                       size_t connections_max, const std::atomic<bool>& stop)
    : settings_(settings),
      pace_(std::move(pace)),
      connections_max_(connections_max),
      stop_(stop),
      statistics_(settings.goodput) {}
LoadWorker::~LoadWorker() = default;

Result<std::unique_ptr<LoadWorker>> LoadWorker::open(const LoadSettings& settings,
                                                     std::unique_ptr<Pace> pace,
                                                     size_t connections_max,
                                                     const std::atomic<bool>& stop) {
  std::unique_ptr<LoadWorker> worker(
      new LoadWorker(settings, std::move(pace), connections_max, stop));
  ASSIGN_OR_RETURN(worker->transfers_, Transfers::open(settings.url + "/v1/chat/completions",
                                                       settings.timeout_seconds));
  return worker;
}

double LoadWorker::seconds() const {
  return std::chrono::duration<double>(steady_clock::now() - began_).count();
}

void LoadWorker::run(Time began) {
  began_ = began;
  while (!stop_) {
    note_wake();
    send_due();
    const auto due = next_due();
    if (!due && transfers_->running() == 0) return;
    const bool has_room = transfers_->running() < connections_max_;
    const double moment = due && has_room ? std::min(*due, wake_due_) : wake_due_;
    transfers_->run_until(began_ + std::chrono::duration_cast<steady_clock::duration>(
                                       std::chrono::duration<double>(moment)));
  }
  const size_t dropped = transfers_->running();
  transfers_->drop_all();
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < dropped; ++i) statistics_.end_dropped(seconds());
}

// Nothing when nothing more is sent. What is due before the end is sent, however late.
std::optional<double> LoadWorker::next_due() const {
  const auto next = pace_->next();
  if (next && settings_.duration_seconds && *next >= *settings_.duration_seconds) {
    return std::nullopt;
  }
  return next;
}

void LoadWorker::send_due() {
  const double now = seconds();
  while (transfers_->running() < connections_max_) {
    const auto due = next_due();
    if (!due || *due > now) return;
    if (Customer* const customer = pace_->take()) send(*customer, *due);
  }
}

void LoadWorker::send(Customer& customer, double intended) {
  if (idle_.empty()) {
    exchanges_.push_back(std::make_unique<Exchange>(*this));
    idle_.push_back(exchanges_.back().get());
  }
  Exchange& exchange = *idle_.back();
  idle_.pop_back();
  const std::vector<std::string>& keys = settings_.api_keys;
  const std::string key = keys.empty() ? "" : keys[customer.number % keys.size()];
  std::string body = request_body(settings_, customer.conversation);
  exchange.begin(customer, intended);
  transfers_->start(std::move(body), key, exchange);
}

// As HdrHistogram corrects it: in a pause of 100 ms nine more looks at the clock would have been
// late, too.
void LoadWorker::note_wake() {
  const double now = seconds();
  if (now < wake_due_) return;
  const std::lock_guard lock(mutex_);
  for (; wake_due_ <= now; wake_due_ += kWakeEvery) statistics_.add_wake(now - wake_due_);
}

LoadStatistics LoadWorker::statistics() const {
  const std::lock_guard lock(mutex_);
  return statistics_;
}

void LoadWorker::add_to(LoadProgress& sum) const {
  const std::lock_guard lock(mutex_);
  statistics_.add_to(sum);
}

}  // namespace puna
