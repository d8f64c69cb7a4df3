#pragma once

#include "runtime/clock.h"
#include "runtime/result.h"
#include "server/source/quorum.h"
#include "server/source/upstream.h"
#include "server/wal/cluster_facts.h"
#include "server/wal/next_xid.h"
#include "server/wire/replication.h"

namespace server::source {

// What becomes of the WAL that a Receiver receives: a relay writes it to its spool, a source that
// is attached to the primary reads it in the primary's own files. Called on the receiver's thread.
// Whatever fails ends the connection.
class WalSink {
 public:
  virtual ~WalSink() = default;
  // Where the WAL that was taken and proven ends, on the tail's newest timeline.
  virtual wal::Lsn position() const = 0;
  // The next transaction id, as far as the WAL that was taken shows.
  virtual wal::NextXid next_xid() const = 0;
  // Where the next stream begins, on that timeline: a sink may have a part of what comes next.
  virtual wal::Lsn stream_begin() const { return position(); }
  // The receiver is connected, and does not stream yet.
  virtual runtime::Result<void> on_connected(const PrimaryInfo& primary) = 0;
  // A stream has begun at stream_begin().
  virtual void on_stream() {}
  // What the primary says of its cluster, behind on_connected() and on_timeline_ended().
  virtual void on_cluster_facts(const wal::ClusterFacts& facts) = 0;
  virtual runtime::Result<void> on_wal(const wire::XLogData& data) = 0;
  // All WAL that has come was taken. Called before each wait while a stream runs.
  virtual runtime::Result<void> on_turn() = 0;
  // When on_turn() is due in any case.
  virtual runtime::Instant next_turn() const { return runtime::Instant::max(); }
  // The positions to report to the primary, which has heard of `reported` on this connection. What
  // has come is confirmed to its end, within a record or not.
  virtual Quorum::Positions confirmed(const Quorum::Positions& reported) const = 0;
  // What this server has itself of what has come: written, and durable if it makes it so.
  virtual Quorum::Positions kept() const { return confirmed({}); }
  // Where to move the primary's slot, for a sink that confirms nothing as flushed. Invalid: the
  // slot stays where it is, or follows what is confirmed as flushed.
  virtual wal::Lsn slot_position() const { return {}; }
  // All WAL of the timeline has come.
  virtual runtime::Result<void> on_timeline_ended(const NextTimeline& next) = 0;
  // The connection is closed. Returns whether the receiver is to connect again.
  virtual bool on_connection_lost(const runtime::Error& error) = 0;
};

}  // namespace server::source
