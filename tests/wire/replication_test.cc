#include "server/wire/replication.h"

#include <gtest/gtest.h>

#include "server/wire/errors.h"
#include "server/wire/framer.h"
#include "tests/support/bytes.h"

namespace server::wire {
namespace {

template <typename Array>
std::vector<std::byte> vector_of(const Array& array) {
  return {array.begin(), array.end()};
}

TEST(ReplicationMessageTest, ClocksCountFromTheYear2000) {
  EXPECT_EQ(to_pg_timestamp(946'684'800'000'000), 0);
  EXPECT_EQ(to_pg_timestamp(946'684'800'000'001), 1);
  EXPECT_EQ(to_pg_timestamp(0), -946'684'800'000'000);
}

TEST(ReplicationMessageTest, XLogDataOfAFullChunk) {
  EXPECT_EQ(vector_of(encode_xlog_data_header(0x0102030405060708, 0x1112131415161718,
                                              0x2122232425262728, 131072)),
            tests::bytes("64 0002001d 77 0102030405060708 1112131415161718 2122232425262728"));
}

TEST(ReplicationMessageTest, Keepalive) {
  EXPECT_EQ(vector_of(encode_keepalive(0x0102030405060708, 0x1112131415161718, true)),
            tests::bytes("64 00000016 6b 0102030405060708 1112131415161718 01"));
  EXPECT_EQ(vector_of(encode_keepalive(1, -1, false)),
            tests::bytes("64 00000016 6b 0000000000000001 ffffffffffffffff 00"));
}

// As they come off the wire: cut first, then parsed.
StandbyMessage parse_whole(std::string_view text) {
  const auto raw = tests::bytes(text);
  const CutResult cut = cut_message(raw, During::kStream);
  EXPECT_EQ(cut.cut, Cut::kMessage);
  EXPECT_EQ(cut.bytes_used, raw.size());
  return parse_standby_message(cut.message.body).value();
}

TEST(StandbyMessageTest, StatusUpdate) {
  const StandbyMessage message = parse_whole(
      "64 00000026 72 0000000000000001 0000000000000002 0000000000000003 ffffffffffffffff 01");
  const auto& status = std::get<StandbyStatus>(message);
  EXPECT_EQ(status.write, 1u);
  EXPECT_EQ(status.flush, 2u);
  EXPECT_EQ(status.apply, 3u);
  EXPECT_EQ(status.send_time, -1);
  EXPECT_TRUE(status.reply_requested);
}

TEST(StandbyMessageTest, Feedback) {
  const StandbyMessage message =
      parse_whole("64 0000001d 68 0000000000000009 00000001 00000002 00000003 00000004");
  const auto& feedback = std::get<HotStandbyFeedback>(message);
  EXPECT_EQ(feedback.send_time, 9);
  EXPECT_EQ(feedback.xmin, 1u);
  EXPECT_EQ(feedback.xmin_epoch, 2u);
  EXPECT_EQ(feedback.catalog_xmin, 3u);
  EXPECT_EQ(feedback.catalog_xmin_epoch, 4u);
}

TEST(StandbyMessageTest, ExtraBytesAreIgnored) {
  const auto raw = tests::bytes(
      "72 0000000000000001 0000000000000002 0000000000000003 0000000000000004 00 ffff");
  const auto message = parse_standby_message(raw).value();
  EXPECT_FALSE(std::get<StandbyStatus>(message).reply_requested);
  EXPECT_EQ(std::get<StandbyStatus>(message).apply, 3u);
}

// Which words depends on what is read at the end: a byte (pq_getmsgbyte) or an integer.
TEST(StandbyMessageTest, EveryShorterOneIsAnError) {
  const auto expect_error = [](std::span<const std::byte> body, std::string_view what) {
    const auto parsed = parse_standby_message(body);
    ASSERT_FALSE(parsed) << body.size();
    EXPECT_EQ(parsed.error().kind, &kProtocolViolation);
    EXPECT_EQ(parsed.error().what, what) << body.size();
  };
  const auto status =
      tests::bytes("72 0000000000000001 0000000000000002 0000000000000003 0000000000000004 00");
  const auto feedback = tests::bytes("68 0000000000000009 00000001 00000002 00000003 00000004");
  for (const auto& whole : {status, feedback}) {
    for (std::size_t size = 1; size + 1 < whole.size(); ++size) {
      expect_error(std::span(whole).first(size), "insufficient data left in message");
    }
  }
  expect_error({}, "no data left in message");
  expect_error(std::span(status).first(status.size() - 1), "no data left in message");
  expect_error(std::span(feedback).first(feedback.size() - 1), "insufficient data left in message");
}

TEST(StandbyMessageTest, AnyOtherTypeIsUnknown) {
  for (const char* text : {"7a", "70 0000000000000001", "00", "77 01"}) {
    const auto raw = tests::bytes(text);
    const auto message = parse_standby_message(raw).value();
    ASSERT_TRUE(std::holds_alternative<UnknownStandbyMessage>(message)) << text;
    EXPECT_EQ(std::get<UnknownStandbyMessage>(message).type, static_cast<char>(raw[0]));
  }
}

TEST(StandbyMessageTest, WhatAReceiverEncodesIsWhatAServerReads) {
  const StandbyStatus status{.write = 0x1122334455667788,
                             .flush = 2,
                             .apply = 3,
                             .send_time = -4,
                             .reply_requested = true};
  const auto bytes = encode_standby_status(status);
  const auto read = std::get<StandbyStatus>(*parse_standby_message(bytes));
  EXPECT_EQ(read.write, status.write);
  EXPECT_EQ(read.flush, status.flush);
  EXPECT_EQ(read.apply, status.apply);
  EXPECT_EQ(read.send_time, status.send_time);
  EXPECT_TRUE(read.reply_requested);
  const auto feedback = std::get<HotStandbyFeedback>(*parse_standby_message(
      encode_hot_standby_feedback({.send_time = 9,
                                   .xmin = 1,
                                   .xmin_epoch = 2,
                                   .catalog_xmin = 0x80000000,
                                   .catalog_xmin_epoch = 4})));
  EXPECT_EQ(feedback.send_time, 9);
  EXPECT_EQ(feedback.xmin, 1u);
  EXPECT_EQ(feedback.xmin_epoch, 2u);
  EXPECT_EQ(feedback.catalog_xmin, 0x80000000u);
  EXPECT_EQ(feedback.catalog_xmin_epoch, 4u);
}

TEST(PrimaryMessageTest, ReadsWhatAServerEncodes) {
  const auto header = encode_xlog_data_header(0x16B374D848, 0x16B374E000, -7, 3);
  std::vector<std::byte> message(header.begin(), header.end());
  message.insert(message.end(), {std::byte{1}, std::byte{2}, std::byte{3}});
  const auto body = std::span(message).subspan(5);  // behind CopyData's type and length
  const auto data = std::get<XLogData>(*parse_primary_message(body));
  EXPECT_EQ(data.start, 0x16B374D848u);
  EXPECT_EQ(data.wal_end, 0x16B374E000u);
  EXPECT_EQ(data.send_time, -7);
  EXPECT_TRUE(std::ranges::equal(data.wal, body.last(3)));
  const auto keepalive_bytes = encode_keepalive(77, 8, /*reply_requested=*/true);
  const auto keepalive =
      std::get<Keepalive>(*parse_primary_message(std::span(keepalive_bytes).subspan(5)));
  EXPECT_EQ(keepalive.wal_end, 77u);
  EXPECT_EQ(keepalive.send_time, 8);
  EXPECT_TRUE(keepalive.reply_requested);
}

TEST(PrimaryMessageTest, WhatIsShortOrUnknownIsAnError) {
  const auto keepalive = encode_keepalive(77, 8, /*reply_requested=*/true);
  const auto body = std::span(keepalive).subspan(5);
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_FALSE(parse_primary_message(body.first(size))) << size;
  }
  const auto header = encode_xlog_data_header(1, 2, 3, 0);
  const auto data = std::span(header).subspan(5);
  EXPECT_TRUE(parse_primary_message(data)) << "no WAL is no error";
  EXPECT_FALSE(parse_primary_message(data.first(data.size() - 1)));
  const auto unknown = parse_primary_message(tests::bytes("72 00"));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().what, "invalid replication message type 114");
}

}  // namespace
}  // namespace server::wire
