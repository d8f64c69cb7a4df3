#include "runtime/json.h"

#include <gtest/gtest.h>

namespace runtime {
namespace {

TEST(JsonTest, AStringIsQuotedAndEscaped) {
  EXPECT_EQ(json_string(""), "\"\"");
  EXPECT_EQ(json_string("a \"b\" \\ c\n\x01"), R"("a \"b\" \\ c\n\u0001")");
  EXPECT_EQ(json_string("Grüße"), "\"Grüße\"");
}

TEST(JsonTest, WhatIsNoUtf8IsReplaced) {
  EXPECT_EQ(json_string("Gr\xFC\xDF"
                        "e"),
            "\"Gr\xEF\xBF\xBD\xEF\xBF\xBD"
            "e\"");
  EXPECT_EQ(json_string("\xC3"), "\"\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace runtime
