#pragma once

#include <httplib.h>

#include <cstddef>
#include <memory>
#include <string>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/mutex.h"
#include "runtime/published.h"
#include "server/http/access.h"
#include "server/http/events.h"
#include "server/stats/collector.h"

namespace server::http {

// What is answered to which request.
//   Owner: HttpServer.  Thread: HTTP's ask, main sets.
//   Borrows: the clock and the collector.
class Answers {
 public:
  struct Options {
    std::size_t event_clients_max = 16;
    std::size_t metrics_standbys = 1000;
  };

  Answers(Options options, const runtime::Clock& clock, stats::Collector& collector);

  void set_access(std::shared_ptr<const Access> access) EXCLUDES(mutex_);
  void set_metrics_standbys(std::size_t count) { metrics_standbys_.store(count); }
  // Has the server answer by this, which outlives it.
  void set_routes(httplib::Server& server);
  // Streams of events end.
  void stop() { events_.stop(); }

 private:
  using Request = httplib::Request;
  using Response = httplib::Response;

  std::shared_ptr<const Access> access() const EXCLUDES(mutex_);
  // Whether the request may be answered; otherwise the response says why not.
  bool let_in(const Request& request, Response& response) const;
  void refuse(const Request& request, const Access& access, Response& response) const;
  // A snapshot that is new enough for an answer; null: the response says that there is none.
  stats::SnapshotRef snapshot_for(Response& response);

  void metrics(Response& response);
  void ready(const Request& request, Response& response);
  void standby(const Request& request, Response& response);
  void api(Response& response);

  const runtime::Clock& clock_;
  stats::Collector& collector_;
  runtime::Published<std::size_t> metrics_standbys_;
  Events events_;
  const std::string page_policy_;  // Content-Security-Policy of the page
  mutable runtime::Mutex mutex_;
  std::shared_ptr<const Access> access_ GUARDED_BY(mutex_);
};

}  // namespace server::http
