#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "runtime/mailbox.h"

namespace runtime {

// A piece of work that may block: opening files, reading cold pages, checking records.
class Job {
 public:
  virtual ~Job() = default;
  // Whether the job is of any use yet; if not, it is destroyed undone. Once false, always false.
  // Any thread, with the pool's lock held: it answers at once.
  virtual bool is_wanted() const { return true; }
  // Whose the job is, where jobs of one kind are of clients that know nothing of each other, or
  // whose work the job is a part of: parties take turns. Any thread; always the same.
  virtual std::uint64_t party() const { return 0; }
  // A pool thread.
  virtual void work() = 0;
  // The thread of the mailbox that submit() was given, after work().
  virtual void done() = 0;
};

// What a job's time goes into. Jobs of one kind never wait for those of another: each kind has
// threads of its own.
enum class JobKind {
  kRead,     // opening and reading files, as long as the disk takes
  kCompute,  // checks of a few milliseconds, and the reading for them
  kLong,     // the same of some seconds
  kWrite,    // making files durable
  kLookUp,   // asking name servers, which may not answer for long
  kAccount,  // asking the system's user database, which may be on another host
  kDerive,   // deriving keys from passwords, a few milliseconds of computing each
  kShake,    // handshakes of TLS, up to a few milliseconds of computing a step
};
inline constexpr std::size_t kJobKinds = 8;

// Threads for what must not be done on a loop; results return through the loop's mailbox. Those
// that check give way to the loops where the processors do not suffice for both: a standby that
// catches up must not delay those that are live.
//   Owner: the server.  Thread: any submits.
//   Limits: `threads` jobs that read, as many that compute and as many handshakes run at a time,
//   kLookUps look-ups, of them kLookUpsOfAParty of one party, kLongs that take long, of them one of
//   a party, and one of each other kind;
//   submitters bound the queues: each keeps one job per segment slice, or per session, in flight.
// The parties of a kind's jobs go round: one whose name servers do not answer, or that has many
// passwords to be looked at, holds up no other (FairQueue).
// An idle thread sleeps. oneTBB's arenas are not used, since their threads look for work for a
// while before they sleep, on the very processors that the loops need.
class Pool {
 public:
  explicit Pool(int threads);
  static constexpr int kLookUps = 8;
  static constexpr int kLookUpsOfAParty = 2;
  static constexpr int kLongs = 2;
  // How many threads that makes in all.
  static constexpr int threads_in_all(int threads) { return 3 * threads + kLookUps + kLongs + 3; }
  // Waits for all jobs, but for those of kLookUp, kAccount and kDerive: they are dropped, and one
  // of them that runs is not waited for. Their done() may then no longer be called.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // `home` outlives the pool.
  void submit(std::unique_ptr<Job> job, Mailbox& home, JobKind kind = JobKind::kRead);

 private:
  class Lane;
  // By JobKind.
  std::array<std::unique_ptr<Lane>, kJobKinds> lanes_;
};

}  // namespace runtime
