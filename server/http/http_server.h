#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "runtime/result.h"
#include "runtime/tls_context.h"
#include "server/http/access.h"
#include "server/http/address.h"
#include "server/stats/collector.h"

namespace server::http {

class Answers;
class HttpTls;

// What HTTP shows, read only: /metrics, /livez, /readyz, /standby/NAME, /api/snapshot, /events and
// the page at /. Everything but health asks for a word by which the client may come in, if there
// are files with some; without them a request must name a host that is this machine's own, so that
// no page of another site can ask by a browser that is here.
//   Owner: Server.  Thread: main's; answers are given by threads of its own, which may block.
//   Borrows: the collector and the clock, which outlive stop().
//   Limits: TaskQueue's threads and connections for each address; 5 s to read and to write; heads
//   of 8 kB lines, bodies of kBodyBytesMax; kEventClientsMax clients of /events.
class HttpServer final {
 public:
  static constexpr std::size_t kEventClientsMax = 16;
  static constexpr std::size_t kBodyBytesMax = 4096;

  struct Options {
    std::vector<Address> addresses = {};
    bool ssl = false;
    Access::Files files = {};
  };

  HttpServer(Options options, const runtime::Clock& clock, stats::Collector& collector);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Binds the addresses, if there are some, and answers from then on. REQUIRES: with ssl, `tls` is
  // not null. Blocks on files and names; after an error nothing is bound.
  runtime::Result<void> start(std::shared_ptr<const runtime::TlsContext> tls,
                              std::size_t metrics_standbys);
  // The files are read again, and the certificate and the number are taken over. A file that is
  // wrong is logged, and what it had said stays.
  void reload(std::shared_ptr<const runtime::TlsContext> tls, std::size_t metrics_standbys);
  // Ends the connections, a second after the call at the latest where clients read. A second time
  // it does nothing.
  void stop();

  // With the ports that the kernel chose. REQUIRES: it was started.
  const std::vector<Address>& bound() const { return bound_; }

 private:
  class Listener;

  const Options options_;
  const std::unique_ptr<Answers> answers_;
  std::unique_ptr<HttpTls> tls_;  // null: HTTP goes in the clear
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<Address> bound_;
};

}  // namespace server::http
