#pragma once

// Stamps: times that a client writes into the WAL with its commits, so that a standby that finds
// one knows how long it was on its way. A stamp is a label, '@', and 16 hexadecimal digits:
// nanoseconds since the Unix epoch. perf/live.py writes them.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "bench/walbench/histogram.h"
#include "runtime/socket.h"

namespace bench::walbench {

using WallNanos = std::int64_t;

// Has the kernel note when it receives what comes on a socket (SO_TIMESTAMPNS).
void ask_for_arrival_times(int fd);
// As runtime::receive(), and sets `arrived_at` to when the kernel had the last byte of it. The
// standby need not have run at that time: what it waits for a processor is left out. REQUIRES:
// ask_for_arrival_times().
runtime::IoResult receive_at(int fd, std::span<std::byte> buffer, WallNanos& arrived_at);

// Adds the microseconds from each of the label's stamps in `wal` to `arrived_at`. A stamp that is
// not whole, because the header of a WAL page or the end of a read stands within it, is left out.
// REQUIRES: the label is not empty.
void add_delays(std::span<const std::byte> wal, std::string_view label, WallNanos arrived_at,
                Histogram& delays);

}  // namespace bench::walbench
