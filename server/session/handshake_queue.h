#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "runtime/fd.h"
#include "runtime/intrusive_list.h"
#include "runtime/loop.h"
#include "runtime/pool.h"
#include "runtime/result.h"
#include "runtime/tls_channel.h"
#include "runtime/tls_context.h"
#include "server/stream/memory_budget.h"

namespace server::session {

// A socket on its way through a handshake, which goes into the pool for each step. The socket
// outlives the channel over it.
struct ShakingSocket {
  runtime::UniqueFd fd;
  std::shared_ptr<const runtime::TlsContext> context;
  std::unique_ptr<runtime::TlsChannel> channel;  // null: the handshake has not begun
};

// The handshakes of one loop whose next step may be taken: they run in the pool, a few at a time,
// and the others wait here, in the order in which they came. Those that have begun go before those
// that have not: however many clients come at once, each that is answered is soon in, and one that
// waits has no memory of OpenSSL's yet. Those that have not begun are of parties, which take turns.
// One that has begun may stop there, and keep its memory until its line's time is up. So a party
// has no more of them than could still begin: whatever the first does, half is left for the second.
// When one is over, or clients have given memory back, the loop's next turn looks at the first.
//   Owner: the worker.  Thread: its loop's.  Borrows: the loop, the pool and the budget, for whose
//   memory nothing else waits.
//   Invariant: a party stands in the round exactly if it has handshakes that have not begun.
//   Limits: kAtOnce steps in the pool; handshakes that have begun may have half of the memory, of
//   which the option's least (server/config) has room for some.
class HandshakeQueue final : private runtime::Loop::Unfinished,
                             private stream::MemoryBudget::Waiter {
 public:
  static constexpr std::size_t kAtOnce = 4;

  // A handshake, from the first time that it waits. remove() is called before it dies.
  class Waiter {
   public:
    // The party is the number of its client's Origin.
    explicit Waiter(std::uint64_t party) : party_(party), link_(*this) {}
    virtual ~Waiter();
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    // Gives the socket away for a step, and has it back with what has become of it.
    virtual ShakingSocket lend() = 0;
    virtual void on_step(ShakingSocket socket, runtime::TlsChannel::Step step) = 0;
    // Whether there is memory for the first step, which is taken then. Else this waits on, and
    // those behind it.
    virtual bool may_begin() = 0;

   private:
    friend class HandshakeQueue;
    const std::uint64_t party_;
    bool has_share_ = false;  // it has begun, and is counted
    runtime::ListLink<Waiter> link_;
    std::shared_ptr<Waiter*> ticket_;  // while a step runs: where it finds this, if that is alive
  };

  HandshakeQueue(runtime::Loop& loop, runtime::Pool& pool, stream::MemoryBudget& memory)
      : loop_(loop),
        pool_(pool),
        memory_(memory),
        begun_max_(memory.bytes_max() / 2 / runtime::TlsChannel::kHandshakeMemoryBytes) {}
  ~HandshakeQueue() override { memory_.stop_waiting(); }

  // REQUIRES: no step of it runs.
  void push(Waiter& waiter);
  // It is over, or waits no longer. What it had may be enough for another one, in the next turn.
  void remove(Waiter& waiter);
  std::size_t running() const {
    loop_.assert_in_thread();
    return running_;
  }

 private:
  class StepJob;
  struct Party {
    Party() : link(*this) {}
    runtime::IntrusiveList<Waiter> fresh;
    std::size_t begun = 0;
    runtime::ListLink<Party> link;
  };

  void go_on() override;
  void on_memory_freed() override { loop_.go_on_next_turn(*this); }
  Waiter* take_next() REQUIRES(loop_);
  Waiter* take_fresh() REQUIRES(loop_);
  Waiter* begin_first(Party& party) REQUIRES(loop_);
  void start_next() REQUIRES(loop_);
  void on_step(StepJob& job);

  runtime::Loop& loop_;
  runtime::Pool& pool_;
  stream::MemoryBudget& memory_;
  const std::size_t begun_max_;
  runtime::IntrusiveList<Waiter> begun_ GUARDED_BY(loop_);              // that wait for a step
  std::unordered_map<std::uint64_t, Party> parties_ GUARDED_BY(loop_);  // that have handshakes
  runtime::IntrusiveList<Party> round_ GUARDED_BY(loop_);
  std::size_t begun_count_ GUARDED_BY(loop_) = 0;  // that wait for anything
  std::size_t running_ GUARDED_BY(loop_) = 0;
};

}  // namespace server::session
