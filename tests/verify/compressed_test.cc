#include "server/verify/compressed.h"

#include <gtest/gtest.h>

#include <string>

namespace server::verify {
namespace {

using Kind = wal::FileName::Kind;

const std::string kSegment = "000000010000000000000003";
const std::string kChecksum = "-0123456789abcdef0123456789abcdef01234567";

TEST(CompressedTest, NamesOfReceiversAndArchiversAreKnown) {
  for (const char* suffix : {".gz", ".lz4", ".zst", ".bz2", ".xz", ".lzma", ".br", ".lzo", ".Z"}) {
    const auto name = parse_compressed_name(kSegment + suffix);
    ASSERT_TRUE(name.has_value()) << suffix;
    EXPECT_EQ(wal::file_name(*name), kSegment);
  }
  EXPECT_EQ(parse_compressed_name(kSegment + kChecksum + ".gz")->kind, Kind::kSegment);
  EXPECT_EQ(parse_compressed_name(kSegment + ".gz.partial")->kind, Kind::kPartial);
  EXPECT_EQ(parse_compressed_name(kSegment + ".partial.gz")->kind, Kind::kPartial);
  EXPECT_EQ(parse_compressed_name("00000002.history.gz")->kind, Kind::kHistory);
}

TEST(CompressedTest, OtherNamesAreNone) {
  for (const std::string& name :
       {kSegment, kSegment + ".partial", kSegment + ".tmp", kSegment + ".00000028.backup",
        kSegment + ".00000028.backup.gz", kSegment + kChecksum, kSegment + "-abc.gz",
        kSegment.substr(1) + ".gz", std::string("base.tar.gz"), std::string(".gz"),
        std::string("00000002.history.gz.partial"), std::string()}) {
    EXPECT_FALSE(parse_compressed_name(name).has_value()) << name;
  }
}

TEST(CompressedTest, TheFirstBytesTellWhatHasCompressedAFile) {
  EXPECT_EQ(compression_of(0x8B1F), "gzip");
  EXPECT_EQ(compression_of(0xB528), "zstd");
  EXPECT_EQ(compression_of(0xD110), "");  // a page of PostgreSQL 15
  EXPECT_EQ(compression_of(0), "");
}

}  // namespace
}  // namespace server::verify
