#include "runtime/pool.h"

#include <pthread.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <utility>

#include "runtime/tsan.h"

namespace runtime {

struct Pool::Arena {
  explicit Arena(int threads)
      // One more than the arena's own: TBB counts the main thread, which never helps here.
      : limit(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads) + 1),
        arena(threads, /*reserved_for_masters=*/0) {}

  tbb::global_control limit;
  tbb::task_arena arena;
  tbb::task_group jobs;
};

Pool::Pool(int threads) : arena_(std::make_unique<Arena>(threads)) {}

Pool::~Pool() {
  tsan_release(this);
  // A pool thread may be the one that waits.
  arena_->arena.execute([this] {
    tsan_acquire(this);
    arena_->jobs.wait();
    tsan_release(this);
  });
  tsan_acquire(this);
}

void Pool::submit(std::unique_ptr<Job> job, Mailbox& home) {
  // TBB copies its functors, so the job travels as a bare pointer that exactly one call takes over.
  Job* travelling = job.release();
  tsan_release(this);
  arena_->arena.enqueue(arena_->jobs.defer([this, travelling, &home] {
    tsan_acquire(this);
    thread_local const bool named = ::pthread_setname_np(::pthread_self(), "pool") == 0;
    static_cast<void>(named);
    std::unique_ptr<Job> owned(travelling);
    owned->work();
    home.post([finished = std::move(owned)] { finished->done(); });
    tsan_release(this);
  }));
}

}  // namespace runtime
