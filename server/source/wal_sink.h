#pragma once

#include "runtime/clock.h"
#include "runtime/result.h"
#include "server/source/quorum.h"
#include "server/source/upstream.h"
#include "server/wal/cluster_facts.h"
#include "server/wal/xmin.h"
#include "server/wire/replication.h"

namespace server::source {

// What becomes of the WAL that a Receiver receives: a relay writes it to its spool, a source that
// is attached to the primary reads it in the primary's own files. Called on the receiver's thread.
// Whatever fails ends the connection.
class WalSink {
 public:
  virtual ~WalSink() = default;
  // Where the WAL that was taken ends, on the tail's newest timeline; the next stream begins there.
  virtual wal::Lsn position() const = 0;
  // The transaction that began last, as far as the WAL that was taken shows; invalid: not known
  // yet.
  virtual wal::TransactionId newest_xid() const = 0;
  // The receiver is connected, and does not stream yet.
  virtual runtime::Result<void> on_connected(const PrimaryInfo& primary) = 0;
  // What the primary says of its cluster, behind on_connected().
  virtual void on_cluster_facts(const wal::ClusterFacts& facts) = 0;
  virtual runtime::Result<void> on_wal(const wire::XLogData& data) = 0;
  // All WAL that has come was taken. Called before each wait while a stream runs.
  virtual runtime::Result<void> on_turn() = 0;
  // When on_turn() is due in any case.
  virtual runtime::Instant next_turn() const { return runtime::Instant::max(); }
  // The positions to report to the primary, which has heard of `reported` on this connection.
  virtual Quorum::Positions confirmed(const Quorum::Positions& reported) const = 0;
  // Where to move the primary's slot, for a sink that confirms nothing as flushed. Invalid: the
  // slot stays where it is, or follows what is confirmed as flushed.
  virtual wal::Lsn slot_position() const { return {}; }
  // All WAL of the timeline has come.
  virtual runtime::Result<void> on_timeline_ended(const NextTimeline& next) = 0;
  // The connection is closed. Returns whether the receiver is to connect again.
  virtual bool on_connection_lost(const runtime::Error& error) = 0;
};

}  // namespace server::source
