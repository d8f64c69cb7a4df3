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
#include "server/addresses.h"
#include "server/admin/preflight.h"
#include "server/config/reload.h"
#include "server/make_source.h"
#include "server/settings/cluster_settings.h"

namespace server {

namespace {

std::string slot_directory(const config::ServeConfig& config) {
  return config.state_directory.empty() ? "" : config.state_directory + "/pg_replslot";
}

// The disk has failed a write of slots; they keep their WAL then.
void log_failure(const runtime::Result<void>& done) {
  if (!done) runtime::log::error("{}", done.error().what);
}

}  // namespace

Server::Server(const config::ServeConfig& config)
    : config_(config),
      output_(STDOUT_FILENO, "output", "standby tables"),
      loop_(clock_, {}),
      signals_(loop_, {SIGHUP, SIGINT, SIGTERM, SIGUSR1}, *this),
      quorum_(config.upstream_ack),
      service_status_(!config.primary_conninfo.empty()),
      status_timer_(loop_.timers(), *this),
      slots_timer_(loop_.timers(), *this),
      table_timer_(loop_.timers(), *this),
      stop_timer_(loop_.timers(), *this) {}

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

  started_ = clock_.now();
  slots_timer_.arm(started_ + kSlotSaveInterval);
  if (config_.run_for.count() > 0) stop_timer_.arm(started_ + config_.run_for);
  if (config_.standby_table.count() > 0) {
    table_.emplace(admin::StandbyTable::Options{.terminal = ::isatty(STDOUT_FILENO) == 1});
    table_timer_.arm(started_ + config_.standby_table);
  }
  service_status_.on_started();
  if (service_status_.heeded()) status_timer_.arm(started_);
  output_.write(runtime::format("walcast: ready on {}\n", addresses_.front().text()));
  return {};
}

