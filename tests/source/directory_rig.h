#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "server/source/directory.h"
#include "server/wal/names.h"
#include "tests/source/tail_follower.h"
#include "tests/support/logged.h"
#include "tests/wal/growing_wal.h"

namespace tests {

// A directory that grows, and the source that follows it.
struct DirectoryTest : ::testing::Test, GrowingWal {
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
  void write_history(std::uint32_t timeline, const std::string& text) const {
    const std::string name =
        directory.path() + "/" + server::wal::history_name(server::wal::TimelineId{timeline});
    std::ofstream(name + ".new") << text;
    std::filesystem::rename(name + ".new", name);
  }

  runtime::SystemClock clock;
  TailFollower follower;
  std::optional<server::wal::FaultLog> faults;
  std::optional<server::source::DirectorySource> source;
};

}  // namespace tests
