#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "runtime/alarm.h"
#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/thread.h"
#include "runtime/timer.h"
#include "server/source/directory.h"
#include "server/source/source.h"
#include "server/source/trace_replay.h"
#include "server/wal/generator.h"
#include "server/wal/retention.h"
#include "server/wal/spool.h"

namespace server::source {

// Synthetic WAL at a steady rate or in the rhythm of a trace, written into a spool directory and
// served from there like any other WAL: every byte goes the whole way.
//   Owner: Server.  Thread: main's until start(), then its own, named "generator".
//   Limits: the spool keeps what its retention says; older segments are unlinked.
class SyntheticSource final : public Source,
                              private runtime::Timer::Handler,
                              private runtime::Alarm::Handler {
 public:
  struct Options {
    std::string directory;
    bool adopt = false;  // as of wal::Spool
    std::uint64_t bytes_per_second = 0;
    TraceReplay::Options trace = {};  // if it has a file: instead of a steady rate
    wal::RetentionOptions retention;
    wal::SegmentSize segment_size;  // of a new spool; an old one keeps its own
    wal::RecordMix records;
  };

  SyntheticSource(Options options, const runtime::Clock& clock);
  ~SyntheticSource() override;

  runtime::Result<void> open() override;
  const wal::Identity& identity() const override { return files_.identity(); }
  const std::string& directory() const override { return files_.directory(); }
  runtime::Result<void> start(wal::WalTail& tail, wal::FaultLog& faults,
                              Listener& listener) override;
  void stop() override;
  void log_memory_contexts() override;

 private:
  class Unproven;

  // The time between two batches of WAL; a rate above some megabytes makes each batch larger.
  static constexpr runtime::Duration kTick = std::chrono::milliseconds(2);
  // What a turn takes of a trace that is behind.
  static constexpr int kStepsPerTurn = 256;

  runtime::Result<wal::GeneratorOptions> generator_options() const;
  void on_timer(runtime::Timer& timer) override;
  void on_alarm() override;
  void make_wal();
  runtime::Result<void> write_due() REQUIRES(loop_);
  runtime::Result<void> write_due_of_trace() REQUIRES(loop_);
  runtime::Result<void> remove_old() REQUIRES(loop_);
  wal::Lsn end_max() const REQUIRES(loop_);

  const Options options_;
  const runtime::Clock& clock_;
  wal::Spool spool_;
  DirectorySource files_;
  std::unique_ptr<wal::Generator> generator_ GUARDED_BY(loop_);
  std::unique_ptr<TraceReplay> replay_ GUARDED_BY(loop_);  // null without a trace
  const wal::WalTail* tail_ GUARDED_BY(loop_) = nullptr;
  Listener* listener_ GUARDED_BY(loop_) = nullptr;

  runtime::Loop loop_;
  runtime::Timer timer_ GUARDED_BY(loop_);  // of the next batch, or of a reader that is behind
  runtime::Alarm alarm_ GUARDED_BY(loop_);  // of a trace's next step
  runtime::Instant started_ GUARDED_BY(loop_){};
  wal::Lsn started_at_ GUARDED_BY(loop_);
  std::unique_ptr<Unproven> unproven_ GUARDED_BY(loop_);
  std::optional<wal::Retention> retention_ GUARDED_BY(loop_);  // once the segment size is known
  wal::SegmentNo filled_ GUARDED_BY(loop_){};  // the segment that was, when old ones were looked at
  std::unique_ptr<runtime::NamedThread> thread_;
};

}  // namespace server::source
