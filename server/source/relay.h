#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "runtime/clock.h"
#include "server/source/receiver.h"
#include "server/source/resumption.h"
#include "server/source/source.h"
#include "server/source/wal_sink.h"
#include "server/wal/inventory.h"
#include "server/wal/retention.h"
#include "server/wal/spool.h"
#include "server/wal/timelines.h"
#include "server/wal/writer.h"

namespace server::source {

// WAL from a primary, received once into a spool and served from there.
//   Owner: Server.  Thread: main's until start(), then the receiver's.
//   Limits: the spool keeps what its retention says; what lies before is unlinked.
class RelaySource final : public Source, private WalSink {
 public:
  struct Options {
    std::string directory;
    bool adopt = false;  // as of wal::Spool
    Receiver::Options receiver;
    wal::RetentionOptions retention = {};
    std::uint64_t free_bytes_min = 0;  // min_free_space; 0: wal_keep_size never gives way
  };

  RelaySource(Options options, const runtime::Clock& clock);
  ~RelaySource() override { stop(); }

  // A spool that has WAL shows which system's it is; an empty one asks the primary, which must be
  // there. Before that is known, nothing is written but the directory itself.
  runtime::Result<void> open() override;
  const wal::Identity& identity() const override { return identity_; }
  wal::ClusterFacts facts() const override { return facts_; }
  runtime::Result<void> switch_upstream(const std::string& conninfo) override {
    return receiver_.switch_upstream(conninfo);
  }
  StreamFacts stream_facts() const override { return receiver_.stream_facts(); }
  const std::string& directory() const override { return options_.directory; }
  runtime::Result<void> start(wal::WalTail& tail, wal::FaultLog& faults,
                              Source::Listener& listener) override;
  // What was received is on disk when this returns, unless the disk has failed. The disk may hang,
  // and with it both threads.
  void stop() override;
  void log_memory_contexts() override {
    receiver_.log_memory_contexts();
    writer_->log_memory_contexts();
  }

 private:
  wal::Lsn position() const override { return writer_->proven(); }
  wal::NextXid next_xid() const override { return writer_->next_xid(); }
  wal::Lsn stream_begin() const override { return resumption_.begin(writer_->positions()); }
  void on_stream() override { resumption_.on_stream(); }
  runtime::Result<void> on_connected(const PrimaryInfo& primary) override;
  void on_cluster_facts(const wal::ClusterFacts& facts) override;
  runtime::Result<void> on_wal(const wire::XLogData& data) override;
  runtime::Result<void> on_turn() override;
  runtime::Instant next_turn() const override { return writer_->mark_due(); }
  Quorum::Positions confirmed(const Quorum::Positions& reported) const override;
  Quorum::Positions kept() const override;
  runtime::Result<void> on_timeline_ended(const NextTimeline& next) override;
  bool on_connection_lost(const runtime::Error& error) override;

  std::string facts_path() const;
  void keep_facts() const;
  runtime::Result<void> resume_spool();
  runtime::Result<void> begin_at(const PrimaryInfo& primary);
  runtime::Result<wal::HistoryFiles> fetch_history_files(wal::TimelineId known,
                                                         wal::TimelineId newest);
  runtime::Result<void> keep_history_files(const wal::HistoryFiles& fetched,
                                           wal::HistoryFiles& files);
  runtime::Result<void> learn_timelines(wal::TimelineId newest);
  runtime::Result<void> check_tip(const wal::TimelineHistory& ours);
  runtime::Result<void> write(std::span<const std::byte> wal);
  void tell(ReceiverState::Kind kind, std::string text) const;
  void tell_pause(const runtime::Error& error);
  void tell_going_on();
  wal::Lsn shared_end(const PrimaryInfo& primary) const;
  runtime::Result<void> take_back(wal::Lsn from);
  runtime::Result<void> flush_but(std::uint64_t bytes_max);

  static constexpr wal::TimelineId kFirstTimeline{1};  // it has no history

  const Options options_;
  const runtime::Clock& clock_;
  wal::Spool spool_;
  wal::Identity identity_;  // what open() found; any thread may ask
  wal::ClusterFacts facts_;
  std::optional<wal::Inventory> inventory_;
  std::optional<PrimaryInfo> first_primary_;  // of an empty spool

  Receiver receiver_;
  wal::WalTail* tail_ = nullptr;
  Source::Listener* listener_ = nullptr;
  std::optional<wal::Writer> writer_;
  Resumption resumption_;
};

}  // namespace server::source
