#pragma once

#include <poll.h>

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <vector>

#include "runtime/doorbell.h"
#include "runtime/mutex.h"
#include "server/source/source.h"
#include "server/wal/tail.h"

namespace tests {

// Stands where a loop would: takes the spans that a source publishes, and sleeps while there are
// none. It is also the server that the source reports to.
class TailFollower final : public server::source::Source::Listener {
 public:
  TailFollower() : queue_(64, doorbell_) { tail.subscribe(queue_); }

  // Waits until a span satisfies `condition`; false if none does in time.
  template <typename Condition>
  bool wait_until(Condition condition, int timeout_ms = 10'000) {
    return wait([&] { return take_spans_until(condition); }, timeout_ms);
  }
  bool wait_for(server::wal::Lsn end) {
    return wait_until([end](const server::wal::WalSpan& span) { return span.end >= end; });
  }
  bool wait_for_timeline(std::uint32_t timeline) {
    return wait_until([timeline](const server::wal::WalSpan& span) {
      return value(span.timelines->history.tip()) == timeline;
    });
  }
  server::wal::Lsn end() const { return spans.empty() ? server::wal::Lsn() : spans.back().end; }

  // Waits until the source reports that segment `no` changed behind the end.
  bool wait_for_change(std::uint64_t no, int timeout_ms = 10'000) {
    return wait(
        [&] {
          const runtime::Lock lock(mutex_);
          return changed_.contains(no);
        },
        timeout_ms);
  }

  // Waits until the source has told facts that satisfy `condition`.
  template <typename Condition>
  bool wait_for_facts(Condition condition, int timeout_ms = 10'000) {
    return wait(
        [&] {
          const runtime::Lock lock(mutex_);
          return facts_.has_value() && condition(*facts_);
        },
        timeout_ms);
  }

  server::wal::WalTail tail;
  std::vector<server::wal::WalSpan> spans;
  // Which segments have changed where the source has lost changes. On the source's threads; to be
  // set before the source starts.
  std::function<std::vector<server::wal::SegmentNo>(const server::wal::Timelines&,
                                                    server::wal::SegmentNo)>
      find_changed;

 private:
  // Asks again whenever the doorbell rings.
  template <typename Done>
  bool wait(Done done, int timeout_ms = 10'000) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    while (std::chrono::steady_clock::now() < deadline) {
      doorbell_.awake();
      if (done()) return true;
      pollfd rung{.fd = doorbell_.fd(), .events = POLLIN, .revents = 0};
      if (doorbell_.prepare_to_sleep()) ::poll(&rung, 1, /*timeout_ms=*/100);
    }
    return false;
  }
  template <typename Condition>
  bool take_spans_until(Condition condition) {
    server::wal::WalSpan span;
    while (queue_.pop(span)) {
      spans.push_back(span);
      if (condition(span)) return true;
    }
    return false;
  }

  void on_segment_changed(server::wal::SegmentNo no) override {
    {
      const runtime::Lock lock(mutex_);
      changed_.insert(value(no));
    }
    doorbell_.ring();
  }
  void on_changes_lost(const server::wal::Timelines& timelines,
                       server::wal::SegmentNo before) override {
    if (!find_changed) return;
    for (const auto no : find_changed(timelines, before)) on_segment_changed(no);
  }
  void on_cluster_facts(const server::wal::ClusterFacts& facts) override {
    {
      const runtime::Lock lock(mutex_);
      facts_ = facts;
    }
    doorbell_.ring();
  }
  void on_source_failed(const runtime::Error&) override {}

  runtime::Doorbell doorbell_;
  server::wal::WalSpanQueue queue_;
  mutable runtime::Mutex mutex_;
  std::set<std::uint64_t> changed_ GUARDED_BY(mutex_);
  std::optional<server::wal::ClusterFacts> facts_ GUARDED_BY(mutex_);
};

}  // namespace tests
