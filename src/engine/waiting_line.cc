// Lines are short: of clients there are as many as keys.

#include "engine/waiting_line.h"

#include <algorithm>

#include "base/check.h"

namespace puna {

void WaitingLine::add(SequenceId id, ClientIndex client, int priority) {
  if (clients_.find(client) == clients_.end()) {
    int64_t least = 0;
    const auto poorest =
        std::min_element(clients_.begin(), clients_.end(), [](const auto& one, const auto& other) {
          return one.second.served_tokens < other.second.served_tokens;
        });
    if (poorest != clients_.end()) least = poorest->second.served_tokens;
    clients_[client].served_tokens = least;
  }
  ++clients_.at(client).present_count;  // first: leave() undoes an add() that found no memory
  queues_[priority][client].push_back(id);
  ++size_;
}

void WaitingLine::leave(SequenceId id, ClientIndex client, int priority) {
  const bool waited = std::erase(put_back_, id) > 0 || erase_waiting(id, client, priority);
  size_ -= waited ? 1 : 0;
  const auto found = clients_.find(client);
  if (found != clients_.end() && --found->second.present_count <= 0) clients_.erase(found);
}

SequenceId WaitingLine::next() const {
  CHECK(!empty(), "somebody waits");
  return put_back_.empty() ? first_queues().at(next_client()).front() : put_back_.front();
}

void WaitingLine::remove_next() {
  CHECK(!empty(), "somebody waits");
  if (put_back_.empty()) {
    const ClientIndex client = next_client();
    erase_waiting(first_queues().at(client).front(), client, queues_.begin()->first);
  } else {
    put_back_.pop_front();
  }
  --size_;
}

void WaitingLine::put_back(SequenceId id) {
  put_back_.push_front(id);
  ++size_;
}

void WaitingLine::charge(ClientIndex client, int64_t token_count) {
  const auto found = clients_.find(client);
  if (found != clients_.end()) found->second.served_tokens += token_count;
}

std::vector<SequenceId> WaitingLine::all() const {
  std::vector<SequenceId> ids(put_back_.begin(), put_back_.end());
  for (const auto& [priority, clients] : queues_) {
    for (const auto& [client, queue] : clients) ids.insert(ids.end(), queue.begin(), queue.end());
  }
  return ids;
}

// Of two who have been served alike the one whose sequence came first.
ClientIndex WaitingLine::next_client() const {
  const auto& queues = first_queues();
  const auto next =
      std::min_element(queues.begin(), queues.end(), [this](const auto& one, const auto& other) {
        const int64_t had = clients_.at(one.first).served_tokens;
        const int64_t other_had = clients_.at(other.first).served_tokens;
        return had != other_had ? had < other_had : one.second.front() < other.second.front();
      });
  return next->first;
}

bool WaitingLine::erase_waiting(SequenceId id, ClientIndex client, int priority) {
  const auto level = queues_.find(priority);
  if (level == queues_.end()) return false;
  bool was_there = false;
  if (const auto queue = level->second.find(client); queue != level->second.end()) {
    was_there = std::erase(queue->second, id) > 0;
    if (queue->second.empty()) level->second.erase(queue);
  }
  if (level->second.empty()) queues_.erase(level);
  return was_there;
}

}  // namespace puna
