#include "tests/support/wal_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "runtime/check.h"
#include "runtime/fd.h"
#include "server/wal/names.h"

namespace tests {

using server::wal::Lsn;
using server::wal::SegmentNo;

void WalDirectory::write(Lsn lsn, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const SegmentNo no = segment_size_.segment_of(lsn);
    const std::size_t room = std::min<std::size_t>(bytes.size(), segment_size_.end(no) - lsn);
    const runtime::UniqueFd file(
        ::open(segment_path(no).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    CHECK(file && ::ftruncate(file.get(), segment_size_.bytes()) == 0);
    const auto written = ::pwrite(file.get(), bytes.data(), room, segment_size_.offset(lsn));
    CHECK(written == static_cast<ssize_t>(room));
    bytes = bytes.subspan(room);
    lsn += room;
  }
}

std::vector<std::byte> WalDirectory::read(Lsn begin, Lsn end) const {
  std::vector<std::byte> bytes(end - begin);
  for (Lsn lsn = begin; lsn < end;) {
    const SegmentNo no = segment_size_.segment_of(lsn);
    const std::uint64_t room = std::min(end, segment_size_.end(no)) - lsn;
    const runtime::UniqueFd file(::open(segment_path(no).c_str(), O_RDONLY | O_CLOEXEC));
    CHECK(file.valid());
    const auto got = ::pread(file.get(), &bytes[lsn - begin], room, segment_size_.offset(lsn));
    CHECK(got == static_cast<ssize_t>(room));
    lsn += room;
  }
  return bytes;
}

void WalDirectory::flip(Lsn lsn) {
  auto byte = read(lsn, lsn + 1);
  byte[0] = ~byte[0];
  write(lsn, byte);
}

void WalDirectory::truncate(Lsn lsn) {
  std::filesystem::resize_file(segment_path(segment_size_.segment_of(lsn)),
                               segment_size_.offset(lsn));
}

void WalDirectory::remove(SegmentNo no) { CHECK(std::filesystem::remove(segment_path(no))); }

void WalDirectory::replace(SegmentNo no) {
  const std::string path = segment_path(no);
  std::filesystem::copy_file(path, path + ".copy");
  std::filesystem::rename(path + ".copy", path);
}

std::string WalDirectory::segment_path(SegmentNo no) const {
  return dir_.file(server::wal::segment_name(timeline_, no, segment_size_));
}

}  // namespace tests
