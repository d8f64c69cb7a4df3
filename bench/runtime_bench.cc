// What crosses threads beside its alternatives: a mailbox and a queue under a mutex, a span queue
// and the same, a doorbell and an eventfd that is written every time; and the timers of a loop and
// a tree of deadlines.

#include <benchmark/benchmark.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <tbb/concurrent_queue.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "runtime/check.h"
#include "runtime/doorbell.h"
#include "runtime/mailbox.h"
#include "runtime/mutex.h"
#include "runtime/published.h"
#include "runtime/span_queue.h"
#include "runtime/timer.h"

namespace {

constexpr std::size_t kBatch = 64;

// The alternative to both queues.
template <typename T>
class MutexQueue {
 public:
  explicit MutexQueue(runtime::Doorbell& doorbell) : doorbell_(doorbell) {}

  void push(T item) {
    {
      const runtime::Lock lock(mutex_);
      items_.push_back(std::move(item));
    }
    doorbell_.ring();
  }
  std::optional<T> pop() {
    const runtime::Lock lock(mutex_);
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    return item;
  }

 private:
  runtime::Doorbell& doorbell_;
  runtime::Mutex mutex_;
  std::deque<T> items_ GUARDED_BY(mutex_);
};

// A batch of tasks is posted and run by one thread: what both cost without contention.
void mailbox_alone(benchmark::State& state) {
  runtime::Doorbell bell;
  runtime::Mailbox mailbox(bell);
  std::size_t ran = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) mailbox.post([&ran] { ++ran; });
    mailbox.drain(2 * kBatch);
  }
  CHECK(ran == static_cast<std::size_t>(state.iterations()) * kBatch);
  state.SetItemsProcessed(static_cast<std::int64_t>(ran));
}
BENCHMARK(mailbox_alone);

void mutex_mailbox_alone(benchmark::State& state) {
  runtime::Doorbell bell;
  MutexQueue<runtime::Task> queue(bell);
  std::size_t ran = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) queue.push([&ran] { ++ran; });
    while (auto task = queue.pop()) (*task)();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(ran));
}
BENCHMARK(mutex_mailbox_alone);

// oneTBB's, which wakes a consumer that waits in it, but no loop: the bell is rung besides.
template <typename T>
class TbbQueue {
 public:
  TbbQueue(runtime::Doorbell& doorbell, std::ptrdiff_t items_max) : doorbell_(doorbell) {
    queue_.set_capacity(items_max);
  }
  void push(T item) {
    queue_.push(std::move(item));
    doorbell_.ring();
  }
  bool pop(T& item) { return queue_.try_pop(item); }

 private:
  runtime::Doorbell& doorbell_;
  tbb::concurrent_bounded_queue<T> queue_;
};

void tbb_mailbox_alone(benchmark::State& state) {
  runtime::Doorbell bell;
  TbbQueue<runtime::Task> queue(bell, 1024);
  std::size_t ran = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) queue.push([&ran] { ++ran; });
    runtime::Task task;
    while (queue.pop(task)) task();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(ran));
}
BENCHMARK(tbb_mailbox_alone);

// The time that a sender spends in a post while another thread drains.
template <typename Post, typename Drain>
void beside_a_consumer(benchmark::State& state, Post post, Drain drain) {
  runtime::Published<bool> over(false);
  std::thread consumer([&] {
    while (!over.load()) drain();
    drain();
  });
  for (auto _ : state) post();
  over.store(true);
  consumer.join();
  state.SetItemsProcessed(state.iterations());
}

void mailbox_beside_a_consumer(benchmark::State& state) {
  runtime::Doorbell bell;
  runtime::Mailbox mailbox(bell);
  beside_a_consumer(
      state, [&] { mailbox.post([] {}); }, [&] { mailbox.drain(kBatch); });
}
BENCHMARK(mailbox_beside_a_consumer)->UseRealTime();

