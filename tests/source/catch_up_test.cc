#include "server/source/catch_up.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/logged.h"

namespace server::source {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using tests::logged;
using wal::Lsn;

constexpr std::uint64_t kMegabyte = std::uint64_t{1} << 20;

struct CatchUpTest : testing::Test {
  // A second passes, in which so much comes.
  void pass(std::uint64_t megabytes, std::uint64_t written_megabytes = 0) {
    now += seconds(1);
    position += megabytes * kMegabyte;
    end += written_megabytes * kMegabyte;
    way.note(position, end, now);
  }
  void begin(std::uint64_t megabytes_behind) {
    end = position + megabytes_behind * kMegabyte;
    way.note(position, end, now);
  }

  CatchUp way;
  runtime::Instant now{};
  Lsn position{0x1000000};
  Lsn end{0x1000000};
};

TEST_F(CatchUpTest, ItSaysHowFarItIsAndWhenItHasComeThere) {
  const std::string log = logged([&] {
    begin(1000);
    for (int i = 0; i < 10; ++i) pass(40);
  });
  EXPECT_THAT(log, HasSubstr("LOG:  catching up with the primary: at 0/1A000000, 600 MB behind, "
                             "40.0 MB/s, about 15 s left\n"));
  EXPECT_EQ(tests::count_of(log, "\n"), 1u);
  const std::string rest = logged([&] {
    for (int i = 0; i < 15; ++i) pass(40);
  });
  EXPECT_THAT(rest, HasSubstr("LOG:  caught up with the primary at 0/3F800000: 1000 MB in 25.0 "
                              "s\n"));
}

TEST_F(CatchUpTest, APrimaryThatIsFasterIsSaidToBe) {
  EXPECT_THAT(logged([&] {
                begin(100);
                for (int i = 0; i < 10; ++i) pass(5, 6);
              }),
              HasSubstr("110 MB behind, 5.0 MB/s, which is not faster than the primary writes\n"));
}

TEST_F(CatchUpTest, WhatIsNearOrQuickIsNotToldOf) {
  EXPECT_EQ(logged([&] {
              begin(63);
              for (int i = 0; i < 100; ++i) pass(5, 5);
              begin(1000);
              for (int i = 0; i < 9; ++i) pass(120);
              EXPECT_LE(end, position);
            }),
            "");
}

TEST_F(CatchUpTest, AnotherStreamIsAnotherWay) {
  EXPECT_EQ(logged([&] {
              begin(1000);
              for (int i = 0; i < 9; ++i) pass(1);
              way.forget();
              for (int i = 0; i < 9; ++i) pass(1);
            }),
            "");
}

}  // namespace
}  // namespace server::source
