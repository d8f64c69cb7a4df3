#include "server/wal/segment.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/file.h"
#include "server/wal/directory.h"
#include "server/wal/names.h"

namespace server::wal {

namespace {

FileStamp stamp_of(const struct stat& status) {
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  return {.id = {status.st_dev, status.st_ino},
          .size = static_cast<std::uint64_t>(status.st_size),
          .written_ns = status.st_mtim.tv_sec * kNanoseconds + status.st_mtim.tv_nsec};
}

}  // namespace

runtime::Result<FileStamp> file_stamp(const runtime::UniqueFd& file, const std::string& path) {
  struct stat status;
  if (::fstat(file.get(), &status) != 0) {
    return runtime::system_error(errno, runtime::format("could not stat file \"{}\"", path));
  }
  return stamp_of(status);
}

runtime::Result<SegmentRef> Segment::open(const std::string& path, TimelineId timeline,
                                          SegmentNo no, SegmentSize size) {
  runtime::UniqueFd fd = TRY(open_segment_file(path));
  const FileStamp stamp = TRY(file_stamp(fd, path));
  return SegmentRef(new Segment(std::move(fd), stamp, timeline, no, size));
}

std::optional<FileId> Segment::find(const std::string& path) {
  const auto stamp = look(path);
  return stamp.has_value() ? std::optional(stamp->id) : std::nullopt;
}

std::optional<FileStamp> Segment::look(const std::string& path) {
  struct stat status;
  const auto is_at = [&status](const std::string& at) { return ::stat(at.c_str(), &status) == 0; };
  bool found = is_at(path);
  if (!found && errno == ENOENT) found = is_at(path + std::string(kPartialSuffix)) || is_at(path);
  return found ? std::optional(stamp_of(status)) : std::nullopt;
}

Segment::Segment(runtime::UniqueFd fd, const FileStamp& stamp, TimelineId timeline, SegmentNo no,
                 SegmentSize size)
    : fd_(std::move(fd)),
      stamp_(stamp),
      timeline_(timeline),
      no_(no),
      size_(size),
      map_(::mmap(nullptr, size.bytes(), PROT_READ, MAP_SHARED, fd_.get(), 0)) {}

Segment::~Segment() {
  if (map_ != MAP_FAILED) ::munmap(map_, size_.bytes());
}

std::string Segment::name() const { return segment_name(timeline_, no_, size_); }

runtime::Result<std::size_t> Segment::read(std::uint32_t offset, std::span<std::byte> into) const {
  auto bytes = runtime::read_at(fd_, /*path=*/{}, offset, into);  // its words are replaced
  if (bytes) return bytes;
  return runtime::system_error(
      bytes.error().sys_errno,
      runtime::format("could not read from log segment {}, offset {}", name(), offset));
}

std::optional<bool> Segment::are_pages_cached(std::uint32_t offset, std::uint32_t bytes) const {
  constexpr std::uint32_t kMemoryPageBytes = 4096;
  std::array<unsigned char, kSliceBytes / kMemoryPageBytes> pages;
  CHECK(bytes <= kSliceBytes && offset % kMemoryPageBytes == 0);
  if (map_ == MAP_FAILED) return std::nullopt;
  const std::size_t count = (bytes + kMemoryPageBytes - 1) / kMemoryPageBytes;
  if (::mincore(static_cast<std::byte*>(map_) + offset, bytes, pages.data()) != 0) {
    return std::nullopt;
  }
  return std::all_of(pages.begin(), pages.begin() + static_cast<std::ptrdiff_t>(count),
                     [](unsigned char page) { return (page & 1) != 0; });
}

bool Segment::is_known_resident(std::uint32_t offset, std::uint32_t bytes) const {
  struct stat status;
  if (::fstat(fd_.get(), &status) != 0 || status.st_uid != ::geteuid()) return false;
  if (status.st_size < std::int64_t{offset} + bytes) return false;
  return are_pages_cached(offset, bytes).value_or(false);
}

}  // namespace server::wal
