#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "runtime/file.h"
#include "server/slot/slots.h"
#include "tests/slot/said.h"
#include "tests/slot/slot_files.h"
#include "tests/support/disk_log.h"
#include "tests/support/random_seed.h"
#include "tests/support/temp_dir.h"

// Slots on a disk that is full now and then, which a file system may say as late as at a sync (with
// a quota, NFS or thin provisioning), and that loses power behind any of its calls, and keeps of
// what was not synced what it likes. What starts then goes on, and may lose power again.
//
// WALCAST_TEST_SEED repeats a run; WALCAST_CUTS asks for other than kCuts losses of power, and
// WALCAST_STEPS for other than kSteps steps.

namespace server::slot {
namespace {

using tests::DiskCall;
using tests::DiskImage;
using tests::said;
using wal::Lsn;

constexpr std::int32_t kPid = 1;
constexpr std::size_t kSteps = 100;
constexpr std::size_t kCuts = 2000;
constexpr std::size_t kLosses = 3;  // one behind the other, at most
constexpr std::size_t kMoreSteps = 10;
constexpr int kNames = 4;
constexpr std::uint64_t kAbsent = 0;  // what is promised of a slot that is not there

const std::string kBegun = "begun ";             // what a slot may be as soon as a step has begun
const std::string kNotDropped = "not dropped ";  // 1: a step that was to drop it has failed
const std::string kRequired = "required_lsn";
const std::string kFolder = "pg_replslot";

std::size_t number(const char* variable, std::size_t otherwise) {
  const char* const wanted = std::getenv(variable);
  return wanted == nullptr ? otherwise : std::strtoul(wanted, nullptr, 10);
}

// A slot's owner and its position as one number, as promises are.
constexpr std::uint64_t kOwners = 3;
constexpr int kOwnerShift = 32;
std::uint64_t value_of(const Lsn& lsn, const std::string& owner) {
  return lsn.value() + (owner.empty() ? 0 : std::stoull(owner) << kOwnerShift);
}
std::uint64_t value_of(const SlotInfo& slot) { return value_of(slot.restart_lsn, slot.owner); }
std::uint64_t lsn_of(std::uint64_t value) {
  return value & ((std::uint64_t{1} << kOwnerShift) - 1);
}

std::string name_of(std::uint32_t n) { return runtime::format("slot_{}", n); }

template <typename Try>
auto until_there_is_room(Try attempt) {
  for (;;) {
    auto done = attempt();
    if (done || !runtime::is_full_disk(done.error())) return done;
  }
}

// A server's life with its slots. Before each step the log is told what the step may make of a
// slot, and after it what the slot is.
class SlotsLife {
 public:
  SlotsLife(const std::string& directory, std::uint32_t seed)
      : directory_(directory + "/" + kFolder),
        random_(seed),
        room_(seed + 1),
        log_(directory, [this](const DiskCall& call) { return fail(call); }),
        slots_({.directory = directory_}) {}

  // What it finds must be what was promised when power was lost.
  void start(const DiskImage& image) {
    ASSERT_EQ(said(until_there_is_room([this] { return slots_.load(); })), "");
    for (std::uint32_t n = 0; n < kNames; ++n) {
      const std::string name = name_of(n);
      const auto found = slots_.read(name);
      const std::uint64_t is = found ? value_of(*found) : kAbsent;
      const std::uint64_t durable = image.promised(name).value_or(kAbsent);
      const std::uint64_t begun = image.promised(kBegun + name).value_or(kAbsent);
      const bool may_be_gone = image.promised(kNotDropped + name).value_or(0) == 1;
      EXPECT_TRUE(is == durable || is == begun || (is == kAbsent && may_be_gone))
          << name << " is " << is << ", was " << durable << " for sure, and may be " << begun;
      const std::uint64_t required = image.promised(kRequired).value_or(0);
      EXPECT_TRUE(is == kAbsent || lsn_of(is) >= required) << name << " is before " << required;
      log_.promise(name, is);
      log_.promise(kBegun + name, is);
      log_.promise(kNotDropped + name, 0);
    }
    promise_required();
    for (const std::string& file : tests::files_in(directory_)) {
      EXPECT_TRUE(file.ends_with(".slot")) << file;  // nothing temporary, nothing corrupt
    }
  }
  void run(std::size_t steps) {
    for (; steps > 0; --steps) take_step();
  }
  std::vector<tests::DiskEvent> events() const { return log_.events(); }

 private:
  int fail(const DiskCall& call) {
    const bool takes_room = call.name == "pwrite" || call.name == "rename" ||
                            call.name == "fsync" || call.name == "fdatasync" ||
                            (call.name == "mkdir" && call.file == kFolder) ||
                            (call.flags & O_CREAT) != 0;
    return takes_room && room_() % 20 == 0 ? ENOSPC : 0;
  }

