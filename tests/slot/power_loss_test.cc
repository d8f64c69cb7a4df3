#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "server/slot/slots.h"
#include "tests/slot/said.h"
#include "tests/slot/slot_files.h"
#include "tests/support/disk_log.h"
#include "tests/support/random_seed.h"
#include "tests/support/temp_dir.h"

// Slots on a disk that loses power behind any of its calls, and keeps of what was not synced what
// it likes. WALCAST_TEST_SEED repeats a run; WALCAST_STEPS asks for more than kSteps of them.

namespace server::slot {
namespace {

using tests::DiskImage;
using tests::said;
using wal::Lsn;

constexpr std::int32_t kPid = 1;
constexpr int kSteps = 100;
constexpr std::uint64_t kAbsent = 0;  // what is promised of a slot that is not there

const std::string kBegun = "begun ";  // what a slot may be as soon as a step has begun
const std::string kRequired = "required_lsn";

// Random steps on the slots of one directory. Before each step the log is told what the step may
// make of a slot, and after it what the slot is.
class SlotsRun {
 public:
  explicit SlotsRun(std::uint32_t seed) : random_(seed) { EXPECT_EQ(said(slots_.load()), ""); }

  void run(int steps) {
    while (steps-- > 0) take_step();
  }
  std::vector<tests::DiskEvent> events() const { return log_.events(); }

 private:
  void take_step() {
    const std::string name = runtime::format("slot_{}", random_() % 4);
    const auto step = random_() % 10;
    if (step < 3) return save();
    if (!slots_.read(name)) return create(name);
    step < 5 ? drop(name) : advance(name);
  }

  void create(const std::string& name) {
    const Lsn lsn = any_lsn();
    log_.promise(kBegun + name, lsn.value());
    log_.promise(kRequired, std::min(slots_.required_lsn().value(), lsn.value()));
    auto slot = slots_.create(name, Persistence::kPersistent, kPid, lsn);
    ASSERT_EQ(said(slot), "");
    slots_.release(**slot);
    log_.promise(name, lsn.value());
    promise_required();
  }

  // Nothing reaches the disk before the next save.
  void advance(const std::string& name) {
    Slot& slot = **slots_.acquire(name, kPid);
    slot.advance(any_lsn());
    slots_.release(slot);
    promise_required();
  }

  void drop(const std::string& name) {
    log_.promise(kBegun + name, kAbsent);
    ASSERT_EQ(said(slots_.drop(name, kPid)), "");
    log_.promise(name, kAbsent);
    promise_required();
  }

  void save() {
    const std::vector<SlotInfo> slots = slots_.all();
    for (const SlotInfo& slot : slots) log_.promise(kBegun + slot.name, slot.restart_lsn.value());
    ASSERT_EQ(said(slots_.save_dirty()), "");
    for (const SlotInfo& slot : slots) log_.promise(slot.name, slot.restart_lsn.value());
    promise_required();
  }

  void promise_required() { log_.promise(kRequired, slots_.required_lsn().value()); }
  Lsn any_lsn() { return Lsn(1 + random_() % 1'000'000); }

  const tests::TempDir directory_{tests::memory_directory()};
  tests::DiskLog log_{directory_.path()};
  Slots slots_{{.directory = directory_.path()}};
  std::mt19937 random_;
};

void check(const std::string& directory, const DiskImage& image) {
  Slots slots({.directory = directory});
  ASSERT_EQ(said(slots.load()), "");
  std::map<std::string, std::uint64_t> found;
  for (const SlotInfo& slot : slots.all()) found[slot.name] = slot.restart_lsn.value();
  for (int i = 0; i < 4; ++i) {
    const std::string name = runtime::format("slot_{}", i);
    const std::uint64_t is = found.contains(name) ? found[name] : kAbsent;
    const std::uint64_t durable = image.promised(name).value_or(kAbsent);
    const std::uint64_t begun = image.promised(kBegun + name).value_or(kAbsent);
    EXPECT_TRUE(is == durable || is == begun)
        << name << " is " << is << ", was " << durable << " for sure, and may be " << begun;
    const std::uint64_t required = image.promised(kRequired).value_or(0);
    EXPECT_TRUE(is == kAbsent || is >= required) << name << " is before " << required;
  }
  for (const std::string& file : tests::files_in(directory)) {
    EXPECT_TRUE(file.ends_with(".slot")) << file;  // nothing temporary, nothing corrupt
  }
}

TEST(SlotsPowerLossTest, NothingConfirmedIsLostAndNothingHalfIsBelieved) {
  const std::uint32_t seed = tests::random_seed();
  const char* const wanted = std::getenv("WALCAST_STEPS");
  SlotsRun run(seed);
  run.run(wanted == nullptr ? kSteps : std::atoi(wanted));
  const auto events = run.events();
  std::mt19937 random(seed);
  DiskImage image;
  for (std::size_t i = 0; i < events.size(); ++i) {
    image.apply(events[i]);
    SCOPED_TRACE(runtime::format("power is lost behind call {} of {}, on {}", i, events.size(),
                                 events[i].file));
    const tests::TempDir left(tests::memory_directory());
    image.write_to(left.path(), DiskImage::Luck{static_cast<int>(random() % 3)}, random);
    check(left.path(), image);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace server::slot
