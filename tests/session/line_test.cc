#include "server/session/line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/session/session_loop.h"
#include "tests/support/bytes.h"
#include "tests/support/logged.h"

namespace tests {

using server::session::Line;

namespace {

// A line whose owner takes CopyData messages, and counts how often it was asked to.
class LineTest : public ::testing::Test, protected SessionLoop, private Line::Owner {
 protected:
  // Sends a message one byte a turn. Returns how often the line offered what it had of it.
  std::size_t offers_byte_by_byte(const std::string& message) {
    const std::size_t before = offers_;
    for (const char& byte : message) say(std::string_view(&byte, 1));
    return offers_ - before;
  }

  bool takes_ = true;
  bool streams_ = false;
  int takes_ms_ = 0;  // for each message
  bool answers_ = false;
  bool lets_in_ = false;             // with the first message
  std::size_t hangs_up_behind_ = 0;  // this message, counted from 1
  std::vector<std::size_t> taken_;   // the sizes of the bodies
  bool hung_up_ = false;
  bool ended_ = false;
  std::size_t offers_ = 0;
  Line line_{environment, *this, std::move(sockets.ours)};

 private:
  bool takes_messages() const override { return takes_; }
  Line::Taken take(std::span<const std::byte> bytes) override {
    ++offers_;
    const auto cut = server::wire::cut_message(bytes, server::wire::During::kStream);
    if (cut.cut != server::wire::Cut::kMessage) return {.bytes_wanted = cut.bytes_wanted};
    EXPECT_TRUE(line_.open());
    taken_.push_back(cut.message.body.size());
    rig.clock.advance(std::chrono::milliseconds(takes_ms_));
    if (answers_) answer();
    if (lets_in_) line_.keep();
    if (taken_.size() == hangs_up_behind_) line_.hang_up();
    return {.bytes = cut.bytes_used};
  }
  void answer() {
    server::wire::MessageWriter out(std::pmr::get_default_resource());
    out.ready_for_query();
    line_.send(out);
  }
  void on_writable() override { line_.flush(); }
  void on_tls_begun() override { ADD_FAILURE() << "no TLS is expected"; }
  void on_end_of_input() override { ended_ = true; }
  runtime::log::Client log_client() const override { return {.address = "a client"}; }
  bool in_stream() const override { return streams_; }
  void on_hang_up() override {
    EXPECT_FALSE(hung_up_) << "once";
    hung_up_ = true;
    line_.close();
  }
};

std::string copy_data(std::size_t body_bytes) {
  return client_message('d', std::string(body_bytes, 'x'));
}

// The end of a proof that came in two segments stayed in the buffer that all sessions receive into.
TEST_F(LineTest, NothingOfTheMessageThatLetsAClientInStaysInTheSharedBuffer) {
  lets_in_ = true;
  const std::string message = copy_data(100);
  say(message.substr(0, 50));
  say(message.substr(50));
  ASSERT_EQ(taken_.size(), 1u);
  EXPECT_TRUE(std::all_of(input_buffer.begin(), input_buffer.end(),
                          [](std::byte b) { return b == std::byte{}; }));
}

// With every byte the whole of a message was copied twice and cut once more. Type and length are
// looked at once each, and the message when it is whole.
TEST_F(LineTest, ALongMessageByteByByteCostsNoMorePerByteThanAShortOne) {
  for (const std::size_t body_bytes : {0u, 30u, 5'000u, 60'000u}) {
    const std::string message = copy_data(body_bytes);
    const std::uint64_t copied = line_.copied_for_test();
    EXPECT_LE(offers_byte_by_byte(message), 3u) << body_bytes;
    EXPECT_LE(line_.copied_for_test() - copied, 3 * message.size()) << body_bytes;
    ASSERT_FALSE(taken_.empty());
    EXPECT_EQ(taken_.back(), body_bytes);
  }
}

TEST_F(LineTest, NothingIsCopiedOfMessagesThatComeWhole) {
  say(copy_data(30) + copy_data(0) + copy_data(5'000));
  EXPECT_EQ(taken_, (std::vector<std::size_t>{30, 0, 5'000}));
  EXPECT_EQ(offers_, 3u);
  EXPECT_EQ(line_.copied_for_test(), 0u);
}

TEST_F(LineTest, TheRestOfAMessageMayBringTheNextOnes) {
  const std::string messages = copy_data(1'000) + copy_data(7) + copy_data(2'000) + copy_data(1);
  for (std::size_t split = 1; split < messages.size(); split += 97) {
    taken_.clear();
    say(messages.substr(0, split));
    say(messages.substr(split));
    EXPECT_EQ(taken_, (std::vector<std::size_t>{1'000, 7, 2'000, 1})) << split;
  }
}

// A few kilobytes are kept, and what the client sends meanwhile is left in the socket.
TEST_F(LineTest, MessagesWaitForAnOwnerThatTakesNone) {
  takes_ = false;
  say(copy_data(10) + copy_data(20));
  EXPECT_FALSE(line_.connection().reading());
  say(copy_data(30));
  EXPECT_TRUE(taken_.empty());
  EXPECT_EQ(offers_, 0u);
  takes_ = true;
  line_.flush();  // as after an answer
  EXPECT_EQ(taken_, (std::vector<std::size_t>{10, 20}));
  rig.loop.turn_for_test();
  EXPECT_EQ(taken_, (std::vector<std::size_t>{10, 20, 30}));
}

TEST_F(LineTest, ManyMessagesAreAFewOfATurn) {
  std::string messages;
  for (int i = 0; i < 100; ++i) messages += copy_data(1);
  send(messages);
  rig.loop.turn_for_test();
  const std::size_t first = taken_.size();
  EXPECT_LT(first, 50u);
  for (int turn = 0; turn < 4; ++turn) rig.loop.turn_for_test();
  EXPECT_EQ(taken_.size(), 100u);
}

// Commands may take long to answer: those of many clients together held up all streams.
TEST_F(LineTest, MessagesThatTakeLongWaitForALaterTurn) {
  takes_ms_ = 1;
  std::string messages;
  for (int i = 0; i < 10; ++i) messages += copy_data(1);
  send(messages);
  for (std::size_t turn = 1; turn <= 10; ++turn) {
    rig.loop.turn_for_test();
    EXPECT_EQ(taken_.size(), turn);
  }
}

TEST_F(LineTest, AStreamsMessagesDoNot) {
  takes_ms_ = 1;
  streams_ = true;
  say(copy_data(1) + copy_data(1) + copy_data(1));
  EXPECT_EQ(taken_.size(), 3u);
}

// The messages have just been received; in the next two tests they were kept, or wait for a turn.
TEST_F(LineTest, NoMessageIsTakenBehindOneThatHangsUp) {
  hangs_up_behind_ = 2;
  say(copy_data(1) + copy_data(2) + copy_data(3));
  EXPECT_EQ(taken_, (std::vector<std::size_t>{1, 2}));
  EXPECT_TRUE(line_.closed());
}

TEST_F(LineTest, NoMessageIsTakenBehindOneThatHangsUpAmongThoseThatWereKept) {
  hangs_up_behind_ = 2;
  const std::string messages = copy_data(1) + copy_data(2) + copy_data(3);
  say(messages.substr(0, 3));
  say(messages.substr(3));
  EXPECT_EQ(taken_, (std::vector<std::size_t>{1, 2}));
  EXPECT_TRUE(line_.closed());
}

TEST_F(LineTest, NoMessageIsTakenBehindOneThatHangsUpInALaterTurn) {
  std::string messages;
  for (int i = 0; i < 100; ++i) messages += copy_data(1);
  hangs_up_behind_ = 40;
  send(messages);
  for (int turn = 0; turn < 4; ++turn) rig.loop.turn_for_test();
  EXPECT_EQ(taken_.size(), 40u);
  EXPECT_TRUE(line_.closed());
}

// The client has gone, which the answer to its first message finds out.
TEST_F(LineTest, AnAnswerThatFailsEndsTheLineWithinItsMessage) {
  answers_ = true;
  send(copy_data(1) + copy_data(2));
  sockets.peer.reset();
  rig.loop.turn_for_test();
  EXPECT_EQ(taken_, std::vector<std::size_t>{1});
  EXPECT_TRUE(line_.closed());
}

TEST_F(LineTest, ADeadlineHoldsWhateverComesIn) {
  line_.hang_up_at(rig.loop.now() + std::chrono::seconds(10));
  for (int i = 0; i < 9; ++i) {
    pass(std::chrono::seconds(1));
    say(copy_data(1));
  }
  EXPECT_FALSE(hung_up_);
  EXPECT_EQ(taken_.size(), 9u);
  pass(std::chrono::seconds(1));
  EXPECT_TRUE(hung_up_);
  EXPECT_TRUE(line_.closed());
}

// What was left for a later turn was not looked at when its time began.
TEST_F(LineTest, TheRestOfAMessageHasItsTimeBehindManyOthersToo) {
  options.client_read_timeout = std::chrono::seconds(60);
  line_.keep();
  std::string messages;
  for (int i = 0; i < 33; ++i) messages += copy_data(1);
  say(messages + copy_data(100).substr(0, 50));
  for (int turn = 0; turn < 3; ++turn) rig.loop.turn_for_test();
  EXPECT_EQ(taken_.size(), 33u);
  pass(options.client_read_timeout - std::chrono::milliseconds(1));
  EXPECT_FALSE(hung_up_);
  pass(std::chrono::milliseconds(1));
  EXPECT_TRUE(hung_up_);
}

TEST_F(LineTest, AClosingLineTakesNoMessages) {
  const std::string much(4'000'000, 'x');  // more than the socket takes
  line_.connection().queue(std::as_bytes(std::span(much)));
  line_.end_when_sent();
  say(copy_data(1));
  EXPECT_TRUE(taken_.empty());
  EXPECT_FALSE(hung_up_);
  pass(options.close_timeout);
  EXPECT_TRUE(hung_up_);
}

// All clients together could have the loop keep a megabyte each, and more.
TEST_F(LineTest, ALineThatWantsMuchHangsUpWhenAllKeepTooMuch) {
  const std::string message = copy_data(600'000);
  say(message.substr(0, 60'000));
  const std::size_t kept = memory.used();
  EXPECT_GE(kept, 60'000u);
  std::size_t others = 0;
  const auto others_keep = [&](std::size_t bytes) {
    memory.change(others, bytes);
    others = bytes;
  };
  others_keep(std::size_t{4} << 20);
  EXPECT_FALSE(hung_up_) << "what it has, it has";
  const std::string log = logged([&] {
    for (std::size_t at = 60'000; at < 300'000 && !hung_up_; at += 60'000) {
      say(message.substr(at, 60'000));
    }
  });
  EXPECT_TRUE(hung_up_);
  EXPECT_EQ(count_of(log, "out of memory for the messages of clients (client a client)"), 1u)
      << log;
  EXPECT_EQ(memory.used(), others);
}

TEST_F(LineTest, ALineThatWantsLittleIsNotHurt) {
  memory.change(0, std::size_t{8} << 20);
  for (const char& byte : copy_data(5'000)) say(std::string_view(&byte, 1));
  EXPECT_EQ(taken_, std::vector<std::size_t>{5'000});
  EXPECT_FALSE(hung_up_);
}

// An answer that is not read is kept too.
TEST_F(LineTest, AnAnswerThatIsNotReadCountsUntilTheEnd) {
  server::wire::MessageWriter out(std::pmr::get_default_resource());
  out.command_complete(std::string(1'000'000, 'x'));
  while (line_.connection().queued_bytes() == 0) line_.send(out);
  EXPECT_GE(memory.used(), line_.connection().queued_bytes());
  memory.change(0, std::size_t{8} << 20);
  EXPECT_FALSE(hung_up_);
  for (int i = 0; i < 3 && !hung_up_; ++i) line_.send(out);
  EXPECT_TRUE(hung_up_);
  EXPECT_EQ(memory.used(), std::size_t{8} << 20);
}

// A client that was told to go within close_timeout had twice that time, if its last message did
// not fit into the socket.
TEST_F(LineTest, AnEndThatIsNearIsNotPutOffByWhatIsSentBefore) {
  line_.hang_up_at(rig.loop.now() + options.close_timeout);
  pass(options.close_timeout / 2);
  const std::string much(4'000'000, 'x');
  line_.connection().queue(std::as_bytes(std::span(much)));
  line_.end_when_sent();
  EXPECT_FALSE(hung_up_);
  pass(options.close_timeout / 2);
  EXPECT_TRUE(hung_up_);
}

TEST_F(LineTest, AClosingLineHangsUpWhenAllIsSent) {
  line_.end_with_fatal({.kind = &server::wire::kAdminShutdown, .what = "bye"});
  EXPECT_TRUE(hung_up_);
  EXPECT_NE(heard().find("bye"), std::string::npos);
}

}  // namespace

}  // namespace tests
