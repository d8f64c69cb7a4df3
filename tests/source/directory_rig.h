#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "server/source/directory.h"
#include "server/wal/names.h"
#include "tests/source/tail_follower.h"
#include "tests/support/wal_directory.h"
#include "tests/wal/samples.h"

namespace tests {

// A directory that grows, and the source that follows it.
struct DirectoryTest : ::testing::Test {
  DirectoryTest() { grow(200'000); }
  ~DirectoryTest() override {
    if (source.has_value()) source->stop();
  }

  void start() {
    source.emplace(directory.path(), clock);
    ASSERT_TRUE(source->open().has_value());
    faults.emplace(source->identity());
    ASSERT_TRUE(source->start(follower.tail, *faults, follower).has_value());
  }
  // Returns the new end.
  server::wal::Lsn grow(std::uint64_t bytes) {
    const server::wal::Lsn target = builder.end() + bytes;
    while (builder.end() < target) builder.append_noop(filling(3000));
    directory.write(builder);
    builder.clear();
    return builder.end();
  }
  std::string path(std::uint64_t no) const {
    return directory.segment_path(server::wal::SegmentNo{no});
  }
  std::string path(std::uint32_t timeline, std::uint64_t no) const {
    return directory.path() + "/" +
           server::wal::segment_name(server::wal::TimelineId{timeline}, server::wal::SegmentNo{no},
                                     identity.segment_size);
  }
  void write_history(std::uint32_t timeline, const std::string& text) const {
    const std::string name =
        directory.path() + "/" + server::wal::history_name(server::wal::TimelineId{timeline});
    std::ofstream(name + ".new") << text;
    std::filesystem::rename(name + ".new", name);
  }
  // Puts the WAL of another builder into files of another timeline, which begin as copies.
  void write_timeline(std::uint32_t timeline, const server::wal::WalBuilder& other) const {
    const auto size = identity.segment_size;
    const auto no = value(size.segment_of(other.begin()));
    if (!std::filesystem::exists(path(timeline, no))) {
      std::filesystem::copy_file(path(no), path(timeline, no));
    }
    std::fstream file(path(timeline, no), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(size.offset(other.begin()));
    file.write(reinterpret_cast<const char*>(other.bytes().data()),
               static_cast<std::streamsize>(other.bytes().size()));
  }
  server::wal::WalBuilder child(std::uint32_t timeline, server::wal::Lsn fork,
                                server::wal::Lsn previous) const {
    server::wal::WalBuilder made(identity, server::wal::TimelineId{timeline}, fork, previous);
    for (int i = 0; i < 20; ++i) made.append_noop(filling(1000));
    return made;
  }

  runtime::SystemClock clock;
  server::wal::Identity identity = identity_of(1);
  WalDirectory directory{server::wal::TimelineId{1}, identity.segment_size};
  server::wal::WalBuilder builder = builder_of(identity);
  TailFollower follower;
  std::optional<server::wal::FaultLog> faults;
  std::optional<server::source::DirectorySource> source;
};

}  // namespace tests
