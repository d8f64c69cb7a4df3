#include "runtime/pool.h"

#include <sys/resource.h>

#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/fair_queue.h"
#include "runtime/mutex.h"
#include "runtime/thread.h"

namespace runtime {

// The threads of one kind of job, and what they have still to do, in the order of a FairQueue.
class Pool::Lane {
 public:
  // What becomes of jobs at the end: all are done, or what waits is dropped and what runs is left
  // to itself, since it may hang.
  enum class End { kFinish, kAbandon };

  struct Options {
    int threads;
    int of_a_party;  // at most so many jobs of one party at a time
    int niceness;
    End end;
  };

  explicit Lane(const Options& options)
      : end_(options.end),
        queue_(std::make_shared<Queue>(static_cast<std::size_t>(options.of_a_party))) {
    for (int i = 0; i < options.threads; ++i) {
      threads_.push_back(start_thread(
          "pool", [queue = queue_, niceness = options.niceness] { run(*queue, niceness); }));
    }
  }

  ~Lane() {
    {
      const Lock lock(queue_->mutex);
      queue_->ended = true;
      if (end_ == End::kAbandon) queue_->orders.clear();
    }
    queue_->ready.notify_all();
    for (std::thread& thread : threads_) end_ == End::kFinish ? thread.join() : thread.detach();
  }

  void submit(std::unique_ptr<Job> job, Mailbox& home) {
    std::vector<Order> unwanted;  // destroyed without the lock
    {
      const Lock lock(queue_->mutex);
      const std::uint64_t party = job->party();
      unwanted = queue_->orders.push(party, {.job = std::move(job), .home = &home, .party = party},
                                     [](const Order& order) { return order.job->is_wanted(); });
    }
    queue_->ready.notify_one();
  }

 private:
  struct Order {
    std::unique_ptr<Job> job;  // null: there is none, and will be none
    Mailbox* home = nullptr;
    std::uint64_t party = 0;
  };
  // Outlives the lane as long as a thread does that was left to itself.
  struct Queue {
    explicit Queue(std::size_t of_a_party) : orders(of_a_party) {}
    Mutex mutex;
    Condition ready;
    FairQueue<Order> orders GUARDED_BY(mutex);
    bool ended GUARDED_BY(mutex) = false;
  };

  static void run(Queue& queue, int niceness) {
    // Of this thread alone, as Linux has it. Where it is refused, the thread works as it is.
    if (niceness != 0) ::setpriority(PRIO_PROCESS, 0, niceness);
    for (Order order = next(queue); order.job != nullptr; order = next(queue)) {
      const std::uint64_t party = order.party;
      if (order.job->is_wanted()) {
        order.job->work();
        report(queue, std::move(order));
      } else {
        order.job.reset();
      }
      finish(queue, party);
    }
  }

  static Order next(Queue& queue) {
    const Lock lock(queue.mutex);
    while (!queue.orders.is_ready() && !queue.ended) queue.ready.wait(queue.mutex);
    if (!queue.orders.is_ready()) return {};
    return queue.orders.pop();
  }

  // The party's next job, if it had to wait for this one, is ready: this thread asks for one next.
  static void finish(Queue& queue, std::uint64_t party) {
    const Lock lock(queue.mutex);
    queue.orders.finish(party);
  }

  // Once the lane has ended, the job's home may be gone.
  static void report(Queue& queue, Order order) {
    const Lock lock(queue.mutex);
    if (queue.ended) return;
    order.home->post([finished = std::move(order.job)] { finished->done(); });
  }

  const End end_;
  const std::shared_ptr<Queue> queue_;
  std::vector<std::thread> threads_;
};

namespace {

constexpr int kNiceness = 5;  // of threads that compute

constexpr std::size_t index_of(JobKind kind) { return static_cast<std::size_t>(kind); }

}  // namespace

Pool::Pool(int threads) {
  const auto add = [this](JobKind kind, const Lane::Options& options) {
    lanes_[index_of(kind)] = std::make_unique<Lane>(options);
  };
  constexpr Lane::End kFinish = Lane::End::kFinish;
  constexpr Lane::End kAbandon = Lane::End::kAbandon;
  const auto many = [threads](int niceness) {
    return Lane::Options{
        .threads = threads, .of_a_party = threads, .niceness = niceness, .end = kFinish};
  };
  const auto one = [](int niceness, Lane::End end) {
    return Lane::Options{.threads = 1, .of_a_party = 1, .niceness = niceness, .end = end};
  };
  add(JobKind::kRead, many(0));
  add(JobKind::kCompute, many(kNiceness));
  add(JobKind::kLong, {.threads = kLongs, .of_a_party = 1, .niceness = kNiceness, .end = kFinish});
  add(JobKind::kWrite, one(0, kFinish));
  add(JobKind::kLookUp,
      {.threads = kLookUps, .of_a_party = kLookUpsOfAParty, .niceness = 0, .end = kAbandon});
  add(JobKind::kAccount, one(0, kAbandon));
  add(JobKind::kDerive, one(kNiceness, kAbandon));
  add(JobKind::kShake, many(kNiceness));
}

Pool::~Pool() = default;

void Pool::submit(std::unique_ptr<Job> job, Mailbox& home, JobKind kind) {
  lanes_[index_of(kind)]->submit(std::move(job), home);
}

}  // namespace runtime
