// WaitingLine: who of those that wait begins next, and what clients have had already. Plain data.
//
// First whoever had begun and gave way; then by priority, the smaller first; within one the client
// that has been served least, and its sequences in the order in which they came. A client is
// charged the tokens that are computed for it: Sheng et al., "Fairness in Serving Large Language
// Models" (2024). It does not save up while it is away: who comes is set to the least of all.
#pragma once

#include <deque>
#include <map>
#include <unordered_map>
#include <vector>

#include "base/request_origin.h"
#include "engine/step_plan.h"

namespace puna {

class WaitingLine {
 public:
  // A sequence comes; its client is here until as many have left as have come.
  void add(SequenceId id, ClientIndex client, int priority);
  // It has ended, waiting or not.
  void leave(SequenceId id, ClientIndex client, int priority);

  bool empty() const { return size_ == 0; }
  int size() const { return size_; }
  SequenceId next() const;  // of a line that is not empty
  void remove_next();
  void put_back(SequenceId id);  // before all others

  void charge(ClientIndex client, int64_t token_count);
  std::vector<SequenceId> all() const;

 private:
  using Queue = std::deque<SequenceId>;
  struct Client {
    int present_count = 0;
    int64_t served_tokens = 0;
  };

  const std::map<ClientIndex, Queue>& first_queues() const { return queues_.begin()->second; }
  ClientIndex next_client() const;
  bool erase_waiting(SequenceId id, ClientIndex client, int priority);

  Queue put_back_;
  std::map<int, std::map<ClientIndex, Queue>> queues_;  // by priority; none is empty
  std::unordered_map<ClientIndex, Client> clients_;     // those with a sequence here
  int size_ = 0;
};

}  // namespace puna
