#pragma once

#include <string>

#include "runtime/result.h"
#include "server/source/stream_facts.h"
#include "server/wal/cluster_facts.h"
#include "server/wal/fault_log.h"
#include "server/wal/identity.h"
#include "server/wal/pins.h"
#include "server/wal/segments.h"
#include "server/wal/tail.h"

namespace server::source {

// Where WAL comes from. One thread of its own raises the tail as WAL may be sent.
//   Owner: Server.  Thread: main opens, starts and stops.
class Source {
 public:
  // What a source tells the server, on the source's thread.
  class Listener {
   public:
    virtual ~Listener() = default;
    // The file of a segment was changed, replaced or removed behind the tail: a loop that has it
    // open closes it.
    virtual void on_segment_changed(wal::SegmentNo no) = 0;
    // The primary says something else of its cluster than facts().
    virtual void on_cluster_facts(const wal::ClusterFacts& /*facts*/) {}
    // Changes of files before the segment `before` may have gone unseen: what is known of these
    // files holds only for those that are what they were. On any thread; blocks.
    virtual void on_changes_lost(const wal::Timelines& timelines, wal::SegmentNo before) {
      static_cast<void>(timelines);
      static_cast<void>(before);
    }
    // The source cannot go on, and neither can the server.
    virtual void on_source_failed(const runtime::Error& error) = 0;
  };

  virtual ~Source() = default;

  // Finds out whose WAL it is. Blocks. The identity is valid from then on.
  virtual runtime::Result<void> open() = 0;
  virtual const wal::Identity& identity() const = 0;
  // What is known of the cluster: what its primary has said last, or earlier to this spool. Valid
  // from open() on, until start().
  virtual wal::ClusterFacts facts() const { return {}; }
  // What is known of the stream from the primary, if there is one. Any thread, from open() on.
  virtual StreamFacts stream_facts() const { return {}; }
  // Where the segments lie.
  virtual const std::string& directory() const = 0;

  // Before start(): the account of what streams need of the files, for a source that has to hold
  // a primary back from them.
  virtual void set_pins(wal::Pins& /*pins*/) {}
  // Before start(): where a source notes which files it has read, if others may replace them.
  virtual void set_segments(wal::Segments& /*segments*/) {}

  // Finds the end of WAL, publishes it, and follows it on a thread until stop(). Blocks until the
  // first span is published. REQUIRES: open() succeeded.
  virtual runtime::Result<void> start(wal::WalTail& tail, wal::FaultLog& faults,
                                      Listener& listener) = 0;
  virtual void stop() = 0;
  // WAL comes from another server of the same cluster from now on (Receiver::switch_upstream). Any
  // thread, while the source runs. May read files. kObjectNotInPrerequisiteState: there is no
  // primary.
  virtual runtime::Result<void> switch_upstream(const std::string& conninfo);
  // Each of its threads logs its memory contexts. REQUIRES: it runs.
  virtual void log_memory_contexts() = 0;
};

}  // namespace server::source
