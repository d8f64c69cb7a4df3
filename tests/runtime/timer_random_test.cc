#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "runtime/timer.h"
#include "tests/support/random_seed.h"

namespace runtime {
namespace {

// Does random things to some timers, from outside and from their own handlers, beside a model that
// knows of each when it is due and whether the running fire() still owes its call.
class Model {
 public:
  explicit Model(std::uint64_t seed) : random_(seed) {
    for (std::size_t i = 0; i < kTimers; ++i) slots_.push_back(std::make_unique<Slot>(*this));
  }

  void step() {
    if (below(4) == 0) {
      fire();
    } else {
      change(*slots_[below(kTimers)]);
    }
    check();
  }

  std::uint64_t fired() const { return fired_; }

 private:
  static constexpr std::size_t kTimers = 40;

  struct Slot final : Timer::Handler {
    explicit Slot(Model& owner)
        : model(owner), timer(std::make_unique<Timer>(owner.timers_, *this)) {}
    void on_timer(Timer& which) override { model.on_fired(*this, which); }

    Model& model;
    std::unique_ptr<Timer> timer;
    std::optional<Instant> deadline;  // of the model
    bool owed = false;                // was due when fire() began
  };

  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  void change(Slot& slot) {
    slot.owed = false;
    switch (below(5)) {
      case 0:
        slot.timer->disarm();
        slot.deadline.reset();
        break;
      case 1:
        slot.timer = std::make_unique<Timer>(timers_, slot);
        slot.deadline.reset();
        break;
      default:  // to before, now, or later
        slot.deadline = now_ + Duration(below(60)) - Duration(20);
        slot.timer->arm(*slot.deadline);
    }
  }

  void fire() {
    now_ += Duration(below(10));
    for (const auto& slot : slots_) {
      slot->owed = slot->deadline.has_value() && *slot->deadline <= now_;
    }
    last_deadline_ = Instant::min();
    timers_.fire(now_);
    for (const auto& slot : slots_) EXPECT_FALSE(slot->owed);
  }

  void on_fired(Slot& slot, Timer& which) {
    ASSERT_EQ(&which, slot.timer.get());
    ASSERT_TRUE(slot.owed);
    ASSERT_GE(*slot.deadline, last_deadline_);
    last_deadline_ = *slot.deadline;
    slot.owed = false;
    slot.deadline.reset();
    ++fired_;
    while (below(2) == 0) change(*slots_[below(kTimers)]);
  }

  void check() const {
    std::size_t armed = 0;
    std::optional<Instant> next;
    for (const auto& slot : slots_) {
      ASSERT_EQ(slot->timer->armed(), slot->deadline.has_value());
      if (!slot->deadline.has_value()) continue;
      ++armed;
      ASSERT_EQ(slot->timer->deadline(), *slot->deadline);
      next = next.has_value() ? std::min(*next, *slot->deadline) : *slot->deadline;
    }
    ASSERT_EQ(timers_.size(), armed);
    ASSERT_EQ(timers_.next_deadline(), next);
  }

  std::mt19937_64 random_;
  Timers timers_;
  std::vector<std::unique_ptr<Slot>> slots_;
  Instant now_{std::chrono::seconds(1)};
  Instant last_deadline_{};
  std::uint64_t fired_ = 0;
};

TEST(TimersRandomTest, AgreeWithAModel) {
  Model model(tests::random_seed());
  for (int i = 0; i < 20'000 && !testing::Test::HasFailure(); ++i) model.step();
  EXPECT_GT(model.fired(), 1'000u);
}

}  // namespace
}  // namespace runtime
