// The part of EngineCore that looks at who waits: whose time has run out, and who is told its
// place.

#include <chrono>
#include <vector>

#include "engine/engine_core.h"

namespace puna {
namespace {

constexpr std::chrono::seconds kPlacesToldEvery{1};

}  // namespace

void EngineCore::end_late(Clock::Time now) {
  std::vector<SequenceId> late;
  for (const auto& [id, sequence] : sequences_) {
    if (sequence.origin.deadline && *sequence.origin.deadline <= now) late.push_back(id);
  }
  for (const SequenceId id : late) end(id, {.finish = EngineFinish::kDeadline});
}

// Whoever has begun and gave way is in the line too, and knows already that it was its turn. Where
// there is a free slot, who waits for the next step hardly waits; who waits for memory is told in a
// second.
void EngineCore::tell_places(Clock::Time now) {
  const bool is_full = scheduler_.running_count() >= limits_.max_num_seqs;
  const bool tells_all = now - places_told_ >= kPlacesToldEvery;
  if (scheduler_.waiting_count() == 0) places_told_ = now;
  if (scheduler_.waiting_count() == 0 || !(tells_all || (has_newcomers_ && is_full))) return;
  int place = 0;
  for (const SequenceId id : scheduler_.waiting_in_turn()) {
    ++place;
    Sequence& sequence = sequences_.at(id);
    const bool is_new = sequence.told_place == 0;
    if (sequence.started || !(is_new || (tells_all && sequence.told_place != place))) continue;
    sequence.told_place = place;
    sequence.listener->on_queued({.place = place, .running = scheduler_.running_count()});
  }
  has_newcomers_ = false;
  if (tells_all) places_told_ = now;
}

}  // namespace puna
