#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "bench/behaviour/fleet_plan.h"
#include "bench/walbench/arrivals.h"
#include "bench/walbench/options.h"
#include "bench/walbench/password.h"
#include "bench/walbench/recorder.h"
#include "bench/walbench/stamps.h"
#include "bench/walbench/tally.h"
#include "bench/walbench/tls_client.h"
#include "bench/walbench/verifier.h"
#include "runtime/clock.h"
#include "runtime/counters.h"
#include "runtime/loop.h"
#include "runtime/socket.h"

namespace bench::walbench {

// What other threads may see of a worker's standbys while they run.
struct Progress {
  struct Part {
    runtime::Counter started;  // standbys that have begun to stream, once each
    runtime::Counter ended;    // of those
    runtime::Counter stamps;
    runtime::Counter lost_stamps;  // of those, what came to standbys that have failed since
  };
  runtime::Counter bytes;
  runtime::Counter failed;
  Part early;  // what comes at the begin of the run
  Part late;

  Part& of(const behaviour::Group& group) { return group.is_late() ? late : early; }
};

// What all standbys of a run have in common. It outlives them.
struct Port {
  const Options& options;
  const behaviour::FleetPlan& plan;
  runtime::Instant begin;  // of the run
  std::span<const runtime::SocketAddress> addresses;
  // For each group; null for one without TLS.
  std::span<const std::shared_ptr<const TlsClientContext>> tls;
};

// What the standbys of one worker have in common. It outlives them.
struct Berth {
  const Port& port;
  runtime::Loop& loop;
  std::span<std::byte> buffer;     // what is read from a socket is taken apart in here
  Verifier* verifier;              // null without --verify
  std::span<Tally> tallies;        // one for each group
  Arrivals* arrivals;              // null if they are not kept
  Recorder* recorder;              // null if no trace is written
  std::vector<WallNanos>& stamps;  // room for those of one read
  ScramKeys& scram_keys;
  Progress& progress;

  const Options& options() const { return port.options; }
  // Whether it matters when the kernel had what comes.
  bool notes_arrivals() const { return !options().stamps.empty() || recorder != nullptr; }
};

}  // namespace bench::walbench
