#include "server/wal/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <random>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "runtime/format.h"
#include "server/wal/crc32c.h"
#include "tests/support/random_seed.h"
#include "tests/support/temp_dir.h"

namespace server::wal {
namespace {

using std::chrono::microseconds;
using testing::HasSubstr;

constexpr std::size_t kHeaderBytes = 40;

struct TraceTest : ::testing::Test {
  // A whole trace of these messages.
  void write(const std::vector<TraceMessage>& messages, runtime::Duration duration = {}) {
    auto writer = TraceWriter::create(path, kOrigin);
    ASSERT_TRUE(writer.has_value());
    for (const TraceMessage& message : messages) {
      ASSERT_TRUE((*writer)->add(message).has_value());
    }
    ASSERT_TRUE((*writer)->finish(duration).has_value());
  }
  std::string content() const {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  void replace(const std::string& content) const {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  }
  static std::vector<TraceMessage> read(TraceReader& reader) {
    std::vector<TraceMessage> messages;
    for (;;) {
      const auto message = reader.next();
      EXPECT_TRUE(message.has_value());
      if (!message.has_value() || !message->has_value()) return messages;
      messages.push_back(**message);
    }
  }
  void expect_refused(const std::string& why) const {
    const auto reader = TraceReader::open(path);
    ASSERT_FALSE(reader.has_value()) << why;
    EXPECT_THAT(reader.error().what,
                testing::AllOf(HasSubstr("trace file \"" + path + "\""), HasSubstr(why)));
  }
  static void expect_equal(const std::vector<TraceMessage>& a, const std::vector<TraceMessage>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].at, b[i].at);
      EXPECT_EQ(a[i].bytes, b[i].bytes);
    }
  }

