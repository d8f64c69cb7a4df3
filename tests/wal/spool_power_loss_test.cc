#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tests/support/disk_log.h"
#include "tests/support/random_seed.h"
#include "tests/support/temp_dir.h"
#include "tests/wal/spool_life.h"
#include "tests/wal/spool_script.h"

// A spool on a disk that loses power behind any of its calls, and keeps of what was not synced what
// it likes: nothing that was acknowledged is lost, nothing half is believed, and a start cuts
// nothing that its mark says is on disk. What starts then goes on, and may lose power again, in its
// start already.
//
// WALCAST_TEST_SEED repeats a run; WALCAST_CUTS asks for other than kCuts losses of power, and
// WALCAST_SEGMENTS for other than kSegments segments of WAL.

namespace server::wal {
namespace {

using tests::DiskImage;

constexpr std::size_t kCuts = 2000;
constexpr std::uint64_t kSegments = 16;
constexpr std::size_t kLosses = 3;  // one behind the other, at most
constexpr std::uint64_t kMoreBytes = 200'000;

std::size_t number(const char* variable, std::size_t otherwise) {
  const char* const wanted = std::getenv(variable);
  return wanted == nullptr ? otherwise : std::strtoul(wanted, nullptr, 10);
}

class SpoolPowerLossTest : public testing::Test {
 protected:
  // The whole script, by a relay that nothing happens to.
  std::vector<tests::DiskEvent> record(const SpoolScript& script) {
    const tests::TempDir directory(tests::memory_directory());
    SpoolLife life(directory.path(), script, any_seed(), Lsn());
    life.start();
    life.receive(script.end());
    return life.end(SpoolLife::End::kCleanly);
  }

  // Power is lost as the disk is now. What is left starts again, and every second time goes on.
  void lose_power(const DiskImage& image, const SpoolScript& script, Lsn durable_before,
                  std::size_t losses_left) {
    ++cuts;
    const tests::TempDir left(tests::memory_directory());
    image.write_to(left.path(), DiskImage::any_luck(random), random);
    const auto promised = image.promised("durable");
    const Lsn durable = promised ? Lsn(*promised) : durable_before;
    const bool goes_on = losses_left > 0 && random() % 2 == 0;
    std::optional<DiskImage> next;
    if (goes_on) next.emplace(left.path());
    std::vector<tests::DiskEvent> events;
    live(left.path(), script, durable, goes_on, events);
    // A server that was killed, and not its machine, finds all that it has written.
    if (goes_on && !HasFailure() && random() % 4 == 0) {
      live(left.path(), script, durable_in(events).value_or(durable), goes_on, events);
    }
    if (!goes_on || HasFailure()) return;
    const std::size_t lived = random() % (events.size() + 1);
    for (std::size_t i = 0; i < lived; ++i) next->apply(events[i]);
    if (HasFailure()) return;
    SCOPED_TRACE(runtime::format("again behind call {} of {}", lived, events.size()));
    lose_power(*next, script, durable, losses_left - 1);
  }

  // One life, whose events come behind those of the one before.
  void live(const std::string& directory, const SpoolScript& script, Lsn durable, bool goes_on,
            std::vector<tests::DiskEvent>& events) {
    SpoolLife life(directory, script, any_seed(), durable);
    life.start();
    if (!goes_on || HasFailure()) return;
    life.receive(std::min(script.end(), life.position() + random() % kMoreBytes));
    const std::size_t before = events.size();
    for (tests::DiskEvent& event : life.end(SpoolLife::End{static_cast<int>(random() % 2)})) {
      if (auto* sync = std::get_if<tests::DiskEvent::Sync>(&event.what)) sync->begun_at += before;
      events.push_back(std::move(event));
    }
  }
  static std::optional<Lsn> durable_in(const std::vector<tests::DiskEvent>& events) {
    std::optional<Lsn> durable;
    for (const tests::DiskEvent& event : events) {
      const auto* promise = std::get_if<tests::DiskEvent::Promise>(&event.what);
      if (promise != nullptr) durable = Lsn(promise->value);
    }
    return durable;
  }

  std::uint32_t any_seed() { return static_cast<std::uint32_t>(random()); }

  const std::uint32_t seed = tests::random_seed();
  std::mt19937 random{seed};
  std::size_t cuts = 0;
};

TEST_F(SpoolPowerLossTest, NothingAcknowledgedIsLostAndNothingHalfIsBelieved) {
  const SpoolScript script(seed, number("WALCAST_SEGMENTS", kSegments));
  const std::size_t wanted = number("WALCAST_CUTS", kCuts);
  testing::internal::CaptureStderr();  // of what is set aside, and of the full disk
  const auto events = record(script);
  DiskImage image;
  for (std::size_t i = 0; i < events.size() && !HasFailure(); ++i) {
    image.apply(events[i]);
    const std::size_t due = wanted * (i + 1) / events.size();
    while (cuts < due && !HasFailure() && random() % 2 == 0) {
      SCOPED_TRACE(runtime::format("power is lost behind call {} of {}, on {}", i, events.size(),
                                   events[i].file));
      lose_power(image, script, Lsn(), kLosses - 1);
    }
  }
  testing::internal::GetCapturedStderr();
  std::printf("power was lost %zu times in %zu calls\n", cuts, events.size());
}

}  // namespace
}  // namespace server::wal
