#include "tests/support/test_server.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <sstream>
#include <thread>
#include <utility>

#include "memctx/context.h"
#include "memctx/current.h"
#include "server/stats/snapshot.h"

namespace tests {

using server::Worker;

TestServer::TestServer(std::string directory, const server::wal::Identity& identity,
                       Options options)
    : options_(std::move(options)),
      faults_(identity),
      segments_(std::move(directory), identity, faults_, clock_),
      process_ids_(options_.last_process_id),
      admissions_(options_.admissions),
      quorum_(options_.upstream_ack),
      slots_(slot_options(options_.slots)),
      pool_(std::make_unique<runtime::Pool>(2)) {
  // No test but those of the limit wants to meet it.
  auto& senders_max = options_.worker.session.max_wal_senders;
  if (senders_max == 0) senders_max = 10'000;
  ::signal(SIGPIPE, SIG_IGN);  // as the server does: sendfile has no flag for it
  server::settings::Settings settings;
  server::settings::add_source_settings(identity, settings);
  settings.set("wal_sender_timeout", "1min", "");
  settings_ = std::make_shared<const server::settings::Settings>(std::move(settings));
  if (options_.has_console) start_console();
  const Worker::Shared shared{.clock = clock_,
                              .pool = *pool_,
                              .segments = segments_,
                              .settings = settings_,
                              .policy = options_.policy,
                              .tls = options_.tls,
                              .reported_settings = server::settings::reported_settings(identity),
                              .wal_senders = wal_senders_,
                              .console = console_.has_value() ? &*console_ : nullptr,
                              .console_clients = console_.has_value() ? &console_clients_ : nullptr,
                              .pauses = &pauses_,
                              .cancel_keys = cancel_keys_,
                              .admissions = admissions_,
                              .xmin_horizon = xmin_horizon_,
                              .quorum = quorum_,
                              .slots = slots_};
  for (std::size_t i = 0; i < options_.workers; ++i) {
    workers_.push_back(std::make_unique<Worker>(i, shared, options_.worker));
    tail_.subscribe(workers_.back()->span_queue());
  }
  acceptor_ = std::make_unique<server::Acceptor>(0, clock_, workers_, process_ids_, admissions_);
  const auto addresses = runtime::resolve("127.0.0.1", 0);
  auto listening = runtime::listen_on(addresses->front(), /*backlog=*/128);
  CHECK(listening.has_value());
  port_ = runtime::local_address(listening->get()).port();
  acceptor_->listen(std::move(listening).value());
  for (const auto& worker : workers_) worker->start();
}

void TestServer::start_console() {
  auto snapshot = std::make_shared<server::stats::Snapshot>();
  snapshot->stages = std::make_shared<const server::stream::StageSnapshot>();
  snapshot->settings = settings_;
  snapshot->major_version = 15;
  console_.emplace(server::console::ConsoleThread::Options{
      .engine = {.snapshot = [snapshot] { return snapshot; },
                 .verbs = options_.verbs,
                 .clock = &clock_,
                 .time_max = options_.statement_time_max}});
}

server::slot::Slots::Options TestServer::slot_options(server::slot::Slots::Options options) {
  options.terminate = [this](std::int32_t pid) {
    cancel_keys_.terminate(static_cast<std::uint32_t>(pid));
  };
  options.xmin_changed = [this](std::string_view name, server::wal::Xmin xmin) {
    xmin_horizon_.report_slot(name, xmin);
  };
  return options;
}

void TestServer::serve(server::wal::Lsn begin, server::wal::Lsn end) {
  tail_.adopt({server::wal::TimelineHistory(server::wal::TimelineId{1}), {}});
  tail_.publish(begin, end, clock_.now());
  accept();
}

void TestServer::accept() { acceptor_->start(options_.connections); }

void TestServer::publish(server::wal::Lsn end) {
  tail_.publish(tail_.position(), end, clock_.now());
}

void TestServer::on_segment_changed(server::wal::SegmentNo no) {
  segments_.forget(no);
  for (const auto& worker : workers_) worker->post_forget(no);
}

void TestServer::on_source_failed(const runtime::Error& error) { ADD_FAILURE() << error.what; }

void TestServer::reload() {
  for (const auto& worker : workers_)
    worker->post_reload(settings_, options_.policy, options_.tls, options_.worker.session);
  run_in_worker([] {});
}

void TestServer::end_tls() {
  options_.tls = nullptr;
  reload();
}

void TestServer::stop() {
  acceptor_->stop();
  for (const auto& worker : workers_) worker->begin_shut_down();
  for (const auto& worker : workers_) worker->join();
  pool_.reset();
}

void TestServer::cut_short() {
  for (const auto& worker : workers_) worker->cut_short();
}

std::uint64_t TestServer::bytes_sent() const {
  std::uint64_t bytes = 0;
  for (const auto& worker : workers_) bytes += worker->bytes_sent();
  return bytes;
}

std::vector<server::stats::SessionStatus> TestServer::sessions() {
  // Shared, since the worker may still be within set_value() when we have the rows.
  auto answer = std::make_shared<std::promise<std::vector<server::stats::SessionStatus>>>();
  workers_.front()->post_status({}, [answer](server::stats::LoopStatus status) {
    answer->set_value(std::move(status.sessions));
  });
  return answer->get_future().get();
}

void TestServer::run_in_worker(const std::function<void()>& task) {
  auto done = std::make_shared<std::promise<void>>();
  workers_.front()->post_status({}, [done, &task](const server::stats::LoopStatus&) {
    task();
    done->set_value();
  });
  done->get_future().wait();
}

void TestServer::post_to_worker(std::function<void()> task) {
  workers_.front()->post_status(
      {}, [posted = std::move(task)](const server::stats::LoopStatus&) { posted(); });
}

std::string TestServer::contexts_of_worker() {
  std::string text;
  run_in_worker([&text] { text = memctx::current().describe(); });
  std::string names;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) names += line.substr(0, line.find(':')) + '\n';
  return names;
}

bool TestServer::wait_for_sessions(std::size_t count) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (sessions().size() != count) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace tests
