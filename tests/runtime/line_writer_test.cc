#include "runtime/line_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>
#include <semaphore>
#include <string>
#include <string_view>

#include "runtime/check.h"
#include "runtime/fd.h"

namespace runtime {
namespace {

// Of four pages: poll() calls a pipe full as soon as its last page is begun.
constexpr std::size_t kPipeBytes = 4 * 4096;

// A small pipe, whose reader reads when the test says so.
struct LineWriterTest : testing::Test {
  LineWriterTest() {
    int ends[2];
    CHECK(::pipe2(ends, O_CLOEXEC) == 0);
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
    CHECK(::fcntl(write_end.get(), F_SETPIPE_SZ, kPipeBytes) >= 0);
  }
  void start(std::size_t bytes_max = LineWriter::kBytesMax) {
    writer.emplace(write_end.get(), "test", "lines of the test", bytes_max);
  }
  // Fills the pipe, so that nothing more is written until it is read.
  void fill_pipe() const {
    const int flags = ::fcntl(write_end.get(), F_GETFL);
    CHECK(::fcntl(write_end.get(), F_SETFL, flags | O_NONBLOCK) == 0);
    const std::string page(4096, 'x');
    while (::write(write_end.get(), page.data(), page.size()) > 0) continue;
    CHECK(::fcntl(write_end.get(), F_SETFL, flags) == 0);
  }
  // Reads until `last` has come.
  std::string read_until(const std::string& last) const {
    std::string all;
    while (all.find(last) == std::string::npos) {
      char buffer[1024];
      const ssize_t bytes = ::read(read_end.get(), buffer, sizeof(buffer));
      if (bytes <= 0) break;
      all.append(buffer, static_cast<std::size_t>(bytes));
    }
    return all;
  }
  static std::string line(int number) { return "line " + std::to_string(number) + "\n"; }

  UniqueFd read_end;
  UniqueFd write_end;
  std::optional<LineWriter> writer;
};

TEST_F(LineWriterTest, WritesLinesInOrder) {
  start();
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    writer->write(line(i));
    expected += line(i);
  }
  EXPECT_EQ(read_until(line(99)), expected);
}

TEST_F(LineWriterTest, AReaderThatStandsStillStopsNoOneAndIsToldWhatItHasMissed) {
  constexpr int kLines = 10'000;
  fill_pipe();
  start(/*bytes_max=*/4096);
  for (int i = 0; i < kLines; ++i) writer->write(line(i));
  const std::string said = read_until("stood still\n");
  int written = 0;
  while (said.find(line(written)) != std::string::npos) ++written;
  EXPECT_GT(written, 100);
  EXPECT_NE(said.find("walcast: " + std::to_string(kLines - written) +
                      " lines of the test were dropped, because their reader stood still\n"),
            std::string::npos)
      << said.substr(said.size() - 200);
  writer->write(line(kLines));
  EXPECT_EQ(read_until(line(kLines)), line(kLines));
}

TEST_F(LineWriterTest, LastWordsHaveRoomWhereOthersHaveNone) {
  start(/*bytes_max=*/100);
  for (int i = 0; i < 10'000; ++i) writer->write(line(i));
  writer->write_in_any_case("last words\n");
  EXPECT_NE(read_until("last words\n").find("last words\n"), std::string::npos);
}

TEST_F(LineWriterTest, WhatIsTakenComesOutAtTheEnd) {
  start();
  for (int i = 0; i < 100; ++i) writer->write(line(i));
  writer.reset();
  write_end.reset();
  const std::string all = read_until("no such line");
  EXPECT_EQ(all.substr(all.size() - line(99).size()), line(99));
}

TEST_F(LineWriterTest, ItsEndDoesNotWaitForAReaderThatStandsStill) {
  start();
  for (int i = 0; i < 10'000; ++i) writer->write(line(i));
  const Instant begin = SystemClock().now();
  writer.reset();
  EXPECT_LT(SystemClock().now() - begin, LineWriter::kDrainTime + std::chrono::seconds(5));
  write_end.reset();
  EXPECT_NE(read_until(line(10)).find(line(10)), std::string::npos) << "what there was room for";
}

TEST_F(LineWriterTest, AReaderThatHasGoneIsNoHindrance) {
  start();
  read_end.reset();
  for (int i = 0; i < 100; ++i) writer->write(line(i));
  writer->drain(std::chrono::seconds(10));
  writer.reset();
}

TEST_F(LineWriterTest, AFunctionIsGivenEachTextInOrderAndAWriterDoesNotWaitForIt) {
  std::binary_semaphore may_go_on(0);
  std::string written;
  {
    LineWriter slow(
        [&](std::string_view text) {
          may_go_on.acquire();
          written += text;
          may_go_on.release();
        },
        "test", "lines of the test");
    slow.write("one ");
    slow.write("two ");
    slow.write_in_any_case("three");
    may_go_on.release();
    slow.drain(std::chrono::seconds(10));
    may_go_on.acquire();
  }
  EXPECT_EQ(written, "one two three");
}

TEST_F(LineWriterTest, WriteWithinGivesUpInTime) {
  EXPECT_TRUE(write_within(write_end.get(), "words", std::chrono::seconds(1)));
  const std::string much(2 * kPipeBytes, 'x');
  EXPECT_FALSE(write_within(write_end.get(), much, std::chrono::milliseconds(10)));
}

}  // namespace
}  // namespace runtime
