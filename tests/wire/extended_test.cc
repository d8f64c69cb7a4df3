#include "server/wire/extended.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/bytes.h"

// Messages of the extended protocol, taken apart as PostgreSQL takes them.

namespace server::wire {
namespace {

using tests::bytes;

TEST(ParseMessageTest, HasANameAStatementAndTypes) {
  const auto body = bytes("\"s\" 00 \"SELECT $1\" 00 0002 00000017 00000000");
  const auto parse = parse_parse(body);
  ASSERT_TRUE(parse);
  EXPECT_EQ(parse->statement, "s");
  EXPECT_EQ(parse->query, "SELECT $1");
  EXPECT_THAT(parse->parameter_types, testing::ElementsAre(23u, 0u));
}

TEST(ParseMessageTest, EveryEndBeforeTheLastByteIsTooEarly) {
  const auto body = bytes("\"s\" 00 \"q\" 00 0001 00000017");
  for (std::size_t size = 0; size < body.size(); ++size) {
    const auto parse = parse_parse(std::span(body).first(size));
    ASSERT_FALSE(parse) << size;
    EXPECT_EQ(parse.error().kind, &kProtocolViolation);
  }
  auto longer = body;
  longer.push_back({});
  EXPECT_EQ(parse_parse(longer).error().what, "invalid message format");
}

TEST(BindMessageTest, HasValuesAndFormats) {
  const auto body =
      bytes("\"p\" 00 \"s\" 00 0002 0000 0001 0003 00000002 \"ab\" ffffffff 00000000 0001 0001");
  auto bind = Bind::begin(body);
  ASSERT_TRUE(bind);
  EXPECT_EQ(bind->portal(), "p");
  EXPECT_EQ(bind->statement(), "s");
  EXPECT_EQ(bind->read_counts(3).error().what,
            "bind message has 2 parameter formats but 3 parameters");
}

TEST(BindMessageTest, ANullIsNoEmptyValueAndOneFormatIsForAll) {
  const auto body = bytes("00 00 0001 0001 0002 ffffffff 00000000 0002 0000 0001");
  auto bind = Bind::begin(body);
  ASSERT_TRUE(bind);
  ASSERT_TRUE(bind->read_counts(2));
  ASSERT_TRUE(bind->read_rest());
  ASSERT_EQ(bind->parameters().size(), 2u);
  EXPECT_FALSE(bind->parameters()[0].value.has_value());
  ASSERT_TRUE(bind->parameters()[1].value.has_value());
  EXPECT_TRUE(bind->parameters()[1].value->empty());
  EXPECT_EQ(bind->parameters()[0].format, kBinaryFormat);
  EXPECT_EQ(bind->parameters()[1].format, kBinaryFormat);
  EXPECT_THAT(bind->result_formats(), testing::ElementsAre(0, 1));
}

TEST(BindMessageTest, AnotherNumberOfParametersIsSaidBeforeTheyAreRead) {
  const auto body = bytes("00 \"s\" 00 0000 0001");
  auto bind = Bind::begin(body);
  ASSERT_TRUE(bind);
  EXPECT_EQ(bind->read_counts(2).error().what,
            "bind message supplies 1 parameters, but prepared statement \"s\" requires 2");
}

TEST(BindMessageTest, ALengthBeyondTheMessageIsAnError) {
  for (const char* length : {"00000002", "7fffffff", "fffffffe"}) {
    const auto body = bytes(std::string("00 00 0000 0001 ") + length + " 61");
    auto bind = Bind::begin(body);
    ASSERT_TRUE(bind);
    ASSERT_TRUE(bind->read_counts(1));
    EXPECT_EQ(bind->read_rest().error().what, "insufficient data left in message") << length;
  }
}

TEST(TargetMessageTest, IsOfAStatementOrAPortal) {
  EXPECT_EQ(parse_target(bytes("\"Pname\" 00"), "DESCRIBE")->name, "name");
  EXPECT_EQ(parse_target(bytes("\"S\" 00"), "CLOSE")->kind, 'S');
  EXPECT_EQ(parse_target(bytes("\"X\" 00"), "CLOSE").error().what,
            "invalid CLOSE message subtype 88");
  EXPECT_EQ(parse_target({}, "CLOSE").error().what, "no data left in message");
}

TEST(ExecuteMessageTest, ALimitBelowZeroIsNone) {
  EXPECT_EQ(parse_execute(bytes("\"p\" 00 00000007"))->rows_max, 7u);
  EXPECT_EQ(parse_execute(bytes("00 ffffffff"))->rows_max, 0u);
  EXPECT_FALSE(parse_execute(bytes("00 0000")));
}

}  // namespace
}  // namespace server::wire
