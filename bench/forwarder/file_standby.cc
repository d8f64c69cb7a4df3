#include "bench/forwarder/file_standby.h"

#include <fcntl.h>

#include <algorithm>
#include <span>

#include "bench/forwarder/socket.h"
#include "runtime/format.h"
#include "runtime/socket.h"
#include "server/wal/inventory.h"
#include "server/wal/names.h"

namespace bench::forwarder {

using runtime::IoResult;
using server::wal::Lsn;

runtime::Result<Archive> Archive::open(const std::string& directory) {
  const auto found = TRY(server::wal::take_inventory(directory));
  const auto timeline = found.history.tip();
  const auto size = found.identity.segment_size;
  return Archive{.directory = directory,
                 .facts = {.system = std::to_string(found.identity.system_identifier),
                           .timeline = std::to_string(value(timeline)),
                           .segment_size = runtime::format("{}MB", size.bytes() >> 20)},
                 .timeline = timeline,
                 .segment_size = size,
                 .begin = size.start(found.oldest),
                 .end = size.end(found.newest)};
}

runtime::UniqueFd Archive::file_of(Lsn lsn) const {
  const auto name = server::wal::segment_name(timeline, segment_size.segment_of(lsn), segment_size);
  return runtime::UniqueFd(::open((directory + "/" + name).c_str(), O_RDONLY | O_CLOEXEC));
}

bool FileStandby::on_start(Lsn from) {
  at_ = from;
  return at_ == archive_.end || open_segment();
}

bool FileStandby::on_question() {
  is_asked_ = true;
  return true;
}

bool FileStandby::on_copy_done() {
  is_ending_ = true;
  return header_left_ + wal_left_ > 0 || begin_message();
}

bool FileStandby::on_writable() {
  for (std::size_t turn_bytes = 0; turn_bytes < kTurnBytesMax && has_work();) {
    if (header_left_ + wal_left_ == 0 && !begin_message()) return false;
    if (header_left_ > 0) {
      const auto rest = std::span(header_).last(header_left_);
      const iovec piece{rest.data(), rest.size()};
      const IoResult sent = runtime::send_vector(fd(), {&piece, 1}, /*more=*/true);
      if (sent.status != IoResult::Status::kDone) return sent.status == IoResult::Status::kBlocked;
      header_left_ -= sent.bytes;
    } else if (wal_left_ > 0) {
      const auto offset = archive_.segment_size.offset(at_);
      const IoResult sent = runtime::send_file(fd(), file_.get(), offset, wal_left_);
      if (sent.status != IoResult::Status::kDone) return sent.status == IoResult::Status::kBlocked;
      wal_left_ -= sent.bytes;
      turn_bytes += sent.bytes;
      at_ += sent.bytes;
    }
  }
  return true;
}

bool FileStandby::begin_message() {
  if (is_ending_) {
    is_ending_ = is_asked_ = false;
    return end_stream();
  }
  if (is_asked_) {
    is_asked_ = false;
    return send_keepalive();
  }
  const bool is_segment_begin = archive_.segment_size.offset(at_) == 0;
  if (is_segment_begin && !open_segment()) return false;
  const std::size_t in_segment = archive_.segment_size.bytes() - archive_.segment_size.offset(at_);
  wal_left_ = std::min(kMessageBytesMax, in_segment);
  header_left_ = header_.size();
  header_ = server::wire::encode_xlog_data_header(at_.value(), archive_.end.value(), wall_now(),
                                                  static_cast<std::uint32_t>(wal_left_));
  return true;
}

bool FileStandby::open_segment() {
  file_ = archive_.file_of(at_);
  return file_.valid();
}

}  // namespace bench::forwarder
