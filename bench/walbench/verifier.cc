#include "bench/walbench/verifier.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "bench/walbench/failures.h"
#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "server/wal/names.h"

namespace bench::walbench {

using server::wal::FileName;
using server::wal::Lsn;
using server::wal::SegmentNo;

// A file's bytes, up to where it ended when it was opened.
class Verifier::MappedFile {
 public:
  static runtime::Result<std::unique_ptr<MappedFile>> open(const std::string& path) {
    auto fd = TRY(runtime::open_for_reading(path));
    const std::size_t size = size_of(fd);
    void* map = nullptr;
    if (size != 0) map = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
    if (map == MAP_FAILED) {
      return runtime::system_error(errno, runtime::format("could not map file \"{}\"", path));
    }
    return std::unique_ptr<MappedFile>(new MappedFile(path, std::move(fd), map, size));
  }
  ~MappedFile() {
    if (map_ != nullptr) ::munmap(map_, size_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  std::size_t size() const { return size_; }
  // By its size now: what a file has lost must not be touched.
  bool holds(std::size_t offset, std::size_t bytes) const {
    return offset + bytes <= std::min(size_, size_of(fd_));
  }
  const std::byte* at(std::size_t offset) const {
    return static_cast<const std::byte*>(map_) + offset;
  }
  bool equals(std::size_t offset, std::span<const std::byte> bytes) const {
    return holds(offset, bytes.size()) && std::memcmp(at(offset), bytes.data(), bytes.size()) == 0;
  }

 private:
  MappedFile(std::string path, runtime::UniqueFd fd, void* map, std::size_t size)
      : path_(std::move(path)), fd_(std::move(fd)), map_(map), size_(size) {}

  static std::size_t size_of(const runtime::UniqueFd& fd) {
    struct stat status {};
    CHECK(::fstat(fd.get(), &status) == 0);  // cannot fail on an open file
    return static_cast<std::size_t>(status.st_size);
  }

  const std::string path_;
  const runtime::UniqueFd fd_;
  void* const map_;
  const std::size_t size_;
};

namespace {

runtime::Error nothing_to_compare(std::string detail) {
  return {.kind = &kNothingToCompare,
          .what = "WAL that --verify has no file for",
          .detail = std::move(detail)};
}

// The names of a segment on the timelines after the stream's, the next one first. Where a timeline
// ends inside a segment, its own file may be gone, but its child's begins with the same bytes.
std::vector<std::string> later_names(const std::string& directory, const StreamPlan& stream,
                                     SegmentNo no) {
  std::vector<std::string> names;
  const auto listed = runtime::list_directory(directory);
  if (!listed) return names;
  for (const std::string& name : *listed) {
    const auto parsed = server::wal::parse_file_name(name);
    if (!parsed || parsed->kind == FileName::Kind::kHistory) continue;
    if (parsed->timeline <= stream.timeline) continue;
    if (parsed->segment(stream.segment_size) == no) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

Verifier::Verifier(std::string directory) : directory_(std::move(directory)) {}

Verifier::~Verifier() = default;

runtime::Result<void> Verifier::compare(const StreamPlan& stream, Lsn lsn,
                                        std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::uint64_t room = stream.segment_size.bytes() - stream.segment_size.offset(lsn);
    const auto piece = bytes.first(std::min<std::uint64_t>(bytes.size(), room));
    TRY(compare_in_segment(stream, lsn, piece));
    bytes = bytes.subspan(piece.size());
    lsn += piece.size();
  }
  return {};
}

runtime::Result<void> Verifier::compare_in_segment(const StreamPlan& stream, Lsn lsn,
                                                   std::span<const std::byte> bytes) {
  const SegmentNo no = stream.segment_size.segment_of(lsn);
  const std::uint32_t offset = stream.segment_size.offset(lsn);
  const MappedFile* file = TRY(file_of(stream, no, /*again=*/false));
  if (file->equals(offset, bytes)) return {};
  // The file may have grown, or another have been put in its place.
  file = TRY(file_of(stream, no, /*again=*/true));
  if (file->equals(offset, bytes)) return {};
  if (!file->holds(offset, bytes.size())) {
    return nothing_to_compare(runtime::format("file \"{}\" has {} bytes, {} is at {}", file->path(),
                                              file->size(), lsn, offset));
  }
  const auto differs = static_cast<std::uint64_t>(
      std::mismatch(bytes.begin(), bytes.end(), file->at(offset)).first - bytes.begin());
  return runtime::Error{
      .kind = &kMismatch,
      .what = "mismatch",
      .detail = runtime::format("at {}: received {:#04x}, file \"{}\" has {:#04x}", lsn + differs,
                                static_cast<unsigned>(bytes[differs]), file->path(),
                                static_cast<unsigned>(*file->at(offset + differs)))};
}

runtime::Result<Verifier::MappedFile*> Verifier::file_of(const StreamPlan& stream, SegmentNo no,
                                                         bool again) {
  const Key key{stream.timeline, no};
  auto found = files_.find(key);
  if (found != files_.end() && again) {
    files_.erase(found);
    found = files_.end();
  }
  if (found == files_.end()) {
    auto file = TRY(open(stream, no));
    make_room();
    found = files_.emplace(key, Entry{std::move(file), 0}).first;
  }
  found->second.last_use = ++uses_;
  return found->second.file.get();
}

runtime::Result<std::unique_ptr<Verifier::MappedFile>> Verifier::open(const StreamPlan& stream,
                                                                      SegmentNo no) const {
  const std::string own = server::wal::segment_name(stream.timeline, no, stream.segment_size);
  auto file = MappedFile::open(directory_ + "/" + own);
  if (file) return std::move(file).value();
  auto partial =
      MappedFile::open(directory_ + "/" + own + std::string(server::wal::kPartialSuffix));
  if (partial) return std::move(partial).value();
  for (const std::string& name : later_names(directory_, stream, no)) {
    auto later = MappedFile::open(directory_ + "/" + name);
    if (later) return std::move(later).value();
  }
  return nothing_to_compare(file.error().what);
}

void Verifier::make_room() {
  if (files_.size() < kFilesMax) return;
  files_.erase(std::min_element(files_.begin(), files_.end(), [](const auto& a, const auto& b) {
    return a.second.last_use < b.second.last_use;
  }));
}

}  // namespace bench::walbench
