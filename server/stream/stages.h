#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/clock.h"
#include "runtime/histogram.h"

namespace server::stream {

// The stages of WAL on its way to one standby, in their order. Each ends where its name says, and
// the next begins there; the first begins when the kernel has got the WAL from a primary, or when
// it was found in its file. Where WAL waits for WAL before it, it waits in the stage of that one
// (wal/source_clock.h).
enum class Stage : std::uint8_t {
  kReceived,   // taken up by the thread that receives it; takes no time in a directory
  kStored,     // written to the spool, by a relay; takes no time elsewhere
  kProven,     // its records are whole and right
  kPublished,  // in the queues of all loops
  kTaken,      // taken out of the queue by the standby's loop
  kGathered,   // let go together with what came behind it; only with send_delay
  kSent,       // in the standby's socket
  kWritten,    // the standby says that it has written it
  kFlushed,    // ... has flushed it
  kApplied,    // ... has applied it
};
inline constexpr std::size_t kStages = 10;
// The stages up to here are walcast's own.
inline constexpr std::size_t kServerStages = static_cast<std::size_t>(Stage::kSent) + 1;
// The stages up to here are the same for all standbys of a loop.
inline constexpr std::size_t kSharedStages = static_cast<std::size_t>(Stage::kTaken) + 1;

// The stages from here on are a standby's own.
inline constexpr std::size_t kOwnStages = kStages - kSharedStages;

constexpr std::size_t index_of(Stage stage) { return static_cast<std::size_t>(stage); }
// REQUIRES: the stage is a standby's own.
constexpr std::size_t own_index_of(Stage stage) { return index_of(stage) - kSharedStages; }

constexpr std::string_view name_of(Stage stage) {
  constexpr std::array<std::string_view, kStages> kNames{
      "received", "stored", "proven",  "published", "taken",
      "gathered", "sent",   "written", "flushed",   "applied"};
  return kNames.at(index_of(stage));
}

// How long deliveries have taken in one stage, in the window of now and the one before.
struct StageFigure {
  std::uint64_t count = 0;
  runtime::Duration mean{};
  runtime::Duration max{};
  // For how long the oldest position that has not passed the stage has waited for that. Zero: there
  // is none, or the standby says nothing of that stage.
  runtime::Duration pending{};
};

// Nanoseconds that deliveries have spent in each stage, and in all of walcast's own together. A
// plain value; percentiles are right to within one part in 32, for times up to 18 minutes.
template <typename Count>
struct StageHistograms {
  using Histogram = runtime::BasicHistogram<Count, 5, 40>;

  std::array<Histogram, kStages> stages;
  Histogram server;          // from the arrival to sent
  Count gathered_sends = 0;  // that made the deliveries of Stage::kGathered
  Count merged_spans = 0;    // that did not count by themselves (StageClock)

  template <typename OtherCount>
  void add(const StageHistograms<OtherCount>& other) {
    for (std::size_t i = 0; i < kStages; ++i) stages[i].add(other.stages[i]);
    server.add(other.server);
    gathered_sends += other.gathered_sends;
    merged_spans += other.merged_spans;
  }
};

}  // namespace server::stream
