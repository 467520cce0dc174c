// QueuePlaces: how many may be in the engine, running or waiting. A place is held before there is a
// prompt, belongs to a sequence later, and is free as soon as nobody wants it any more.
//
// Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <unordered_set>
#include <utility>

#include "engine/step_plan.h"

namespace puna {

class QueuePlaces;

// Places that are held for requests whose prompts are being made; given back when it goes.
class Admission {
 public:
  Admission() = default;
  Admission(Admission&& other) noexcept
      : queue_(std::exchange(other.queue_, nullptr)), places_(std::exchange(other.places_, 0)) {}
  Admission& operator=(Admission&& other) noexcept {
    std::swap(queue_, other.queue_);
    std::swap(places_, other.places_);
    return *this;
  }
  ~Admission();

  int places() const { return places_; }

 private:
  friend class QueuePlaces;
  QueuePlaces* queue_ = nullptr;
  int places_ = 0;
};

class QueuePlaces {
 public:
  explicit QueuePlaces(int limit) : limit_(limit) {}

  int limit() const { return limit_; }
  int taken() const;

  // So many more for `admission`; false and nothing done when there is no room.
  bool hold(int places, Admission& admission);
  // One of the places of `admission` is this sequence's from now on.
  void enter(Admission& admission, SequenceId id);
  // It has finished, or nobody waits for it any more. No effect the second time.
  void leave(SequenceId id);

  // False: somebody is still in after `limit`.
  bool wait_until_empty(std::chrono::nanoseconds limit);

 private:
  friend class Admission;
  void give_back(int places);
  int taken_locked() const { return held_ + static_cast<int>(present_.size()); }

  const int limit_;
  mutable std::mutex mutex_;
  std::condition_variable left_;
  int held_ = 0;                            // without a sequence; guarded by mutex_, as present_
  std::unordered_set<SequenceId> present_;  // neither finished nor cancelled
};

}  // namespace puna
