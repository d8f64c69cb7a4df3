#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "runtime/annotations.h"
#include "runtime/mutex.h"

namespace server::session {

// The secret that a session gives its client, and that a CancelRequest for it must bring: 4 bytes
// up to protocol 3.1, 32 from 3.2 on (MAX_CANCEL_KEY_LENGTH of src/include/storage/procsignal.h).
class CancelKey {
 public:
  static constexpr std::size_t kShortBytes = 4;
  static constexpr std::size_t kLongBytes = 32;

  // A random one. REQUIRES: size <= kLongBytes.
  static CancelKey random(std::size_t size);

  std::span<const std::byte> bytes() const { return {bytes_.data(), size_}; }
  // Takes as long for a near miss as for a far one (timingsafe_bcmp).
  bool matches(std::span<const std::byte> other) const;

 private:
  std::array<std::byte, kLongBytes> bytes_{};
  std::size_t size_ = 0;
};

// The sessions that may be cancelled or ended, by their process ids, and the worker of each
// (postmaster.c, processCancelRequest).
//   Owner: Server.  Thread: any.  Borrows: the targets, which outlive all sessions.
class CancelKeys {
 public:
  // Passes an order on to a session's own thread. Both do nothing if the session is gone by then.
  class Target {
   public:
    virtual ~Target() = default;
    // The session is to cancel the stream or the command that it runs.
    virtual void post_cancel(std::uint32_t process_id) = 0;
    // The session is to end (pg_terminate_backend).
    virtual void post_terminate(std::uint32_t process_id) = 0;
    // The thread logs its memory contexts (pg_log_backend_memory_contexts).
    virtual void log_memory_contexts() {}
  };

  void add(std::uint32_t process_id, const CancelKey& key, Target& target) EXCLUDES(mutex_);
  void remove(std::uint32_t process_id) EXCLUDES(mutex_);
  // What has become of a request to cancel.
  enum class Cancel { kPosted, kNoSuchProcess, kWrongKey };
  Cancel cancel(std::uint32_t process_id, std::span<const std::byte> key) EXCLUDES(mutex_);
  // Orders of the server itself, or of an admin, which need no key. They return whether there is
  // such a session.
  bool cancel(std::uint32_t process_id) EXCLUDES(mutex_);
  bool terminate(std::uint32_t process_id) EXCLUDES(mutex_);
  bool log_memory_contexts(std::uint32_t process_id) EXCLUDES(mutex_);

 private:
  struct Entry {
    CancelKey key;
    Target* target;
  };

  std::optional<Entry> find(std::uint32_t process_id) const EXCLUDES(mutex_);

  mutable runtime::Mutex mutex_;
  std::map<std::uint32_t, Entry> entries_ GUARDED_BY(mutex_);
};

}  // namespace server::session