void mutex_mailbox_beside_a_consumer(benchmark::State& state) {
  runtime::Doorbell bell;
  MutexQueue<runtime::Task> queue(bell);
  beside_a_consumer(
      state, [&] { queue.push([] {}); },
      [&] {
        for (std::size_t i = 0; i < kBatch; ++i) queue.pop();
      });
}
BENCHMARK(mutex_mailbox_beside_a_consumer)->UseRealTime();

void tbb_mailbox_beside_a_consumer(benchmark::State& state) {
  runtime::Doorbell bell;
  TbbQueue<runtime::Task> queue(bell, 1 << 20);
  beside_a_consumer(
      state, [&] { queue.push([] {}); },
      [&] {
        runtime::Task task;
        for (std::size_t i = 0; i < kBatch; ++i) queue.pop(task);
      });
}
BENCHMARK(tbb_mailbox_beside_a_consumer)->UseRealTime();

// As large as a WalSpan.
struct Span {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t more[3] = {};

  bool merge(const Span& next) {
    if (next.begin != end) return false;
    end = next.end;
    return true;
  }
};

void span_queue_alone(benchmark::State& state) {
  runtime::Doorbell bell;
  runtime::SpanQueue<Span> queue(1024, bell);
  Span span;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) queue.push(span);
    while (queue.pop(span)) benchmark::DoNotOptimize(span);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}
BENCHMARK(span_queue_alone);

void mutex_span_queue_alone(benchmark::State& state) {
  runtime::Doorbell bell;
  MutexQueue<Span> queue(bell);
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) queue.push({});
    while (auto span = queue.pop()) benchmark::DoNotOptimize(*span);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}
BENCHMARK(mutex_span_queue_alone);

void tbb_span_queue_alone(benchmark::State& state) {
  runtime::Doorbell bell;
  TbbQueue<Span> queue(bell, 1024);
  Span span;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) queue.push(span);
    while (queue.pop(span)) benchmark::DoNotOptimize(span);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}
BENCHMARK(tbb_span_queue_alone);