// The source may wait for a primary, or read and prove WAL, for a long time, and the loop that
// handles signals does not run yet; so SIGINT and SIGTERM end the process meanwhile. No client has
// been served, and what was written is as safe as at a crash.
runtime::Result<void> Server::start_all_but_acceptors() {
  const runtime::EndOnSignals impatient({SIGINT, SIGTERM});
  addresses_ = TRY(find_listen_addresses(config_.listen_addresses, config_.port));
  slots_.emplace(slot_options());
  holds_.add(slot_holder_.emplace(*slots_));
  source_ = make_source(config_, clock_, holds_, xmin_horizon_, quorum_,
                        [this](source::ReceiverState state) { on_receiver(std::move(state)); });
  TRY(admin::heed(admin::look_at_wal_directory(config_.wal_directory)));
  TRY(source_->open());
  if (!config_.primary_conninfo.empty() && !config_.spool_directory.empty()) {
    TRY(admin::heed(admin::look_at_room(config_.spool_directory, config_.min_free_space,
                                        source_->identity().segment_size)));
  }
  TRY(lock_state_directory());
  TRY(slots_->load());
  faults_.emplace(source_->identity());
  segments_.emplace(source_->directory(), source_->identity(), *faults_);
  source_->set_pins(segments_->pins());
  source_->set_segments(*segments_);
  settings::Settings settings = config_.settings;
  settings::add_source_settings(source_->identity(), settings);
  settings::add_cluster_facts(source_->facts(), settings);
  settings_ = std::make_shared<const settings::Settings>(std::move(settings));
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

// With SO_REUSEPORT a second server of the same user could share the port unnoticed, so each
// address is first bound without it. With port 0 the first address gets a free port, and all others
// the same one.
runtime::Result<void> Server::listen() {
  std::uint16_t port = config_.port;
  for (std::size_t i = 0; i < config_.acceptors; ++i) {
    acceptors_.push_back(std::make_unique<Acceptor>(i, clock_, workers_, process_ids_));
    for (runtime::SocketAddress& address : addresses_) {
      address.set_port(port);
      if (i == 0) TRY(runtime::check_unused(address));
      address = TRY(acceptors_.back()->listen(address));
      port = address.port();
    }
  }
  return {};
}

runtime::Result<void> Server::start_to_accept(std::int64_t descriptors) {
  constexpr std::size_t kFilesPerThread = 4;  // of the pool
  constexpr std::size_t kOtherFiles = 16;     // of the source, of slots and of a reload
  const std::size_t files_max =
      config_.workers *
          (stream::WalView::Options().segments_max + stream::WalView::Options().held_max) +
      static_cast<std::size_t>(runtime::Pool::threads_in_all(config_.io_threads)) *
          kFilesPerThread +
      kOtherFiles;
  const runtime::ConnectionLimits limits = TRY(runtime::share_out_descriptors(
      descriptors, runtime::count_open_descriptors(), static_cast<std::int64_t>(files_max)));
  if (config_.reloadable.max_wal_senders > limits.admitted_max) {
    runtime::log::warning(
        "max_wal_senders is {}, but a limit of {} open files leaves room for {} connections only",
        config_.reloadable.max_wal_senders, descriptors, limits.admitted_max);
  }
  for (const auto& acceptor : acceptors_) acceptor->start(limits);
  return {};
}

void Server::build_workers() {
  pool_.emplace(config_.io_threads);
  const Worker::Shared shared{.clock = clock_,
                              .pool = *pool_,
                              .segments = *segments_,
                              .settings = settings_,
                              .reported_settings = settings::reported_settings(source_->identity()),
                              .wal_senders = wal_senders_,
                              .cancel_keys = cancel_keys_,
                              .xmin_horizon = xmin_horizon_,
                              .quorum = quorum_,
                              .slots = *slots_};
  const Worker::Options options{.view = {}, .send_queue = {}, .session = session_options()};
  for (std::size_t i = 0; i < config_.workers; ++i) {
    workers_.push_back(std::make_unique<Worker>(i, shared, options));
    tail_.subscribe(workers_.back()->span_queue());
  }
}

slot::Slots::Options Server::slot_options() {
  return {.directory = slot_directory(config_),
          .slots_max = config_.max_replication_slots,
          .terminate =
              [this](std::int32_t pid) { cancel_keys_.terminate(static_cast<std::uint32_t>(pid)); },
          .xmin_changed = [this](std::string_view name,
                                 wal::Xmin xmin) { xmin_horizon_.report_slot(name, xmin); }};
}

session::SessionEnvironment::Options Server::session_options() const {
  return {.sender = {.copy_bytes_max = config_.copy_threshold,
                     .timeout = config_.reloadable.wal_sender_timeout},
          .authentication_timeout = config_.reloadable.authentication_timeout,
          .close_timeout = config_.reloadable.shutdown_timeout,
          .idle_session_timeout = config_.reloadable.idle_session_timeout,
          .tcp = config_.reloadable.tcp,
          .max_wal_senders = config_.reloadable.max_wal_senders};
}

// Saves the slots in the pool, since it writes to the disk.
class Server::SaveSlots final : public runtime::Job {
 public:
  explicit SaveSlots(Server& server) : server_(server) {}
  void work() override { saved_ = server_.slots_->save_dirty(); }
  void done() override {
    server_.loop_.assert_in_thread();
    log_failure(saved_);
    server_.look_at_left_slots();
    server_.slots_timer_.arm(server_.loop_.now() + kSlotSaveInterval);
  }

 private:
  Server& server_;
  runtime::Result<void> saved_;
};

// Without a primary that hears of it, no slot holds anything back there.
void Server::look_at_left_slots() {
  const wal::TransactionId next = xmin_horizon_.next_id();
  if (next != wal::kInvalidTransactionId) left_slots_.look(slots_->all(), next, loop_.now());
}

void Server::save_slots() {
  pool_->submit(std::make_unique<SaveSlots>(*this), loop_.mailbox(), runtime::JobKind::kWrite);
}

void Server::begin_stop() {
  loop_.assert_in_thread();
  if (shutdown_.has_begun()) return shutdown_.hurry();
  service_status_.on_stop_begun();
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
  shutdown_.finish();
  for (const auto& acceptor : acceptors_) acceptor->stop();
  if (!shutdown_.has_begun()) {
    for (const auto& worker : workers_) worker->begin_shut_down();
  }
  for (const auto& worker : workers_) worker->join();
  if (source_ != nullptr) source_->stop();
  pool_.reset();
  if (slots_.has_value()) log_failure(slots_->save_dirty());
  if (table_.has_value()) {
    std::uint64_t bytes = 0;
    for (const auto& worker : workers_) bytes += worker->bytes_sent();
    const runtime::Duration elapsed = clock_.now() - started_;
    const double seconds = std::chrono::duration<double>(elapsed).count();
    output_.write(runtime::format(
        "walcast: sent {} of WAL in {}, {}/s\n", admin::human_bytes(static_cast<double>(bytes)),
        admin::human_duration(elapsed), admin::human_bytes(static_cast<double>(bytes) / seconds)));
  }
}

void Server::on_signal(int signal) {
  loop_.assert_in_thread();
  if (signal == SIGUSR1) return log_memory_contexts();
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
  } else if (&timer == &slots_timer_) {
    save_slots();
  } else if (&timer == &status_timer_) {
    service_status_.on_look(tail_.position(), wal_senders_.get());
    timer.arm(loop_.now() + kStatusInterval);
  } else {
    request_table();
    timer.arm(loop_.now() + config_.standby_table);
  }
}

