#pragma once

#include <httplib.h>

#include <cstddef>
#include <memory>
#include <string>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/mutex.h"
#include "server/stats/collector.h"

namespace server::http {

// Snapshots as server-sent events: one a second, one in two seconds where there are many standbys.
// What one client is sent, the others are sent too, so that the text is made once.
//   Owner: Answers.  Thread: any; a client has one of HTTP's threads.
//   Borrows: the clock and the collector.
//   Limits: `clients_max`.
class Events {
 public:
  static constexpr std::size_t kManyStandbys = 500;
  static constexpr runtime::Duration kInterval = std::chrono::seconds(1);

  Events(const runtime::Clock& clock, stats::Collector& collector, std::size_t clients_max)
      : clock_(clock), collector_(collector), clients_max_(clients_max) {}

  // Makes the response a stream that ends with the client, or with stop(). 503 if there are too
  // many.
  void answer(httplib::Response& response) EXCLUDES(mutex_);
  void stop() EXCLUDES(mutex_);

 private:
  // Null: there is none in time.
  std::shared_ptr<const std::string> newest() EXCLUDES(mutex_);
  // Returns false once they are to end.
  bool wait_until(runtime::Instant due) EXCLUDES(mutex_);
  bool send_next(httplib::DataSink& sink, runtime::Instant& due) EXCLUDES(mutex_);
  void leave() EXCLUDES(mutex_);

  const runtime::Clock& clock_;
  stats::Collector& collector_;
  const std::size_t clients_max_;

  runtime::Mutex mutex_;
  runtime::Condition stopped_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::size_t clients_ GUARDED_BY(mutex_) = 0;
  stats::SnapshotRef of_ GUARDED_BY(mutex_);  // that text_ is made of
  std::shared_ptr<const std::string> text_ GUARDED_BY(mutex_);
};

}  // namespace server::http
