#pragma once

#include <functional>
#include <memory>

#include "runtime/clock.h"
#include "server/config/config.h"
#include "server/source/quorum.h"
#include "server/source/receiver_state.h"
#include "server/source/source.h"
#include "server/source/xmin_horizon.h"
#include "server/wal/holds.h"

namespace server::assembly {

// The source that the configuration asks for: a relay, attached to the primary's own files, a
// directory, or a generator. `on_state` is called on the thread of a source that has a primary.
std::unique_ptr<source::Source> make_source(const config::ServeConfig& config,
                                            const runtime::Clock& clock, wal::Holds& holds,
                                            source::XminHorizon& xmin, source::Quorum& quorum,
                                            std::function<void(source::ReceiverState)> on_state);

}  // namespace server::assembly