  static constexpr TraceOrigin kOrigin{
      .server_major = 15, .segment_bytes = 16 << 20, .begin_offset = 12345, .begun = 1'700'000'000};
  const tests::TempDir directory;
  const std::string path = directory.file("trace");
};

TEST_F(TraceTest, WhatWasWrittenIsReadAndAsOftenAsItIsWanted) {
  const std::vector<TraceMessage> messages{{microseconds(0), 0},
                                           {microseconds(1), 1},
                                           {microseconds(1), 127},
                                           {microseconds(500), 128},
                                           {std::chrono::hours(30), 1 << 30}};
  write(messages, std::chrono::hours(31));
  const auto reader = TraceReader::open(path);
  ASSERT_TRUE(reader.has_value());
  EXPECT_EQ((*reader)->origin().server_major, 15u);
  EXPECT_EQ((*reader)->origin().segment_bytes, 16u << 20);
  EXPECT_EQ((*reader)->origin().begin_offset, 12345u);
  EXPECT_EQ((*reader)->origin().begun, 1'700'000'000);
  EXPECT_EQ((*reader)->totals().messages, 5u);
  EXPECT_EQ((*reader)->totals().bytes, 256u + (1 << 30));
  EXPECT_EQ((*reader)->totals().duration, std::chrono::hours(31));
  for (int i = 0; i < 2; ++i, (*reader)->rewind()) expect_equal(read(**reader), messages);
}

TEST_F(TraceTest, ManyMessagesTakeManyBlocksAndFewBytes) {
  std::mt19937_64 random(tests::random_seed());
  std::vector<TraceMessage> messages;
  runtime::Duration at{};
  std::uint64_t bytes = 0;
  for (int i = 0; i < 100'000; ++i) {
    at += microseconds(random() % 10'000);
    messages.push_back({at, random() % 8192});
    bytes += messages.back().bytes;
  }
  write(messages);
  EXPECT_GT(std::filesystem::file_size(path), 2 * kTraceBlockBytesMax);
  EXPECT_LT(std::filesystem::file_size(path), 4u * messages.size());
  const auto reader = TraceReader::open(path);
  ASSERT_TRUE(reader.has_value());
  expect_equal(read(**reader), messages);
  EXPECT_EQ((*reader)->totals().bytes, bytes);
  EXPECT_EQ((*reader)->totals().duration, at) << "it ends no earlier than its last message";
}

TEST_F(TraceTest, TimesAreOfMicrosecondsAndAddUp) {
  std::vector<TraceMessage> messages;
  for (int i = 1; i <= 1000; ++i) messages.push_back({runtime::Duration(1'999 * i), 1});
  write(messages);
  const auto reader = TraceReader::open(path);
  ASSERT_TRUE(reader.has_value());
  EXPECT_EQ(read(**reader).back().at, microseconds(1'999));
}

TEST_F(TraceTest, AClockThatWasSetBackMakesNoTimeBeforeAnother) {
  write(
      {{microseconds(10), 1}, {microseconds(4), 2}, {microseconds(-3), 3}, {microseconds(12), 4}});
  const auto reader = TraceReader::open(path);
  ASSERT_TRUE(reader.has_value());
  expect_equal(
      read(**reader),
      {{microseconds(10), 1}, {microseconds(10), 2}, {microseconds(10), 3}, {microseconds(12), 4}});
}

TEST_F(TraceTest, ATraceMayHaveNoMessages) {
  write({}, std::chrono::seconds(1));
  const auto reader = TraceReader::open(path);
  ASSERT_TRUE(reader.has_value());
  EXPECT_TRUE(read(**reader).empty());
  EXPECT_EQ((*reader)->totals().duration, std::chrono::seconds(1));
}

TEST_F(TraceTest, AFileThatIsCutOffAnywhereIsRefused) {
  write({{microseconds(1), 100}, {microseconds(2), 200}, {microseconds(300'000), 300'000}});
  const std::string whole = content();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    replace(whole.substr(0, size));
    expect_refused(size < 8              ? "at offset 0: it is no trace of WAL"
                   : size < kHeaderBytes ? "the file ends within its header"
                                         : runtime::format("at offset {}: the file ends", size));
  }
}

TEST_F(TraceTest, AnyOtherBitIsRefused) {
  write({{microseconds(1), 100}, {microseconds(2), 200}, {microseconds(300'000), 300'000}});
  const std::string whole = content();
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string wrong = whole;
    wrong[bit / 8] = static_cast<char>(wrong[bit / 8] ^ (1 << bit % 8));
    replace(wrong);
    expect_refused("is not valid at offset ");
  }
}

TEST_F(TraceTest, WhatIsWrongIsSaid) {
  write({{microseconds(1), 100}});
  const std::string whole = content();
  replace(whole + "x");
  expect_refused(runtime::format("at offset {}: something follows", whole.size()));
  std::string other = whole;
  other[8] = 2;
  replace(other);
  expect_refused("at offset 8: it is of version 2, and version 1 can be read");
  other = whole;
  ++other[kHeaderBytes + 12];
  replace(other);
  expect_refused("at offset 40: the checksum of a block is wrong: it says ");
  replace("");
  expect_refused("it is no trace of WAL");
  // A whole block is missing.
  replace(whole.substr(0, kHeaderBytes) + whole.substr(kHeaderBytes + 12 + 2));
  expect_refused(
      "the end counts 1 messages of 100 bytes within 1 us, and there are 0 of 0 within 0 us");
}

// What a checksum does not tell, since the writer of the file has counted it in.
TEST_F(TraceTest, AWrongNumberIsNamedWithItsPlaceAndWhatWasExpected) {
  const auto with_block = [this](std::uint32_t messages, std::vector<std::uint8_t> payload) {
    write({});
    const std::array<std::uint32_t, 2> sizes{static_cast<std::uint32_t>(payload.size()), messages};
    const std::uint32_t crc = Crc32c()
                                  .update(std::as_bytes(std::span(sizes)))
                                  .update(std::as_bytes(std::span(payload)))
                                  .value();
    std::string bytes = content().substr(0, kHeaderBytes);
    bytes.append(reinterpret_cast<const char*>(sizes.data()), sizeof(sizes));
    bytes.append(reinterpret_cast<const char*>(&crc), sizeof(crc));
    bytes.append(payload.begin(), payload.end());
    replace(bytes);
  };
  with_block(2, {1, 100, 2});
  expect_refused("at offset 55: a block ends where a number is expected");
  with_block(1, {1, 100, 2});
  expect_refused("at offset 54: a block has 1 bytes behind its last message");
  with_block(1, std::vector<std::uint8_t>(12, 0x80));
  expect_refused("at offset 52: a number has more than 10 bytes");
  with_block(1, {1, 0x81, 0x80, 0x80, 0x80, 0x04});
  expect_refused(
      "at offset 52: a message has 1073741825 bytes of WAL, and 1073741824 at most are expected");
  with_block(0, {0, 0, 0, 0});
  expect_refused("at offset 55: the end of the trace has 1 bytes behind its three numbers");
}

TEST_F(TraceTest, AWrongChecksumIsShownBesideTheRightOne) {
  write({{microseconds(1), 100}});
  std::string other = content();
  other[36] = other[37] = other[38] = other[39] = 0;
  replace(other);
  expect_refused("at offset 0: the checksum of a header is wrong: it says 00000000, and ");
}

TEST_F(TraceTest, ARecordingThatWasNotEndedIsNoTrace) {
  {
    auto writer = TraceWriter::create(path, kOrigin);
    ASSERT_TRUE(writer.has_value());
    ASSERT_TRUE((*writer)->add({microseconds(1), 100}).has_value());
  }
  expect_refused("at offset 40: the file ends before the trace does");
}

TEST_F(TraceTest, AFileThatIsMissingIsSaidToBe) {
  const auto reader = TraceReader::open(directory.file("none"));
  ASSERT_FALSE(reader.has_value());
  EXPECT_THAT(reader.error().what, HasSubstr("No such file or directory"));
}

}  // namespace
}  // namespace server::wal