  void take_step() {
    const std::string name = name_of(static_cast<std::uint32_t>(random_() % kNames));
    const auto step = random_() % 10;
    if (step < 3) return save();
    if (!slots_.read(name)) return create(name);
    step < 5 ? drop(name) : advance(name);
  }

  // A client that was told of a full disk tries again.
  void create(const std::string& name) {
    const Lsn lsn = any_lsn();
    const auto number = random_() % kOwners;
    const std::string owner = number == 0 ? "" : std::to_string(number);
    log_.promise(kBegun + name, value_of(lsn, owner));
    log_.promise(kRequired, std::min(slots_.required_lsn().value(), lsn.value()));
    auto slot = until_there_is_room([&] {
      return slots_.create(name, Persistence::kPersistent, {kPid, owner}, lsn);
    });
    ASSERT_EQ(said(slot), "");
    slots_.release(**slot);
    log_.promise(name, value_of(lsn, owner));
    promise_required();
  }

  // Nothing reaches the disk before the next save.
  void advance(const std::string& name) {
    Slot& slot = **slots_.acquire(name, {kPid});
    slot.advance(any_lsn());
    slots_.release(slot);
    promise_required();
  }

  // A client that was told of a full disk keeps the slot, if it does not try again by chance. The
  // slot's file may be gone until the next save.
  void drop(const std::string& name) {
    log_.promise(kBegun + name, kAbsent);
    const auto dropped = slots_.drop(name, {kPid});
    if (!dropped && runtime::is_full_disk(dropped.error())) {
      log_.promise(kNotDropped + name, 1);
      return;
    }
    ASSERT_EQ(said(dropped), "");
    log_.promise(name, kAbsent);
    promise_required();
  }

  void save() {
    const std::vector<SlotInfo> slots = slots_.all();
    for (const SlotInfo& slot : slots) log_.promise(kBegun + slot.name, value_of(slot));
    ASSERT_EQ(said(until_there_is_room([this] { return slots_.save_dirty(); })), "");
    for (const SlotInfo& slot : slots) {
      log_.promise(slot.name, value_of(slot));
      log_.promise(kNotDropped + slot.name, 0);
    }
    promise_required();
  }

  void promise_required() { log_.promise(kRequired, slots_.required_lsn().value()); }
  Lsn any_lsn() { return Lsn(1 + random_() % 1'000'000); }

  const std::string directory_;
  std::mt19937 random_;
  std::mt19937 room_;
  tests::DiskLog log_;
  Slots slots_;
};

class SlotsPowerLossTest : public testing::Test {
 protected:
  void lose_power(const DiskImage& image, std::size_t losses_left) {
    ++cuts;
    const tests::TempDir left(tests::memory_directory());
    image.write_to(left.path(), DiskImage::any_luck(random), random);
    DiskImage next(left.path());
    std::vector<tests::DiskEvent> events;
    {
      SlotsLife life(left.path(), any_seed());
      life.start(image);
      if (losses_left == 0 || random() % 2 == 0 || HasFailure()) return;
      life.run(kMoreSteps);
      events = life.events();
    }
    // Before the start has ended, what was promised before still holds.
    next.inherit_promises(image);
    const std::size_t lived = random() % (events.size() + 1);
    for (std::size_t i = 0; i < lived; ++i) next.apply(events[i]);
    SCOPED_TRACE(runtime::format("again behind call {} of {}", lived, events.size()));
    lose_power(next, losses_left - 1);
  }
  std::uint32_t any_seed() { return static_cast<std::uint32_t>(random()); }

  const std::uint32_t seed = tests::random_seed();
  std::mt19937 random{seed};
  std::size_t cuts = 0;
};

TEST_F(SlotsPowerLossTest, NothingConfirmedIsLostAndNothingHalfIsBelieved) {
  std::vector<tests::DiskEvent> events;
  {
    const tests::TempDir directory(tests::memory_directory());
    SlotsLife life(directory.path(), seed);
    life.start(DiskImage());
    life.run(number("WALCAST_STEPS", kSteps));
    events = life.events();
  }
  const std::size_t wanted = number("WALCAST_CUTS", kCuts);
  DiskImage image;
  for (std::size_t i = 0; i < events.size() && !HasFailure(); ++i) {
    image.apply(events[i]);
    const std::size_t due = wanted * (i + 1) / events.size();
    SCOPED_TRACE(runtime::format("power is lost behind call {} of {}, on {}", i, events.size(),
                                 events[i].file));
    while (cuts < due && !HasFailure()) lose_power(image, kLosses - 1);
  }
  std::printf("power was lost %zu times in %zu calls\n", cuts, events.size());
}

}  // namespace
}  // namespace server::slot
