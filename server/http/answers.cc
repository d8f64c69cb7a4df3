#include "server/http/answers.h"

#include <string_view>
#include <utility>

#include "runtime/log.h"
#include "server/auth/digest.h"
#include "server/http/health.h"
#include "server/http/metrics.h"
#include "server/http/own_host.h"
#include "server/http/page.h"
#include "server/http/snapshot_json.h"
#include "server/settings/units.h"

namespace server::http {

using runtime::Lock;

namespace {

constexpr const char* kText = "text/plain; charset=utf-8";
// How old a snapshot may be that an answer is made of, and how long one is waited for.
constexpr runtime::Duration kAgeMax = std::chrono::milliseconds(500);
constexpr runtime::Duration kWaitMax = std::chrono::seconds(3);

// Load balancers ask these without a word, and hear no more than the status.
bool is_health(std::string_view path) {
  return path == "/livez" || path == "/readyz" || path.starts_with("/standby/");
}

void say(httplib::Response& response, int status, std::string_view text) {
  response.status = status;
  response.set_content(std::string(text) + "\n", kText);
}

void say(httplib::Response& response, const Health& health, bool says_why) {
  const std::string_view verdict = health.is_good ? "ok" : "not ok";
  say(response, health.status(), says_why ? std::string(verdict) + ": " + health.why : verdict);
}

// Nothing of an answer is kept, shown within another site, or taken for what it is not.
httplib::Headers usual_headers() {
  return {{"Cache-Control", "no-store"},
          {"X-Content-Type-Options", "nosniff"},
          {"X-Frame-Options", "DENY"},
          {"Referrer-Policy", "no-referrer"},
          {"Cross-Origin-Resource-Policy", "same-origin"}};
}

}  // namespace

Answers::Answers(Options options, const runtime::Clock& clock, stats::Collector& collector)
    : clock_(clock),
      collector_(collector),
      metrics_standbys_(options.metrics_standbys),
      events_(clock, collector, options.event_clients_max),
      page_policy_(page_policy(page())) {}

void Answers::set_access(std::shared_ptr<const Access> access) {
  const Lock lock(mutex_);
  access_ = std::move(access);
}

std::shared_ptr<const Access> Answers::access() const {
  const Lock lock(mutex_);
  return access_;
}

void Answers::set_routes(httplib::Server& server) {
  using HandlerResponse = httplib::Server::HandlerResponse;
  server.set_default_headers(usual_headers());
  server.set_pre_routing_handler([this](const Request& request, Response& response) {
    return let_in(request, response) ? HandlerResponse::Unhandled : HandlerResponse::Handled;
  });
  server.set_exception_handler([](const Request&, Response& response, std::exception_ptr) {
    say(response, 500, "internal error");
  });
  server.set_error_handler([](const Request&, Response& response) {
    if (response.body.empty()) say(response, response.status, "there is no such page");
  });
  const auto get = [&](const char* path, auto handler) {
    server.Get(path, handler);
    server.Options(path, handler);  // as some load balancers ask
  };
  get("/livez", [](const Request&, Response& response) { say(response, 200, "ok"); });
  get("/readyz", [this](const Request& asked, Response& response) { ready(asked, response); });
  get(R"(/standby/([^/]+))",
      [this](const Request& asked, Response& response) { standby(asked, response); });
  get("/metrics", [this](const Request&, Response& response) { metrics(response); });
  get("/api/snapshot", [this](const Request&, Response& response) { api(response); });
  server.Get("/events", [this](const Request&, Response& response) { events_.answer(response); });
  server.Get("/", [this](const Request&, Response& response) {
    response.set_header("Content-Security-Policy", page_policy_);
    response.set_content(page().data(), page().size(), "text/html; charset=utf-8");
  });
}

bool Answers::let_in(const Request& request, Response& response) const {
  if (request.method != "GET" && request.method != "HEAD" && request.method != "OPTIONS") {
    response.set_header("Allow", "GET, HEAD, OPTIONS");
    say(response, 405, "only read");
    return false;
  }
  if (is_health(request.path)) return true;
  const auto allowed = access();
  if (allowed->is_open() && !is_own_host(request.get_header_value("Host"))) {
    say(response, 421, "this host is not known here: ask by localhost, or by an address");
    return false;
  }
  if (allowed->lets_in(request.get_header_value("Authorization"))) return true;
  refuse(request, *allowed, response);
  return false;
}

void Answers::refuse(const Request& request, const Access& allowed, Response& response) const {
  if (request.has_header("Authorization")) {
    runtime::log::log("HTTP authentication failed (client {}:{})", request.remote_addr,
                      request.remote_port);
  }
  response.set_header("WWW-Authenticate", allowed.has_users()
                                              ? R"(Basic realm="walcast", charset="UTF-8")"
                                              : R"(Bearer realm="walcast")");
  say(response, 401, "who asks?");
}

stats::SnapshotRef Answers::snapshot_for(Response& response) {
  auto snapshot = collector_.wait_for(kAgeMax, clock_.now() + kWaitMax);
  if (snapshot == nullptr) say(response, 503, "the server gives no figures");
  return snapshot;
}

void Answers::metrics(Response& response) {
  const auto snapshot = snapshot_for(response);
  if (snapshot == nullptr) return;
  response.set_content(metrics_text(*snapshot, metrics_standbys_.load()),
                       "text/plain; version=0.0.4; charset=utf-8");
}

void Answers::api(Response& response) {
  const auto snapshot = snapshot_for(response);
  if (snapshot != nullptr) response.set_content(snapshot_json(*snapshot), "application/json");
}

void Answers::ready(const Request& request, Response& response) {
  ReadyLimits limits;
  if (request.has_param("lag")) {
    const auto lag = parse_lag(request.get_param_value("lag"));
    if (!lag) return say(response, 400, lag.error().what);
    limits.lag_bytes = *lag;
  }
  if (request.has_param("silence")) {
    const auto silence = settings::parse_duration("silence", request.get_param_value("silence"),
                                                  settings::Unit::kSeconds);
    if (!silence) return say(response, 400, silence.error().what);
    limits.silence = *silence;
  }
  const auto snapshot = snapshot_for(response);
  if (snapshot == nullptr) return;
  const bool says_why = access()->lets_in(request.get_header_value("Authorization"));
  say(response, http::ready(*snapshot, limits), says_why);
}

void Answers::standby(const Request& request, Response& response) {
  std::optional<std::uint64_t> lag_bytes;
  if (request.has_param("lag")) {
    const auto lag = parse_lag(request.get_param_value("lag"));
    if (!lag) return say(response, 400, lag.error().what);
    lag_bytes = *lag;
  }
  const auto snapshot = snapshot_for(response);
  if (snapshot == nullptr) return;
  const bool says_why = access()->lets_in(request.get_header_value("Authorization"));
  say(response, http::standby(*snapshot, request.matches[1].str(), lag_bytes), says_why);
}

}  // namespace server::http
