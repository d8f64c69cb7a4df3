#include "server/source/host_reports.h"

#include <utility>

#include "runtime/format.h"
#include "runtime/log.h"
#include "server/source/errors.h"

namespace server::source {

// The detail has positions, which move while the reason stays.
void HostReports::log_failure(runtime::log::Level level, const std::string& host,
                              const runtime::Error& error, const std::string& server) {
  Said& said = of_hosts_[host];
  said.fails = error.kind != &kUpstreamLost;
  if (std::exchange(said.reason, error.what) == error.what) return;
  runtime::Error named = error;
  if (!server.empty()) named.what += runtime::format(" ({})", server);
  runtime::log::report(level, named);
}

void HostReports::log_stream(const std::string& host, wal::Lsn begin, wal::TimelineId timeline,
                             const std::string& server) {
  if (fails(host)) return;
  runtime::log::log("started streaming WAL from primary at {} on timeline {} ({})", begin,
                    wal::value(timeline), server);
  for (auto& [name, said] : of_hosts_) said.reason.clear();
}

bool HostReports::fails(const std::string& host) const {
  const auto found = of_hosts_.find(host);
  return found != of_hosts_.end() && found->second.fails;
}

}  // namespace server::source
