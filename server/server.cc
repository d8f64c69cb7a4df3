#include "server/server.h"

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <utility>

#include "runtime/descriptors.h"
#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "runtime/memory_report.h"
#include "runtime/process.h"
#include "runtime/slow_work.h"
#include "runtime/time_limit.h"
#include "server/admin/access_files.h"
#include "server/admin/file_modes.h"
#include "server/admin/preflight.h"
#include "server/assembly/make_options.h"
#include "server/assembly/make_source.h"
#include "server/assembly/make_stats.h"
#include "server/config/reload.h"
#include "server/settings/cluster_settings.h"

namespace server {

namespace {

std::string slot_directory(const config::ServeConfig& config) {
  return config.state_directory.empty() ? "" : config.state_directory + "/pg_replslot";
}

}  // namespace

Server::Server(const config::ServeConfig& config)
    : config_(config),
      output_(STDOUT_FILENO, "output", "standby tables"),
      loop_(clock_, {}),
      signals_(loop_, {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2}, *this),
      listeners_(listener_options(config)),
      access_({.files = config.access_files,
               .primary_conninfo = config.primary_conninfo,
               .roles = config.reloadable.roles},
              clock_),
      admissions_(admission_limits(config.reloadable.limits)),
      quorum_(config.upstream_ack),
      service_status_(!config.primary_conninfo.empty()),
      service_watch_(loop_, service_status_),
      touch_timer_(loop_.timers(), *this),
      stop_timer_(loop_.timers(), *this),
      reports_(loop_, output_) {}

// The threads of a source whose disk hangs hold this up, and no loop sees a signal any more.
Server::~Server() {
  const runtime::EndOnSignals impatient({SIGINT, SIGTERM});
  source_.reset();
}

runtime::Result<int> Server::run() {
  loop_.assert_in_thread();
  if (auto started = start(); !started) {
    stop();
    return std::move(started).error();
  }
  loop_.run();
  stop();
  return exit_code_;
}

runtime::Result<void> Server::start() {
  loop_.assert_in_thread();
  const std::int64_t descriptors = runtime::raise_descriptor_limit();
  TRY(start_all_but_acceptors());
  TRY(start_to_accept(descriptors));

  const runtime::Instant now = clock_.now();
  slot_saver_->start();
  touch_timer_.arm(now + runtime::UnixSocket::kTouchInterval);
  if (config_.run_for.count() > 0) stop_timer_.arm(now + config_.run_for);
  facts_->set_ready();
  collector_->start();
  TRY(start_http());
  reports_.start(*collector_, now, config_.standby_table,
                 /*terminal=*/::isatty(STDOUT_FILENO) == 1);
  service_status_.on_started();
  service_watch_.start(*collector_, runtime::ServiceManager::watchdog_time_of_environment());
  output_.write(runtime::format("walcast: ready on {}\n", listeners_.first()));
  return {};
}

// The source may wait for a primary, or read and prove WAL, for a long time, and the loop that
// handles signals does not run yet; so SIGINT and SIGTERM end the process meanwhile. No client has
// been served, and what was written is as safe as at a crash.
runtime::Result<void> Server::start_all_but_acceptors() {
  const runtime::EndOnSignals impatient({SIGINT, SIGTERM});
  const runtime::SlowWork slow("looking for the end of WAL");
  TRY(listeners_.find());
  slots_.emplace(slot_options());
  holds_.add(slot_holder_.emplace(*slots_));
  source_ =
      assembly::make_source(config_, clock_, holds_, xmin_horizon_, quorum_,
                            [this](source::ReceiverState state) { on_receiver(std::move(state)); });
  TRY(admin::heed(admin::look_at_wal_directory(config_.wal_directory)));
  TRY(source_->open());
  if (!config_.primary_conninfo.empty() && !config_.spool_directory.empty()) {
    TRY(admin::heed(admin::look_at_room(config_.spool_directory, config_.min_free_space,
                                        source_->identity().segment_size)));
  }
  TRY(lock_state_directory());
  TRY(access_.load(config_.state_directory, cluster_of_roles()));
  TRY(certificates_.load(config_.reloadable.tls.options(/*at_reload=*/false),
                         wal::major_version(source_->identity().page_magic)));
  TRY(slots_->load());
  faults_.emplace(source_->identity());
  segments_.emplace(source_->directory(), source_->identity(), *faults_, clock_);
  source_->set_pins(segments_->pins());
  source_->set_segments(*segments_);
  settings::Settings settings = config_.settings;
  settings::add_source_settings(source_->identity(), settings);
  settings::add_cluster_facts(source_->facts(), settings);
  admin::take_modes(source_->facts(), {config_.spool_directory});
  settings_ = std::make_shared<const settings::Settings>(std::move(settings));
  build_stats();
  build_console();
  build_workers();
  TRY(listen());
  for (const auto& worker : workers_) worker->start();
  return source_->start(tail_, *faults_, *this);
}

// The source has locked its spool; a state directory elsewhere needs a lock of its own.
runtime::Result<void> Server::lock_state_directory() {
  const std::string& directory = config_.state_directory;
  std::error_code missing;
  if (directory.empty() ||
      std::filesystem::equivalent(directory, config_.spool_directory, missing)) {
    return {};
  }
  state_directory_lock_ = TRY(runtime::lock_directory(directory));
  return {};
}

runtime::Result<void> Server::listen() {
  for (std::size_t i = 0; i < config_.acceptors; ++i) {
    acceptors_.push_back(
        std::make_unique<Acceptor>(i, clock_, workers_, process_ids_, admissions_));
  }
  return listeners_.listen(acceptors_);
}

runtime::Result<void> Server::start_to_accept(std::int64_t descriptors) {
  const runtime::ConnectionLimits limits = TRY(find_connection_limits(config_, descriptors));
  for (const auto& acceptor : acceptors_) acceptor->start(limits);
  return {};
}

void Server::build_stats() {
  facts_.emplace(
      stats::ServerFacts::Parts{
          .clock = clock_, .tail = tail_, .slots = *slots_, .holds = holds_, .source = *source_},
      assembly::make_facts_options(config_, wal_senders_, admissions_, *slots_));
  facts_->set_settings(settings_, /*is_reload=*/false);
  collector_.emplace(clock_, *facts_);
}

runtime::Result<void> Server::start_http() {
  const config::HttpConfig& http = config_.http;
  http_.emplace(
      http::HttpServer::Options{
          .addresses = http.addresses, .ssl = http.ssl, .files = {http.token_file, http.user_file}},
      clock_, *collector_);
  return http_->start(certificates_.context(), metrics_standbys());
}

void Server::build_console() {
  const auto on_main = [this](void (Server::*task)()) {
    return [this, task] {
      loop_.mailbox().post([this, task] {
        loop_.assert_in_thread();
        (this->*task)();
      });
    };
  };
  console_.emplace(ServerConsole::Parts{clock_, cancel_keys_, *slots_, tail_, *source_, *collector_,
                                        on_main(&Server::reload),
                                        on_main(&Server::log_memory_contexts)});
}

void Server::build_workers() {
  pool_.emplace(config_.io_threads);
  slot_saver_.emplace(loop_, *pool_, *slots_, [this] { return xmin_horizon_.next_id(); });
  Worker::Shared shared{.clock = clock_,
                        .pool = *pool_,
                        .segments = *segments_,
                        .settings = settings_,
                        .policy = access_.policy(),
                        .tls = certificates_.context(),
                        .reported_settings = settings::reported_settings(source_->identity()),
                        .wal_senders = wal_senders_,
                        .cancel_keys = cancel_keys_,
                        .admissions = admissions_,
                        .xmin_horizon = xmin_horizon_,
                        .quorum = quorum_,
                        .slots = *slots_};
  console_->add_to(shared);
  const Worker::Options options{.view = {},
                                .send_queue = {.gather_time = config_.reloadable.send_delay.time},
                                .session = assembly::session_options(config_),
                                .client_memory_max = config_.client_memory};
  for (std::size_t i = 0; i < config_.workers; ++i) {
    Worker& worker = *workers_.emplace_back(std::make_unique<Worker>(i, shared, options));
    tail_.subscribe(worker.span_queue());
    collector_->add(worker);
    console_->add(worker);
    service_watch_.add(worker);
  }
}

// Synthetic WAL is no cluster's.
std::optional<std::uint64_t> Server::cluster_of_roles() const {
  if (config_.wal_directory.empty() && config_.primary_conninfo.empty()) return std::nullopt;
  return source_->identity().system_identifier;
}

slot::Slots::Options Server::slot_options() {
  return {.directory = slot_directory(config_),
          .slots_max = config_.max_replication_slots,
          .terminate =
              [this](std::int32_t pid) { cancel_keys_.terminate(static_cast<std::uint32_t>(pid)); },
          .xmin_changed = [this](std::string_view name,
                                 wal::Xmin xmin) { xmin_horizon_.report_slot(name, xmin); }};
}

void Server::begin_stop() {
  loop_.assert_in_thread();
  if (shutdown_.has_begun()) return shutdown_.hurry();
  service_status_.on_stop_begun();
  service_watch_.stop();
  facts_->set_stopping();
  reports_.stop(/*report_all=*/config_.latency_report);
  shutdown_.begin(*source_, config_.reloadable.shutdown_timeout);
}

void Server::shut_down_sessions() {
  for (const auto& worker : workers_) {
    worker->begin_shut_down([this] {
      loop_.mailbox().post([this] {
        loop_.assert_in_thread();
        if (++workers_ended_ == workers_.size()) shutdown_.on_sessions_ended();
      });
    });
  }
}

// Ends the threads that the shutdown has left, or those of a server that could not start. The loop
// sees no signal any more, so that another one ends the process.
void Server::stop() {
  loop_.assert_in_thread();
  const runtime::EndOnSignals impatient({SIGINT, SIGTERM});
  if (http_.has_value()) http_->stop();
  if (collector_.has_value()) collector_->stop();
  shutdown_.finish();
  for (const auto& acceptor : acceptors_) acceptor->stop();
  if (!shutdown_.has_begun()) {
    for (const auto& worker : workers_) worker->begin_shut_down();
  }
  for (const auto& worker : workers_) worker->join();
  const runtime::TimeLimit limit(std::max(config_.reloadable.shutdown_timeout, kLastStepsMin),
                                 "files did not answer in time; ending without them");
  access_.stop();
  console_.reset();
  if (source_ != nullptr) source_->stop();
  pool_.reset();
  if (slot_saver_.has_value()) slot_saver_->save_last();
  reports_.print_total();
}

void Server::on_signal(int signal) {
  loop_.assert_in_thread();
  if (signal == SIGUSR1) return log_memory_contexts();
  if (signal == SIGUSR2) return reports_.print_latency(stats::LatencySpan::kRecent);
  if (signal == SIGHUP) return reload();
  runtime::log::log("{}", shutdown_.has_begun()
                              ? "received another shutdown request, closing all connections"
                              : "received fast shutdown request");
  begin_stop();
}

void Server::on_timer(runtime::Timer& timer) {
  loop_.assert_in_thread();
  if (&timer == &stop_timer_) {
    if (!shutdown_.has_begun()) begin_stop();
  } else {
    listeners_.touch_files();
    timer.arm(loop_.now() + runtime::UnixSocket::kTouchInterval);
  }
}

void Server::on_segment_changed(wal::SegmentNo no) {
  segments_->forget(no);
  for (const auto& worker : workers_) worker->post_forget(no);
}

void Server::on_cluster_facts(const wal::ClusterFacts& facts) {
  admin::take_modes(facts, {config_.spool_directory});
  loop_.mailbox().post([this, owned = std::make_unique<wal::ClusterFacts>(facts)] {
    loop_.assert_in_thread();
    settings::Settings shown = *settings_;
    settings::add_cluster_facts(*owned, shown);
    show(std::move(shown));
  });
}

void Server::on_changes_lost(const wal::Timelines& timelines, wal::SegmentNo before) {
  for (const wal::SegmentNo no : segments_->find_changed(timelines, before)) {
    on_segment_changed(no);
  }
}

void Server::on_source_failed(const runtime::Error& error) {
  runtime::log::report(runtime::log::Level::kFatal, error);
  loop_.mailbox().post([this] {
    loop_.assert_in_thread();
    exit_code_ = 1;
    if (!shutdown_.has_begun()) begin_stop();
  });
}

// On the receiver's thread.
void Server::on_receiver(source::ReceiverState state) {
  auto owned = std::make_unique<source::ReceiverState>(std::move(state));
  loop_.mailbox().post([this, owned = std::move(owned)] {
    loop_.assert_in_thread();
    service_status_.on_receiver(*owned);
    facts_->set_receiver(*owned);
  });
}

// Each loop takes the new settings over between two turns.
void Server::reload() {
  runtime::log::log("received SIGHUP, reloading configuration files");
  service_status_.on_reload_begun();
  take_configuration(config::read_config(config_.words));
  service_status_.on_reload_done();
}

void Server::take_configuration(const config::ConfigReading& reading) {
  if (!reading.errors.empty()) {
    config::log_errors(reading);
    reload_files();
    return show(*settings_);
  }
  const config::ServeConfig& fresh = reading.config;
  settings::Settings shown = *settings_;
  config::apply_changes(config::find_changes(config_, fresh), fresh, config_, shown);
  runtime::log::set_level(config_.reloadable.log_level);
  runtime::log::set_output(config_.reloadable.log.output);
  admissions_.set_limits(admission_limits(config_.reloadable.limits));
  reload_files();
  show(std::move(shown));
  facts_->set_settings(settings_, /*is_reload=*/true);
}

// Also where the configuration's own file is wrong, and the options stay. The process is closed to
// debuggers before the files are read that have the secrets, and for good: it may still have them
// when they are no longer wanted.
void Server::reload_files() {
  const bool has_secrets = config_.reloadable.tls.on || config_.reloadable.roles.is_on();
  if (has_secrets && !config_.process.allow_core_dumps) runtime::set_dumpable(false);
  access_.reload(config_.reloadable.roles, config_.reloadable.server_ssl());
  certificates_.reload(config_.reloadable.tls.options(/*at_reload=*/true));
  http_->reload(certificates_.context(), metrics_standbys());
}

// What SHOW answers from now on, in all sessions.
void Server::show(settings::Settings shown) {
  settings_ = std::make_shared<const settings::Settings>(std::move(shown));
  facts_->set_settings(settings_, /*is_reload=*/false);
  for (const auto& worker : workers_)
    worker->post_reload(settings_, access_.policy(), certificates_.context(),
                        assembly::session_options(config_));
}

void Server::log_memory_contexts() {
  runtime::log::log("logging memory contexts of PID {}", ::getpid());
  runtime::log_heap();
  runtime::dump_heap_profile();
  runtime::log_memory_contexts();
  for (const auto& acceptor : acceptors_) acceptor->log_memory_contexts();
  for (const auto& worker : workers_) worker->log_memory_contexts();
  source_->log_memory_contexts();
}

}  // namespace server
