#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "runtime/check.h"
#include "server/wal/builder.h"
#include "server/wal/names.h"
#include "tests/support/wal_directory.h"
#include "tests/wal/samples.h"

namespace tests {

// A directory of WAL that the test makes longer, on timeline 1 and, if it likes, on later ones.
struct GrowingWal {
  explicit GrowingWal(std::uint32_t segment_mb = 1) : identity(identity_of(segment_mb)) {}

  // Writes records until there are `bytes` more of WAL. Returns the new end.
  server::wal::Lsn grow(std::uint64_t bytes) {
    const server::wal::Lsn target = builder.end() + bytes;
    while (builder.end() < target) records.push_back(builder.append_noop(filling(3000)));
    return write();
  }
  // Writes what the test has put into the builder. Returns the new end.
  server::wal::Lsn write() {
    directory.write(builder);
    builder.clear();
    return builder.end();
  }

  server::wal::SegmentNo segment(std::uint64_t no) const { return server::wal::SegmentNo{no}; }
  server::wal::Lsn segment_start(std::uint64_t no) const {
    return identity.segment_size.start(segment(no));
  }
  server::wal::Lsn begin() const { return segment_start(1); }
  server::wal::Lsn end() const { return builder.end(); }
  // Of those that grow() made, the record that lies around `lsn`.
  const server::wal::RecordSpan& record_at(server::wal::Lsn lsn) const {
    const auto found = std::find_if(records.begin(), records.end(),
                                    [lsn](const auto& record) { return lsn < record.end; });
    CHECK(found != records.end() && found->begin <= lsn);
    return *found;
  }
  std::string wal(server::wal::Lsn from, server::wal::Lsn to) const {
    const auto bytes = directory.read(from, to);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  std::string path(std::uint64_t no) const { return directory.segment_path(segment(no)); }
  std::string path(std::uint32_t timeline, std::uint64_t no) const {
    return directory.path() + "/" +
           server::wal::segment_name(server::wal::TimelineId{timeline}, segment(no),
                                     identity.segment_size);
  }

  // Records of another timeline, from its fork on.
  server::wal::WalBuilder child(std::uint32_t timeline, server::wal::Lsn fork,
                                server::wal::Lsn previous) const {
    server::wal::WalBuilder made(identity, server::wal::TimelineId{timeline}, fork, previous);
    for (int i = 0; i < 20; ++i) made.append_noop(filling(1000));
    return made;
  }
  // Puts them into files of that timeline, which begin as copies.
  void write_timeline(std::uint32_t timeline, const server::wal::WalBuilder& other,
                      const char* suffix = "") const {
    const auto size = identity.segment_size;
    const auto no = value(size.segment_of(other.begin()));
    const std::string name = path(timeline, no) + suffix;
    if (!std::filesystem::exists(name)) std::filesystem::copy_file(path(no), name);
    std::fstream file(name, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(size.offset(other.begin()));
    file.write(reinterpret_cast<const char*>(other.bytes().data()),
               static_cast<std::streamsize>(other.bytes().size()));
  }

  server::wal::Identity identity;
  WalDirectory directory{server::wal::TimelineId{1}, identity.segment_size};
  server::wal::WalBuilder builder = builder_of(identity);
  std::vector<server::wal::RecordSpan> records;
};

}  // namespace tests
