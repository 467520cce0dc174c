// Whoever reads the last byte may ask again at once, so the place is free before that.

#include "api/metered_answer.h"

#include <utility>

namespace puna {
namespace {

void end(HttpReply& reply, KeyMeter::Ticket& ticket) {
  ticket.end();
  for (auto& header : ticket.headers()) reply.headers.push_back(std::move(header));
}

class MeteredAnswer final : public ReplyStream {
 public:
  MeteredAnswer(std::unique_ptr<ReplyStream> answer, std::shared_ptr<KeyMeter::Ticket> ticket)
      : ticket_(std::move(ticket)), answer_(std::move(answer)) {}

  void on_ready(const std::function<void()>& wake) override { answer_->on_ready(wake); }
  bool begin_events() override { return answer_->begin_events(); }

  ReplyPart poll() override {
    ReplyPart part = answer_->poll();
    if (!part.events.empty() && !has_begun_) {
      has_begun_ = true;
      for (auto& header : ticket_->headers()) part.headers.push_back(std::move(header));
    }
    if (part.reply) {
      end(*part.reply, *ticket_);
    } else if (part.last) {
      ticket_->end();
    }
    return part;
  }

 private:
  const std::shared_ptr<KeyMeter::Ticket> ticket_;
  const std::unique_ptr<ReplyStream> answer_;  // last: settles with the ticket
  bool has_begun_ = false;
};

}  // namespace

std::shared_ptr<KeyMeter::Ticket> ticket_of(const HttpRequest& head) {
  return std::static_pointer_cast<KeyMeter::Ticket>(head.ticket);
}

HttpOutcome metered(HttpOutcome outcome, std::shared_ptr<KeyMeter::Ticket> ticket) {
  if (auto* reply = std::get_if<HttpReply>(&outcome)) {
    end(*reply, *ticket);
    return outcome;
  }
  return std::make_unique<MeteredAnswer>(std::move(std::get<std::unique_ptr<ReplyStream>>(outcome)),
                                         std::move(ticket));
}

}  // namespace puna
