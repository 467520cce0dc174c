// A count and a set; they are one number for whoever asks.

#include "engine/queue_places.h"

#include "base/check.h"

namespace puna {

Admission::~Admission() {
  if (queue_ != nullptr) queue_->give_back(places_);
}

int QueuePlaces::taken() const {
  const std::lock_guard lock(mutex_);
  return taken_locked();
}

bool QueuePlaces::hold(int places, Admission& admission) {
  const std::lock_guard lock(mutex_);
  if (places > limit_ - taken_locked()) return false;
  held_ += places;
  admission.queue_ = this;
  admission.places_ += places;
  DCHECK(taken_locked() <= limit_, "no more are in than may be");
  return true;
}

void QueuePlaces::enter(Admission& admission, SequenceId id) {
  CHECK(admission.queue_ == this && admission.places_ > 0, "a sequence needs a place of its own");
  const std::lock_guard lock(mutex_);
  --admission.places_;
  --held_;
  DCHECK(held_ >= 0, "who enters has held a place");
  [[maybe_unused]] const bool is_new = present_.insert(id).second;
  DCHECK(is_new, "a sequence enters once");
}

void QueuePlaces::leave(SequenceId id) {
  const std::lock_guard lock(mutex_);
  if (present_.erase(id) > 0) left_.notify_all();
}

void QueuePlaces::give_back(int places) {
  const std::lock_guard lock(mutex_);
  DCHECK(places >= 0 && places <= held_, "a place is given back once");
  held_ -= places;
  left_.notify_all();
}

bool QueuePlaces::wait_until_empty(std::chrono::nanoseconds limit) {
  std::unique_lock lock(mutex_);
  return left_.wait_for(lock, limit, [this] { return taken_locked() == 0; });
}

}  // namespace puna
