#include "server/verify/hex_dump.h"

#include <gtest/gtest.h>

#include <string_view>

namespace server::verify {
namespace {

using wal::Lsn;

TEST(HexDumpTest, ALineHasItsPositionHexAndText) {
  const std::string_view text = "0123456789abcdef\x01~\x7f";
  EXPECT_EQ(hex_dump(std::as_bytes(std::span(text)), Lsn(0x16B374D840), Lsn(0x16B374D84F)),
            "> 16/B374D840       30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  "
            "|0123456789abcdef|\n"
            "  16/B374D850       01 7e 7f                                          |.~.|\n");
}

TEST(HexDumpTest, NothingHasNoLines) { EXPECT_EQ(hex_dump({}, Lsn(16), Lsn(16)), ""); }

}  // namespace
}  // namespace server::verify
