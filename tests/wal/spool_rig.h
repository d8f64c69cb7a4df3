#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "server/wal/inventory.h"
#include "server/wal/names.h"
#include "server/wal/spool.h"
#include "tests/support/temp_dir.h"
#include "tests/wal/writer_rig.h"

namespace server::wal {

// A relay's spool, as it is found by the next start.
struct SpoolEndTest : WriterRig {
  SpoolEndTest() {
    options.directory = spool_path;
    claim();
  }
  ~SpoolEndTest() override { writer.reset(); }  // whose thread writes the mark

  void claim() {
    spool.emplace(Spool::Options{.directory = spool_path, .adopt = adopt});
    EXPECT_TRUE(spool->open());
    EXPECT_TRUE(spool->claim(identity.system_identifier));
  }
  Lsn kept_to_on_disk() const { return (*SpoolMark::open(spool_path))->content().kept_to; }
  void write_segments(int count) {
    const Lsn to = begin() + static_cast<std::uint64_t>(count) * identity.segment_size.bytes();
    while (writer->end() < to) {
      append(20'000);
      ASSERT_TRUE(writer->write(take()));
      wait_for_flush();
    }
  }
  std::string segment(std::uint64_t no) const { return spool_path + "/" + name(no); }
  std::string aside(std::uint64_t no, std::uint32_t offset) const {
    return runtime::format("{}/set_aside/{}.{:08X}", spool_path, name(no), offset);
  }
  void flip(std::uint64_t no, std::uint32_t offset) const {
    std::fstream file(segment(no), std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(offset);
    const char byte = static_cast<char>(file.get() ^ 1);
    file.seekp(offset);
    file.put(byte);
    ASSERT_TRUE(file.good());
  }
  static std::string content(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string error_of_start() {
    const auto end = find_end();
    return end ? "" : end.error().what;
  }
  std::string name(std::uint64_t no) const {
    return segment_name(kFirst, SegmentNo{no}, identity.segment_size);
  }
  // Where a start finds the end; nothing if it refuses.
  runtime::Result<EndOfWal> find_end() {
    writer.reset();
    spool.reset();
    spool.emplace(Spool::Options{.directory = spool_path, .adopt = adopt});
    TRY(spool->open());
    const Inventory inventory = TRY(spool->take_inventory());
    TRY(spool->claim(identity.system_identifier));
    return spool->find_end(inventory);
  }

  tests::TempDir parent{tests::memory_directory()};
  const std::string spool_path = parent.file("spool");
  bool adopt = false;
  std::optional<Spool> spool;
};

}  // namespace server::wal
