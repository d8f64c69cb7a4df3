#pragma once

#include <optional>
#include <string>

#include "runtime/clock.h"
#include "runtime/peer_place.h"
#include "server/source/receiver.h"
#include "server/source/source.h"
#include "server/source/standstill.h"
#include "server/source/wal_sink.h"
#include "server/wal/directory_pages.h"
#include "server/wal/file_stamps.h"
#include "server/wal/holds.h"
#include "server/wal/inventory.h"
#include "server/wal/pins.h"
#include "server/wal/reader.h"

namespace server::source {

// The WAL of a primary on this host, served from the primary's own pg_wal: nothing is stored twice.
// Its stream says how far the primary has flushed; the bytes are those of its files, proven as they
// pass. The primary would recycle a file while pages of it are in a socket, so a slot of it, which
// this source's connection has, is held at the oldest WAL that a stream or one of our slots needs.
// While that connection is lost nothing is held, and files are copied, name and all. Over a network
// its loss is not told, or too late: of a primary that is reached so files are always copied.
//   Owner: Server.  Thread: main's until start(), then the receiver's.
//   Borrows: pins, which outlive stop().
//   Invariant: the tail says that files are held from where the primary's slot is, or from later.
class AttachSource final : public Source, private WalSink {
 public:
  struct Options {
    std::string directory;              // pg_wal of the primary
    Receiver::Options receiver;         // with a slot
    const wal::Holds* holds = nullptr;  // what needs WAL besides streams; null: nothing does
    runtime::PeerPlace (*find_place)(int fd) = runtime::find_peer_place;  // of the primary
  };

  AttachSource(Options options, const runtime::Clock& clock);
  ~AttachSource() override { stop(); }

  // The primary must be there, and the directory must be the primary's.
  runtime::Result<void> open() override;
  const wal::Identity& identity() const override { return identity_; }
  wal::ClusterFacts facts() const override { return facts_; }
  runtime::Result<void> switch_upstream(const std::string& conninfo) override {
    return receiver_.switch_upstream(conninfo);
  }
  StreamFacts stream_facts() const override { return receiver_.stream_facts(); }
  const std::string& directory() const override { return options_.directory; }
  // Before start(): the account of what streams need.
  void set_pins(wal::Pins& pins) override;
  void set_segments(wal::Segments& segments) override {
    walked_files_ = &segments.note_walked_files();
  }
  runtime::Result<void> start(wal::WalTail& tail, wal::FaultLog& faults,
                              Source::Listener& listener) override;
  void stop() override { receiver_.stop(); }
  void log_memory_contexts() override { receiver_.log_memory_contexts(); }

 private:
  // The time between two looks whether the primary's slot may move on.
  static constexpr runtime::Duration kHoldInterval = std::chrono::seconds(1);
  // WAL that the primary has flushed and that cannot be proven for so long is reported.
  static constexpr runtime::Duration kFaultGrace = std::chrono::seconds(1);

  wal::Lsn position() const override { return reader_->position(); }
  wal::NextXid next_xid() const override { return reader_->next_xid(); }
  runtime::Result<void> on_connected(const PrimaryInfo& primary) override;
  void on_cluster_facts(const wal::ClusterFacts& facts) override;
  runtime::Result<void> on_wal(const wire::XLogData& data) override;
  runtime::Result<void> on_turn() override;
  runtime::Instant next_turn() const override { return hold_due_; }
  Quorum::Positions confirmed(const Quorum::Positions& reported) const override;
  wal::Lsn slot_position() const override;
  runtime::Result<void> on_timeline_ended(const NextTimeline& next) override;
  bool on_connection_lost(const runtime::Error& error) override;

  runtime::Result<void> begin_at(const PrimaryInfo& primary);
  bool has_wal(wal::Lsn from, wal::Lsn end) const;
  runtime::Fail slot_keeps_nothing() const;
  runtime::Result<void> skip_to(const PrimaryInfo& primary);
  runtime::Result<void> learn_timelines(wal::TimelineId newest);
  void advance(wal::Lsn flushed);
  void expect_from(wal::Lsn begin);
  void report_unless_growing(wal::Outcome outcome);
  void say_why_wal_ends(wal::Outcome outcome);
  void learn_where_the_primary_is();
  void hold_from(wal::Lsn held_from);

  const Options options_;
  const runtime::Clock& clock_;
  wal::Identity identity_;  // what open() found; any thread may ask
  wal::ClusterFacts facts_;
  std::optional<PrimaryInfo> first_primary_;

  Receiver receiver_;
  wal::Pins* pins_ = nullptr;
  wal::FileStamps* walked_files_ = nullptr;  // null if nothing is to be noted
  wal::WalTail* tail_ = nullptr;
  wal::FaultLog* faults_ = nullptr;
  Source::Listener* listener_ = nullptr;
  std::optional<wal::DirectoryPages> pages_;
  std::optional<wal::Reader> reader_;

  wal::Lsn received_;   // where the WAL ends that has come on this connection
  wal::Lsn slot_from_;  // where the primary's slot was, until files are held from there
  wal::Lsn held_from_ = wal::Lsn::max();
  bool loss_is_told_ = false;  // at once, when the connection ends, and the slot may be lost
  runtime::Instant hold_due_ = runtime::Instant::max();
  wal::Lsn flushed_;  // by the primary, on the tail's newest timeline, as far as it has said
  Standstill standstill_;
  std::optional<wal::Lsn> suspect_;  // a position that could not be proven, and since when
  runtime::Instant suspected_since_{};
};

}  // namespace server::source
