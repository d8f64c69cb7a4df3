#pragma once

// A loop with live standbys, turned by hand: what a commit costs on its way to each of them.

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "bench/send_rig.h"
#include "runtime/loop.h"
#include "runtime/pool.h"
#include "server/stream/connection.h"
#include "server/stream/send_queue.h"
#include "server/stream/sender.h"
#include "server/wal/builder.h"
#include "server/wal/fault_log.h"
#include "server/wal/names.h"
#include "server/wal/segments.h"
#include "server/wal/tail.h"

namespace bench {

// A loop with standbys that are caught up, and one segment that grows.
class LiveLoop {
 public:
  explicit LiveLoop(std::int64_t standbys)
      : faults_(identity_),
        directory_(make_directory()),
        segments_(directory_, identity_, faults_, clock_),
        loop_(clock_, {}),
        pool_(1),
        view_(loop_, pool_, segments_, {}),
        queue_(loop_, clock_, view_, {}),
        builder_(identity_, server::wal::TimelineId{1}, start_) {
    ::signal(SIGPIPE, SIG_IGN);
    file_.reset(::open(path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    CHECK(file_.valid() && ::ftruncate(file_.get(), identity_.segment_size.bytes()) == 0);
    tail_.subscribe(view_.queue());
    tail_.adopt({server::wal::TimelineHistory(server::wal::TimelineId{1}), {}});
    loop_.set_turn_work(&queue_);
    grow();
    loop_.turn_for_test();
    for (std::int64_t i = 0; i < standbys; ++i) {
      auto& standby = *standbys_.emplace_back(std::make_unique<Standby>(*this));
      standby.sender.start(server::wal::TimelineId{1}, builder_.end());
    }
    // The first commit opens the segment, off the loop.
    grow();
    while (standbys_.back()->sender.sent() != builder_.end()) turn();
  }
  ~LiveLoop() {
    ::unlink(path().c_str());
    ::rmdir(directory_.c_str());
  }

  // One commit, known to the loop's queue. REQUIRES: has_room().
  void grow() {
    const std::vector<std::byte> payload(200);
    builder_.append_noop(payload);
    const auto bytes = builder_.bytes();
    CHECK(::pwrite(file_.get(), bytes.data(), bytes.size(),
                   identity_.segment_size.offset(builder_.begin())) ==
          static_cast<ssize_t>(bytes.size()));
    tail_.publish(builder_.begin(), builder_.end(), clock_.now());
    builder_.clear();
  }
  void turn() { loop_.turn_for_test(); }
  // Each standby says that it has all that it was sent.
  void reply_all() {
    const auto end = standbys_.back()->sender.sent().value();
    const auto reply = server::wire::encode_standby_status(
        {.write = end, .flush = end, .apply = end, .send_time = 0, .reply_requested = false});
    for (const auto& standby : standbys_) CHECK(standby->sender.on_copy_data(reply).has_value());
  }
  void drain_all() {
    for (const auto& standby : standbys_) drain(standby->sockets.peer.get());
  }
  bool has_room() const {
    return identity_.segment_size.offset(builder_.end()) < identity_.segment_size.bytes() - 4096;
  }

 private:
  struct Standby final : server::stream::Sender::Owner, runtime::Loop::Handler {
    explicit Standby(LiveLoop& of)
        : context("Standby"),
          connection(of.loop_, *this, std::move(sockets.ours), context),
          sender(of.loop_, of.view_, of.queue_, connection, {}, *this) {}
    void on_ready(std::uint32_t) override {}
    void on_stream_over(server::stream::StreamEnd) override {}
    void on_status() override {}
    void take_replies() override {}
    void on_feedback(const server::wire::HotStandbyFeedback&) override {}

    TcpPair sockets;
    memctx::Context context;
    server::stream::Connection connection;
    server::stream::Sender sender;
  };

  static std::string make_directory() {
    char name[] = "/tmp/walcast-bench-XXXXXX";
    CHECK(::mkdtemp(name) != nullptr);
    return name;
  }
  std::string path() const {
    return directory_ + "/" +
           server::wal::segment_name(server::wal::TimelineId{1}, server::wal::SegmentNo{1},
                                     identity_.segment_size);
  }

  const server::wal::Identity identity_{.system_identifier = 1,
                                        .segment_size = server::wal::SegmentSize(1u << 30),
                                        .page_magic = 0xD110};
  const server::wal::Lsn start_ = identity_.segment_size.start(server::wal::SegmentNo{1});
  runtime::SystemClock clock_;
  server::wal::FaultLog faults_;
  const std::string directory_;
  server::wal::WalTail tail_;
  server::wal::Segments segments_;
  runtime::Loop loop_;
  runtime::Pool pool_;
  server::stream::WalView view_;
  server::stream::SendQueue queue_;
  server::wal::WalBuilder builder_;
  runtime::UniqueFd file_;
  std::vector<std::unique_ptr<Standby>> standbys_;
};

}  // namespace bench
