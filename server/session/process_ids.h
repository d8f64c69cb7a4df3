#pragma once

#include <cstdint>
#include <unordered_set>
#include <utility>

#include "runtime/annotations.h"
#include "runtime/mutex.h"

namespace server::session {

class ProcessIds;

// One session's process id, which no other session has as long as this lives.
//   Owner: Session, and what hands the connection to it.  Thread: any, one at a time.
class ProcessId {
 public:
  ProcessId(ProcessId&& other) noexcept
      : ids_(std::exchange(other.ids_, nullptr)), value_(other.value_) {}
  ProcessId& operator=(ProcessId&&) = delete;
  ~ProcessId();

  std::uint32_t value() const { return value_; }

 private:
  friend class ProcessIds;
  ProcessId(ProcessIds& ids, std::uint32_t value) : ids_(&ids), value_(value) {}

  ProcessIds* ids_;  // null: moved away
  std::uint32_t value_;
};

// The process ids of sessions, which slots, cancel keys and the tables of feedback know a session
// by. They come round again after 2^31 connections, when a session of the first round may still
// have its id.
//   Owner: Server.  Thread: any.
//   Invariant: an id is positive, as a pid_t is (the active_pid of a slot that no session holds is
//   0), not the server's own, and of one session only.
class ProcessIds {
 public:
  explicit ProcessIds(std::uint32_t last = 0) : last_(last) {}
  ProcessIds(const ProcessIds&) = delete;
  ProcessIds& operator=(const ProcessIds&) = delete;
  ~ProcessIds();

  ProcessId take() EXCLUDES(mutex_);
  // As after so many connections.
  void go_on_after_for_test(std::uint32_t last) EXCLUDES(mutex_) {
    const runtime::Lock lock(mutex_);
    last_ = last;
  }

 private:
  friend class ProcessId;
  void give_back(std::uint32_t value) EXCLUDES(mutex_);

  runtime::Mutex mutex_;
  std::uint32_t last_ GUARDED_BY(mutex_);
  std::unordered_set<std::uint32_t> taken_ GUARDED_BY(mutex_);
};

}  // namespace server::session