// A consumer that never comes: what the producer pays for merging.
void span_queue_full(benchmark::State& state) {
  runtime::Doorbell bell;
  runtime::SpanQueue<Span> queue(16, bell);
  std::uint64_t end = 0;
  for (auto _ : state) {
    queue.push({.begin = end, .end = end + 1});
    ++end;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(span_queue_full);

void ring_who_is_awake(benchmark::State& state) {
  runtime::Doorbell bell;
  for (auto _ : state) bell.ring();
}
BENCHMARK(ring_who_is_awake);

// The same wake-up without the flag: a system call each.
void write_an_eventfd(benchmark::State& state) {
  const runtime::UniqueFd fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  for (auto _ : state) CHECK(::eventfd_write(fd.get(), 1) == 0);
}
BENCHMARK(write_an_eventfd);

void ring_who_sleeps(benchmark::State& state) {
  runtime::Doorbell bell;
  for (auto _ : state) {
    CHECK(bell.prepare_to_sleep());
    bell.ring();
    bell.awake();
  }
}
BENCHMARK(ring_who_sleeps);

// The end of WAL has moved, and each of state.range(0) sessions of a loop must learn of it: by the
// loop's one bell, after which it goes through its sessions.
void wake_sessions_by_one_bell(benchmark::State& state) {
  runtime::Doorbell bell;
  std::vector<std::uint64_t> seen(static_cast<std::size_t>(state.range(0)));
  std::uint64_t end = 0;
  for (auto _ : state) {
    CHECK(bell.prepare_to_sleep());
    bell.ring();
    bell.awake();
    ++end;
    for (std::uint64_t& session : seen) session = end;
    benchmark::DoNotOptimize(seen.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(wake_sessions_by_one_bell)->Arg(100)->Arg(10'000);

// The same by an eventfd of each session, in one epoll: as many system calls as sessions, as with a
// process and a latch for each.
void wake_sessions_one_by_one(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const runtime::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  std::vector<runtime::UniqueFd> sessions(count);
  for (std::size_t i = 0; i < count; ++i) {
    sessions[i].reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.u64 = i}};
    if (!sessions[i].valid() ||
        ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, sessions[i].get(), &event) != 0) {
      state.SkipWithError("too few descriptors; ulimit -n");
      return;
    }
  }
  std::vector<epoll_event> events(count);
  for (auto _ : state) {
    for (const runtime::UniqueFd& session : sessions) CHECK(::eventfd_write(session.get(), 1) == 0);
    std::size_t woken = 0;
    while (woken < count) {
      const int ready = ::epoll_wait(epoll.get(), events.data(), static_cast<int>(count), 0);
      CHECK(ready > 0);
      woken += static_cast<std::size_t>(ready);
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(wake_sessions_one_by_one)->Arg(100)->Arg(10'000);

struct CountTimers final : runtime::Timer::Handler {
  void on_timer(runtime::Timer& /*timer*/) override { ++fired; }
  std::int64_t fired = 0;
};

runtime::Instant at(std::int64_t milliseconds) {
  return runtime::Instant(std::chrono::milliseconds(milliseconds));
}

// One timeout per standby, as many as there are standbys.
struct Timeouts {
  explicit Timeouts(std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      all.push_back(std::make_unique<runtime::Timer>(timers, handler));
      all.back()->arm(at(i));
    }
  }
  runtime::Timers timers;
  CountTimers handler;
  std::vector<std::unique_ptr<runtime::Timer>> all;
};

// A timeout that moves away with every message.
void rearm_a_timer(benchmark::State& state) {
  Timeouts timeouts(state.range(0));
  std::int64_t deadline = state.range(0);
  std::size_t next = 0;
  for (auto _ : state) {
    timeouts.all[next]->arm(at(deadline++));
    next = (next + 1) % timeouts.all.size();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(rearm_a_timer)->Arg(16)->Arg(10'000);

void fire_a_timer(benchmark::State& state) {
  Timeouts timeouts(state.range(0));
  std::int64_t now = 0;
  for (auto _ : state) {
    timeouts.timers.fire(at(now));
    timeouts.all[static_cast<std::size_t>(now % state.range(0))]->arm(at(now + state.range(0)));
    ++now;
  }
  CHECK(timeouts.handler.fired == state.iterations());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(fire_a_timer)->Arg(16)->Arg(10'000);

// The alternative to Timers: a tree of deadlines, with a node on the heap for each.
class TimeoutTree {
 public:
  explicit TimeoutTree(std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) nodes_.push_back(tree_.emplace(at(i), nodes_.size()));
  }
  void arm(std::size_t timer, runtime::Instant deadline) {
    tree_.erase(nodes_[timer]);
    nodes_[timer] = tree_.emplace(deadline, timer);
  }
  // Takes the first off that is due, and says which it was.
  std::optional<std::size_t> take_due(runtime::Instant now) {
    if (tree_.empty() || tree_.begin()->first > now) return std::nullopt;
    const std::size_t timer = tree_.begin()->second;
    tree_.erase(tree_.begin());
    nodes_[timer] = tree_.end();
    return timer;
  }
  void arm_again(std::size_t timer, runtime::Instant deadline) {
    nodes_[timer] = tree_.emplace(deadline, timer);
  }
  std::size_t size() const { return nodes_.size(); }

 private:
  std::multimap<runtime::Instant, std::size_t> tree_;
  std::vector<std::multimap<runtime::Instant, std::size_t>::iterator> nodes_;
};

void rearm_in_a_tree(benchmark::State& state) {
  TimeoutTree timeouts(state.range(0));
  std::int64_t deadline = state.range(0);
  std::size_t next = 0;
  for (auto _ : state) {
    timeouts.arm(next, at(deadline++));
    next = (next + 1) % timeouts.size();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(rearm_in_a_tree)->Arg(16)->Arg(10'000);

void fire_in_a_tree(benchmark::State& state) {
  TimeoutTree timeouts(state.range(0));
  std::int64_t now = 0;
  for (auto _ : state) {
    const auto due = timeouts.take_due(at(now));
    CHECK(due.has_value());
    timeouts.arm_again(*due, at(now + state.range(0)));
    ++now;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(fire_in_a_tree)->Arg(16)->Arg(10'000);

}  // namespace
