#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "server/wal/builder.h"
#include "server/wal/format.h"
#include "server/wal/record_reader.h"

namespace tests {

// What the WAL tests are made of.

inline server::wal::Identity identity_of(std::uint32_t segment_mb, std::uint16_t magic = 0xD110) {
  return {.system_identifier = 0x0123456789ABCDEF,
          .segment_size = server::wal::SegmentSize(segment_mb << 20),
          .page_magic = magic};
}

// Starts where a new cluster's WAL does.
inline server::wal::WalBuilder builder_of(const server::wal::Identity& identity,
                                          std::uint32_t timeline = 1) {
  return {identity, server::wal::TimelineId{timeline},
          identity.segment_size.start(server::wal::SegmentNo{1})};
}

// A block of noise over and over: large data must not take long to make.
inline std::vector<std::byte> data_of(std::size_t size) {
  std::mt19937 random(static_cast<std::uint32_t>(size));
  std::vector<std::byte> data(size);
  const std::size_t block = std::min<std::size_t>(size, 4099);
  for (std::size_t i = 0; i < block; ++i) data[i] = static_cast<std::byte>(random());
  for (std::size_t at = block; at < size; at += block) {
    std::copy_n(data.begin(), std::min(block, size - at),
                data.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return data;
}

// Main data for a record of `size` bytes. REQUIRES: a length PostgreSQL can express.
inline std::vector<std::byte> filling(std::size_t size) {
  const std::size_t framing = size - server::wal::kRecordHeaderBytes <= 2 + 255 ? 2 : 5;
  return data_of(size - server::wal::kRecordHeaderBytes - framing);
}

// Appends a filler so that the next record begins `room` bytes before a page's end.
inline void leave_on_page(server::wal::WalBuilder& builder, std::uint32_t room) {
  using server::wal::kPageBytes;
  builder.append_noop(filling(64));
  const std::uint32_t left = kPageBytes - builder.end().page_offset();
  builder.append_noop(filling(left - room));
}

// All records from the reader's position until it stops.
inline std::vector<server::wal::Record> read_all(server::wal::RecordReader& reader) {
  std::vector<server::wal::Record> records;
  while (reader.next() == server::wal::Outcome::kRecord) records.push_back(reader.record());
  return records;
}

// A few pages with records of many sizes, some across pages, and every size mod 8.
inline server::wal::WalBuilder small_stream(const server::wal::Identity& identity) {
  server::wal::WalBuilder builder = builder_of(identity);
  for (const std::size_t size : {26u, 114u, 27u,   300u, 28u, 29u,   5000u, 30u, 31u, 32u,
                                 33u, 700u, 9000u, 51u,  52u, 2000u, 53u,   54u, 55u, 56u}) {
    builder.append_noop(filling(size));
  }
  return builder;
}

}  // namespace tests
