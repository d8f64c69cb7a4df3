#pragma once

#include "runtime/counters.h"
#include "server/config/config.h"
#include "server/session/admissions.h"
#include "server/slot/slots.h"
#include "server/stats/server_facts.h"

namespace server::assembly {

// What snapshots of the server say that follows from its configuration, and of the limits that are
// the whole server's. The counts are read on any thread, and outlive the facts.
stats::ServerFacts::Options make_facts_options(const config::ServeConfig& config,
                                               const runtime::Gauge& wal_senders,
                                               const session::Admissions& admissions,
                                               const slot::Slots& slots);

}  // namespace server::assembly
