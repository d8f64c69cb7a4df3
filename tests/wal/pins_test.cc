#include "server/wal/pins.h"

#include <gtest/gtest.h>

#include <optional>

namespace server::wal {
namespace {

TEST(PinsTest, NothingIsHeldBeforeASourceHoldsIt) {
  Pins pins;
  EXPECT_FALSE(pins.heeded());
  const Pins::Pin pin(pins, Lsn(100));
  EXPECT_EQ(pin.held_from(), Lsn::max());
  EXPECT_EQ(pins.advance(Lsn(500)), Lsn::max());
}

TEST(PinsTest, TheHorizonFollowsTheOldestPinAndTheLimit) {
  Pins pins;
  pins.reset(Lsn(100));
  EXPECT_EQ(pins.advance(Lsn(200)), Lsn(200));
  std::optional<Pins::Pin> slow(std::in_place, pins, Lsn(200));
  Pins::Pin fast(pins, Lsn(300));
  EXPECT_EQ(slow->held_from(), Lsn(200));
  fast.advance(Lsn(900));
  EXPECT_EQ(pins.advance(Lsn(1000)), Lsn(200));
  slow->advance(Lsn(250));
  EXPECT_EQ(pins.advance(Lsn(1000)), Lsn(250));
  slow.reset();
  EXPECT_EQ(pins.advance(Lsn(1000)), Lsn(900));
  EXPECT_EQ(pins.advance(Lsn(400)), Lsn(900)) << "never back";
}

// Its files may be gone already, and holding what follows does not bring them back.
TEST(PinsTest, APinBehindTheHorizonKnowsThatItCameTooLate) {
  Pins pins;
  pins.reset(Lsn(500));
  const Pins::Pin late(pins, Lsn(100));
  EXPECT_EQ(late.held_from(), Lsn(500));
  EXPECT_EQ(pins.advance(Lsn(1000)), Lsn(500)) << "it will come there";
}

TEST(PinsTest, AStreamThatBeganWhileNothingWasHeldIsHeldLater) {
  Pins pins;
  const Pins::Pin pin(pins, Lsn(700));
  const Pins::Pin behind(pins, Lsn(300));
  pins.reset(Lsn(500));
  EXPECT_EQ(pin.held_from(), Lsn(500));
  EXPECT_EQ(behind.held_from(), Lsn(500));
  pins.reset(Lsn::max());
  EXPECT_EQ(pin.held_from(), Lsn::max());
}

}  // namespace
}  // namespace server::wal
