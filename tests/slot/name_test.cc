#include "server/slot/name.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/slot/said.h"

namespace server::slot {
namespace {

using tests::said;

TEST(NameTest, LowerCaseDigitsAndUnderscoresAreValid) {
  for (const char* name : {"a", "_", "0", "standby_1", "abcdefghijklmnopqrstuvwxyz_0123456789"}) {
    EXPECT_EQ(said(validate_name(name)), "") << name;
  }
}

TEST(NameTest, AnEmptyNameIsTooShort) {
  EXPECT_EQ(said(validate_name("")), "42602 replication slot name \"\" is too short");
}

TEST(NameTest, SixtyThreeBytesAreTheMost) {
  EXPECT_EQ(said(validate_name(std::string(63, 'a'))), "");
  const std::string longer(64, 'a');
  EXPECT_EQ(said(validate_name(longer)),
            "42622 replication slot name \"" + longer + "\" is too long");
  EXPECT_EQ(validate_name(std::string(100'000, 'A')).error().kind->code, "42622");
}

TEST(NameTest, EveryOtherByteIsInvalidWhereverItIs) {
  const std::string valid = "abcdefghijklmnopqrstuvwxyz0123456789_";
  for (int byte = 0; byte < 256; ++byte) {
    const std::string c(1, static_cast<char>(byte));
    if (valid.find(c) != valid.npos) continue;
    for (const std::string& name : {c, c + "x", "x" + c, "x" + c + "x"}) {
      EXPECT_EQ(said(validate_name(name)),
                "42602 replication slot name \"" + name +
                    "\" contains invalid character; Replication slot names may only contain lower "
                    "case letters, numbers, and the underscore character.");
    }
  }
}

}  // namespace
}  // namespace server::slot
