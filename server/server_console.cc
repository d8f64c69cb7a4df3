#include "server/server_console.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

namespace server {

namespace {

// A statement sees the server as it was no longer ago, and as the last verb has left it.
constexpr runtime::Duration kSnapshotAgeMax = std::chrono::milliseconds(100);
constexpr runtime::Duration kSnapshotTimeMax = std::chrono::seconds(3);

// For a statement that comes when the server stops before there was a snapshot.
stats::SnapshotRef nothing() {
  auto snapshot = std::make_shared<stats::Snapshot>();
  snapshot->stages = std::make_shared<const stream::StageSnapshot>();
  snapshot->settings = std::make_shared<const settings::Settings>();
  return snapshot;
}

session::ServerVerbs::Parts verb_parts(const ServerConsole::Parts& parts, session::Pauses& pauses) {
  const auto reserved_lsn = [&source = parts.source, &tail = parts.tail] {
    const wal::SegmentSize size = source.identity().segment_size;
    return size.start(size.segment_of(tail.position()));
  };
  return {.clock = parts.clock,
          .cancel_keys = parts.cancel_keys,
          .slots = parts.slots,
          .pauses = pauses,
          .own_process_id = static_cast<std::uint32_t>(::getpid()),
          .reload = parts.reload,
          .log_all_memory_contexts = parts.log_memory_contexts,
          .reserved_lsn = reserved_lsn,
          .switch_upstream = [&source = parts.source](const std::string& conninfo) {
            return source.switch_upstream(conninfo);
          }};
}

console::ConsoleThread::Options console_options(const runtime::Clock& clock,
                                                stats::Collector& collector,
                                                session::ServerVerbs& verbs) {
  const auto snapshot = [&clock, &collector, &verbs]() -> stats::SnapshotRef {
    const runtime::Instant now = clock.now();
    const runtime::Duration age = std::min(kSnapshotAgeMax, now - verbs.last_change());
    if (auto fresh = collector.wait_for(age, now + kSnapshotTimeMax)) return fresh;
    if (auto latest = collector.latest()) return latest;
    return nothing();
  };
  return {.engine = {.snapshot = snapshot, .verbs = &verbs, .clock = &clock}};
}

}  // namespace

ServerConsole::ServerConsole(const Parts& parts)
    : verbs_(verb_parts(parts, pauses_)),
      thread_(console_options(parts.clock, parts.collector, verbs_)) {}

void ServerConsole::add_to(Worker::Shared& shared) {
  shared.console = &thread_;
  shared.console_clients = &clients_;
  shared.pauses = &pauses_;
}

}  // namespace server
