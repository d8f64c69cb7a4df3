#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/clock.h"
#include "server/stream/delivery.h"

namespace server::admin {

// What WAL on its way to a standby waits for.
enum class Cause : std::uint8_t {
  kNone,             // there was none
  kReceiver,         // the thread that receives WAL does not run
  kSpoolDisk,        // the relay writes it to its spool
  kProof,            // its records are proven
  kPublishing,       // the source's thread looks at files, and tells the loops
  kBusyLoop,         // the loop has others to do
  kSendDelay,        // WAL is gathered, so that more goes out at a time
  kSocketFull,       // the standby takes no more
  kColdRead,         // the pool reads or proves what is not at hand
  kCatchingUp,       // the standby is behind, and gets WAL as fast as it goes out
  kStandbyReceiver,  // sent, and the standby has not said that it has it
  kStandbyDisk,      // written, and not flushed
  kStandbyReplay,    // flushed, and not applied
};

std::string_view name_of(Cause cause);

// Where most of a standby's delay comes from.
struct Attribution {
  Cause cause = Cause::kNone;
  // A mean, or for how long one has not ended. For a standby that catches up, what those of its
  // obstacles have cost it that ended in the last minute or two, or go on.
  runtime::Duration took{};
  bool goes_on = false;  // it is a wait that has not ended
};

// The stage with the longest mean, or with a wait that is longer than any mean. A stage of the
// server's names what the deliveries met in it. A receiver that reports nothing while its socket is
// full is named by the socket: the standby does not even read.
Attribution attribute(const stream::DeliveryStatus& status);

}  // namespace server::admin