void Server::on_segment_changed(wal::SegmentNo no) {
  segments_->forget(no);
  for (const auto& worker : workers_) worker->post_forget(no);
}

void Server::on_cluster_facts(const wal::ClusterFacts& facts) {
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
  if (!reading.errors.empty()) return config::log_errors(reading);
  const config::ServeConfig& fresh = reading.config;
  settings::Settings shown = *settings_;
  config::apply_changes(config::find_changes(config_, fresh), fresh, config_, shown);
  runtime::log::set_level(config_.reloadable.log_level);
  show(std::move(shown));
}

// What SHOW answers from now on, in all sessions.
void Server::show(settings::Settings shown) {
  settings_ = std::make_shared<const settings::Settings>(std::move(shown));
  for (const auto& worker : workers_) worker->post_reload(settings_, session_options());
}

void Server::log_memory_contexts() {
  runtime::log::log("logging memory contexts of PID {}", ::getpid());
  runtime::log_heap();
  runtime::log_memory_contexts();
  for (const auto& acceptor : acceptors_) acceptor->log_memory_contexts();
  for (const auto& worker : workers_) worker->log_memory_contexts();
  source_->log_memory_contexts();
}

// Every worker answers for its own sessions; take_rows() draws the table after the last answer.
void Server::request_table() {
  if (answers_awaited_ > 0 || shutdown_.has_begun())
    return;  // workers that have ended do not answer
  answers_awaited_ = workers_.size();
  for (const auto& worker : workers_) {
    worker->post_snapshot([this](std::vector<admin::StandbyStatus> rows) {
      auto answer = std::make_unique<std::vector<admin::StandbyStatus>>(std::move(rows));
      loop_.mailbox().post([this, owned = std::move(answer)] {
        loop_.assert_in_thread();
        take_rows(std::move(*owned));
      });
    });
  }
}

void Server::take_rows(std::vector<admin::StandbyStatus> rows) {
  rows_.insert(rows_.end(), std::make_move_iterator(rows.begin()),
               std::make_move_iterator(rows.end()));
  if (--answers_awaited_ > 0) return;
  output_.write(table_->render(std::exchange(rows_, {}), tail_.position(), loop_.now()));
}

}  // namespace server
