#pragma once

// Probes for bpftrace, perf and SystemTap: USDT of provider "walcast", a no-op each until one is
// attached. docs/operating.md lists them with their arguments, and tests/e2e/test_probes.py
// compares that list with the binary. Without <sys/sdt.h> (Debian: systemtap-sdt-dev), and in a
// server that is not timed (timed.h), there are none. LSNs are 64-bit numbers; times are
// nanoseconds, and negative where a turn's begin stands for now.

#include <cstdint>

#include "runtime/clock.h"

#if __has_include(<sys/sdt.h>) && !defined(WALCAST_UNTIMED)
#include <sys/sdt.h>
#define WALCAST_PROBES 1
#endif

namespace runtime::probes {

#ifdef WALCAST_PROBES

inline void wal_received(std::uint64_t begin, std::uint64_t bytes) {
  DTRACE_PROBE2(walcast, wal_received, begin, bytes);
}
inline void wal_proven(std::uint64_t begin, std::uint64_t end) {
  DTRACE_PROBE2(walcast, wal_proven, begin, end);
}
inline void wal_published(std::uint64_t begin, std::uint64_t end, Duration since_found) {
  DTRACE_PROBE3(walcast, wal_published, begin, end, since_found.count());
}
inline void span_taken(std::uint64_t end, Duration since_found, Duration since_published) {
  DTRACE_PROBE3(walcast, span_taken, end, since_found.count(), since_published.count());
}
inline void message_sent(int fd, std::uint64_t end) {
  DTRACE_PROBE2(walcast, message_sent, fd, end);
}
inline void socket_full(int fd, std::uint64_t queued_bytes) {
  DTRACE_PROBE2(walcast, socket_full, fd, queued_bytes);
}
inline void reply_received(int fd, std::uint64_t write, std::uint64_t flush, std::uint64_t apply) {
  DTRACE_PROBE4(walcast, reply_received, fd, write, flush, apply);
}
inline void context_reset(const char* name) { DTRACE_PROBE1(walcast, context_reset, name); }
inline void fsync_begin(int fd, const char* path) { DTRACE_PROBE2(walcast, fsync_begin, fd, path); }
inline void fsync_end(int fd, const char* path) { DTRACE_PROBE2(walcast, fsync_end, fd, path); }

#else

inline void wal_received(std::uint64_t, std::uint64_t) {}
inline void wal_proven(std::uint64_t, std::uint64_t) {}
inline void wal_published(std::uint64_t, std::uint64_t, Duration) {}
inline void span_taken(std::uint64_t, Duration, Duration) {}
inline void message_sent(int, std::uint64_t) {}
inline void socket_full(int, std::uint64_t) {}
inline void reply_received(int, std::uint64_t, std::uint64_t, std::uint64_t) {}
inline void context_reset(const char*) {}
inline void fsync_begin(int, const char*) {}
inline void fsync_end(int, const char*) {}

#endif

}  // namespace runtime::probes
