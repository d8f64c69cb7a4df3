// What crosses threads beside its alternatives: a mailbox and a queue under a mutex, a span queue
// and the same, a doorbell and an eventfd that is written every time; and the timers of a loop.

#include <benchmark/benchmark.h>
#include <sys/eventfd.h>

#include <deque>
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

}  // namespace
