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

FileId id_of(const struct stat& status) { return {status.st_dev, status.st_ino}; }

}  // namespace

runtime::Result<SegmentRef> Segment::open(const std::string& path, TimelineId timeline,
                                          SegmentNo no, SegmentSize size) {
  runtime::UniqueFd fd = TRY(open_segment_file(path));
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) {
    return runtime::system_error(errno, runtime::format("could not stat file \"{}\"", path));
  }
  return SegmentRef(new Segment(std::move(fd), id_of(status), timeline, no, size));
}

std::optional<FileId> Segment::find(const std::string& path) {
  struct stat status;
  const auto look = [&status](const std::string& at) { return ::stat(at.c_str(), &status) == 0; };
  bool found = look(path);
  if (!found && errno == ENOENT) found = look(path + std::string(kPartialSuffix)) || look(path);
  return found ? std::optional(id_of(status)) : std::nullopt;
}

Segment::Segment(runtime::UniqueFd fd, const FileId& id, TimelineId timeline, SegmentNo no,
                 SegmentSize size)
    : fd_(std::move(fd)),
      id_(id),
      timeline_(timeline),
      no_(no),
      size_(size),
      map_(::mmap(nullptr, size.bytes(), PROT_READ, MAP_SHARED, fd_.get(), 0)),
      proven_(size.bytes() / kSliceBytes) {}

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

bool Segment::is_resident(std::uint32_t offset, std::uint32_t bytes) const {
  constexpr std::uint32_t kMemoryPageBytes = 4096;
  std::array<unsigned char, kSliceBytes / kMemoryPageBytes> pages;
  CHECK(bytes <= kSliceBytes && offset % kMemoryPageBytes == 0);
  if (map_ == MAP_FAILED) return true;
  const std::size_t count = (bytes + kMemoryPageBytes - 1) / kMemoryPageBytes;
  if (::mincore(static_cast<std::byte*>(map_) + offset, bytes, pages.data()) != 0) return true;
  return std::all_of(pages.begin(), pages.begin() + static_cast<std::ptrdiff_t>(count),
                     [](unsigned char page) { return (page & 1) != 0; });
}

bool Segment::is_proven(std::uint32_t slice) const {
  const runtime::Lock lock(mutex_);
  return proven_[slice];
}

std::uint32_t Segment::generation() const {
  const runtime::Lock lock(mutex_);
  return generation_;
}

void Segment::set_proven(std::uint32_t slice, std::uint32_t generation) {
  const runtime::Lock lock(mutex_);
  if (generation == generation_) proven_[slice] = true;
}

void Segment::forget_proofs() {
  const runtime::Lock lock(mutex_);
  std::fill(proven_.begin(), proven_.end(), false);
  ++generation_;
}

}  // namespace server::wal
