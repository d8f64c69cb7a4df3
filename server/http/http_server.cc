#include "server/http/http_server.h"

#include <httplib.h>
#include <sys/socket.h>

#include <cerrno>
#include <ctime>
#include <thread>
#include <utility>

#include "runtime/errors.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "runtime/thread.h"
#include "server/http/answers.h"
#include "server/http/http_tls.h"
#include "server/http/task_queue.h"

namespace server::http {

using runtime::format;
using runtime::Result;

namespace {

constexpr std::time_t kIoSecondsMax = 5;
// A connection that is kept alive has its thread for as long without a request.
constexpr std::time_t kIdleSecondsMax = 1;
constexpr std::size_t kRequestsPerConnectionMax = 100;

// Another server that has the port is an error, and not a partner.
void set_socket_options(int socket) {
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

}  // namespace

// One address, with the threads that answer there.
//   Owner: HttpServer.  Thread: main's; "http" accepts.
class HttpServer::Listener {
 public:
  Listener(Answers& answers, HttpTls* tls) {
    if (tls == nullptr) {
      server_ = std::make_unique<httplib::Server>();
    } else {
      server_ = std::make_unique<httplib::SSLServer>(
          [tls](SSL_CTX& context) { return tls->set_up(context); });
    }
    server_->new_task_queue = [] { return new TaskQueue({}); };
    server_->set_socket_options(set_socket_options);
    server_->set_tcp_nodelay(true);
    server_->set_read_timeout(kIoSecondsMax);
    server_->set_write_timeout(kIoSecondsMax);
    server_->set_keep_alive_timeout(kIdleSecondsMax);
    server_->set_keep_alive_max_count(kRequestsPerConnectionMax);
    server_->set_payload_max_length(kBodyBytesMax);
    answers.set_routes(*server_);
  }
  ~Listener() { stop(); }

  // Returns the address with its port.
  Result<Address> bind(const Address& address) {
    if (!server_->is_valid()) {
      return runtime::Error{.kind = &runtime::kInternal, .what = "could not set HTTP's TLS up"};
    }
    const std::string host = address.host == "*" ? "" : address.host;
    errno = 0;
    Address bound = address;
    if (address.port == 0) {
      const int port = server_->bind_to_any_port(host);
      if (port > 0) bound.port = static_cast<std::uint16_t>(port);
      if (port > 0) return bound;
    } else if (server_->bind_to_port(host, address.port)) {
      return bound;
    }
    const int sys_errno = errno == 0 ? EADDRNOTAVAIL : errno;
    return runtime::system_error(sys_errno,
                                 format("could not bind HTTP address \"{}\"", address.text()));
  }

  // REQUIRES: it is bound. Returns when it accepts, so that stop() finds it running.
  void start() {
    thread_ = std::make_unique<runtime::NamedThread>(
        "http", [this](memctx::Context&) { server_->listen_after_bind(); });
    while (!server_->is_running()) std::this_thread::yield();
  }

  void stop() {
    if (thread_ == nullptr) return;
    server_->stop();
    thread_.reset();
  }

 private:
  std::unique_ptr<httplib::Server> server_;
  std::unique_ptr<runtime::NamedThread> thread_;
};

HttpServer::HttpServer(Options options, const runtime::Clock& clock, stats::Collector& collector)
    : options_(std::move(options)),
      answers_(std::make_unique<Answers>(Answers::Options{.event_clients_max = kEventClientsMax},
                                         clock, collector)) {}

HttpServer::~HttpServer() { stop(); }

Result<void> HttpServer::start(std::shared_ptr<const runtime::TlsContext> tls,
                               std::size_t metrics_standbys) {
  if (options_.addresses.empty()) return {};
  answers_->set_metrics_standbys(metrics_standbys);
  answers_->set_access(TRY(Access::read(options_.files)));
  if (options_.ssl) tls_ = std::make_unique<HttpTls>(std::move(tls));
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<Address> bound;
  for (const Address& address : options_.addresses) {
    listeners.push_back(std::make_unique<Listener>(*answers_, tls_.get()));
    bound.push_back(TRY(listeners.back()->bind(address)));
  }
  listeners_ = std::move(listeners);
  bound_ = std::move(bound);
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    listeners_[i]->start();
    runtime::log::log("listening on {}://{}/", options_.ssl ? "https" : "http", bound_[i].text());
  }
  return {};
}

void HttpServer::reload(std::shared_ptr<const runtime::TlsContext> tls,
                        std::size_t metrics_standbys) {
  if (options_.addresses.empty()) return;
  if (tls_ != nullptr) tls_->set(std::move(tls));
  answers_->set_metrics_standbys(metrics_standbys);
  auto access = Access::read(options_.files);
  if (access) return answers_->set_access(std::move(access).value());
  runtime::log::report(runtime::log::Level::kError, access.error());
}

void HttpServer::stop() {
  answers_->stop();
  listeners_.clear();
}

}  // namespace server::http
