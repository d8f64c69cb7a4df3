#include "server/wal/file_stamps.h"

namespace server::wal {

void FileStamps::note(SegmentNo no, const FileStamp& stamp) {
  const runtime::Lock lock(mutex_);
  stamps_.insert_or_assign(no, stamp);
  if (stamps_.size() > kFilesMax) stamps_.erase(stamps_.begin());
}

std::optional<SegmentNo> FileStamps::note_new(SegmentNo no, const FileStamp& stamp) {
  const runtime::Lock lock(mutex_);
  const auto [known, added] = stamps_.try_emplace(no, stamp);
  if (!added && known->second.id != stamp.id) known->second = stamp;
  if (stamps_.size() <= kFilesMax) return std::nullopt;
  const SegmentNo gone = stamps_.begin()->first;
  stamps_.erase(stamps_.begin());
  return gone;
}

void FileStamps::forget(SegmentNo no) {
  const runtime::Lock lock(mutex_);
  stamps_.erase(no);
}

bool FileStamps::has(const Segment& segment) const {
  const runtime::Lock lock(mutex_);
  const auto found = stamps_.find(segment.no());
  return found != stamps_.end() && found->second.id == segment.id();
}

std::map<SegmentNo, FileStamp> FileStamps::all() const {
  const runtime::Lock lock(mutex_);
  return stamps_;
}

}  // namespace server::wal
