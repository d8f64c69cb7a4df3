#include "runtime/pool.h"

#include <pthread.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <utility>

#include "runtime/check.h"
#include "runtime/tsan.h"

namespace runtime {

namespace {

struct Arena {
  explicit Arena(int threads) : arena(threads, /*reserved_for_masters=*/0) {}

  tbb::task_arena arena;
  tbb::task_group jobs;
};

}  // namespace

// The library has as many threads as all arenas may use together, so that none of them can take a
// thread that another one needs.
struct Pool::Arenas {
  explicit Arenas(int threads)
      // One more than the arenas' own: TBB counts the main thread, which never helps here.
      : limit(tbb::global_control::max_allowed_parallelism,
              static_cast<std::size_t>(threads_in_all(threads)) + 1),
        read(threads),
        compute(threads),
        long_lasting(1),
        write(1) {}

  Arena& of(JobKind kind) {
    switch (kind) {
      case JobKind::kRead:
        return read;
      case JobKind::kCompute:
        return compute;
      case JobKind::kLong:
        return long_lasting;
      case JobKind::kWrite:
        return write;
    }
    UNREACHABLE();
  }

  tbb::global_control limit;
  Arena read;
  Arena compute;
  Arena long_lasting;
  Arena write;
};

Pool::Pool(int threads) : arenas_(std::make_unique<Arenas>(threads)) {}

Pool::~Pool() {
  tsan_release(this);
  for (const JobKind kind : {JobKind::kRead, JobKind::kCompute, JobKind::kLong, JobKind::kWrite}) {
    Arena& arena = arenas_->of(kind);
    // A pool thread may be the one that waits.
    arena.arena.execute([this, &arena] {
      tsan_acquire(this);
      arena.jobs.wait();
      tsan_release(this);
    });
  }
  tsan_acquire(this);
}

void Pool::submit(std::unique_ptr<Job> job, Mailbox& home, JobKind kind) {
  // TBB copies its functors, so the job travels as a bare pointer that exactly one call takes over.
  Job* travelling = job.release();
  Arena& arena = arenas_->of(kind);
  tsan_release(this);
  arena.arena.enqueue(arena.jobs.defer([this, travelling, &home] {
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
