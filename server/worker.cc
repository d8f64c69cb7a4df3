#include "server/worker.h"

#include <algorithm>
#include <utility>

#include "runtime/format.h"
#include "runtime/memory_report.h"
#include "server/stats/memory_contexts.h"

namespace server {

Worker::Worker(std::size_t index, const Shared& shared, Options options)
    : index_(index),
      shared_(shared),
      options_(options),
      loop_(shared.clock, {}),
      view_(loop_, shared.pool, shared.segments, options.view),
      send_queue_(loop_, shared.clock, view_, options.send_queue),
      memory_(options.client_memory_max),
      handshakes_(loop_, shared.pool, memory_),
      input_buffer_(session::Input::kReadBytesMax),
      strangers_(loop_),
      retry_timer_(loop_.timers(), *this),
      shutdown_timer_(loop_.timers(), *this) {}

Worker::~Worker() { join(); }

std::string Worker::thread_name() const { return runtime::format("loop-{}", index_); }

void Worker::start() {
  thread_ = std::make_unique<runtime::NamedThread>(thread_name(),
                                                   [this](memctx::Context& top) { run(top); });
}

void Worker::run(memctx::Context& top) {
  loop_.assert_in_thread();
  memctx::Context& message_context = top.create_child("MessageContext");
  environment_ = std::make_unique<session::SessionEnvironment>(session::SessionEnvironment{
      .loop = loop_,
      .view = view_,
      .send_queue = send_queue_,
      .settings = shared_.settings,
      .policy = shared_.policy,
      .tls = shared_.tls,
      .reported_settings = shared_.reported_settings,
      .wal_senders = shared_.wal_senders,
      .console = shared_.console,
      .console_clients = shared_.console_clients,
      .pauses = shared_.pauses,
      .cancel_keys = shared_.cancel_keys,
      .admissions = shared_.admissions,
      .xmin_horizon = shared_.xmin_horizon,
      .quorum = shared_.quorum,
      .slots = shared_.slots,
      .pool = shared_.pool,
      .handshakes = handshakes_,
      .worker = *this,
      .strangers = strangers_,
      .memory = memory_,
      .worker_context = top,
      .message_context = message_context,
      .input_buffer = input_buffer_,
      .options = options_.session,
  });
  loop_.set_turn_work(&send_queue_);
  // Without sessions no span wakes this loop; the turn that adopts one takes those that have come.
  view_.queue().stop_listening();
  retry_timer_.arm(loop_.now() + kRetryInterval);
  loop_.run();
  while (session::Session* session = sessions_.pop_front()) delete session;
  environment_.reset();
  if (ended_) ended_();
}

void Worker::adopt(session::Arrival arrival) {
  load_.add(1);
  loop_.mailbox().post([this, owned = std::make_unique<session::Arrival>(std::move(arrival))] {
    loop_.assert_in_thread();
    if (shutting_down_) {
      load_.add(-1);
      return;
    }
    view_.queue().listen();
    // The list owns the session from here on, and the loop once the session is over.
    auto* session = new session::Session(*environment_, *this, std::move(*owned));
    sessions_.push_back(session->link());
  });
}

void Worker::post_forget(wal::SegmentNo no) {
  loop_.mailbox().post([this, no] {
    loop_.assert_in_thread();
    view_.forget(no);
  });
}

void Worker::post_cancel(std::uint32_t process_id) {
  loop_.mailbox().post([this, process_id] {
    loop_.assert_in_thread();
    for (session::Session* session : all_sessions()) {
      if (session->process_id() == process_id) session->cancel();
    }
  });
}

void Worker::post_terminate(std::uint32_t process_id) {
  loop_.mailbox().post([this, process_id] {
    loop_.assert_in_thread();
    for (session::Session* session : all_sessions()) {
      if (session->process_id() == process_id) session->terminate();
    }
  });
}

void Worker::post_reload(std::shared_ptr<const settings::Settings> settings,
                         std::shared_ptr<const auth::AccessPolicy> policy,
                         std::shared_ptr<const runtime::TlsContext> tls,
                         const session::SessionEnvironment::Options& options) {
  struct Change {
    std::shared_ptr<const settings::Settings> settings;
    std::shared_ptr<const auth::AccessPolicy> policy;
    std::shared_ptr<const runtime::TlsContext> tls;
    session::SessionEnvironment::Options options;
  };
  auto change = std::make_unique<Change>(
      Change{std::move(settings), std::move(policy), std::move(tls), options});
  loop_.mailbox().post([this, reloaded = std::move(change)] {
    loop_.assert_in_thread();
    environment_->settings = reloaded->settings;
    environment_->policy = reloaded->policy;
    environment_->tls = reloaded->tls;
    options_.session = reloaded->options;
    send_queue_.set_gather_time(options_.session.send_delay.time);
    for (session::Session* session : all_sessions()) session->on_reload();
  });
}

void Worker::post_status(stats::LoopQuestion question,
                         std::function<void(stats::LoopStatus)> take) {
  loop_.mailbox().post([this, question, taker = std::move(take)] {
    loop_.assert_in_thread();
    taker(status(question));
  });
}

void Worker::post_pauses(std::string name, std::function<void(std::int64_t)> told) {
  struct Question {
    std::string name;
    std::function<void(std::int64_t)> told;
  };
  auto owned = std::make_unique<Question>(Question{std::move(name), std::move(told)});
  loop_.mailbox().post([this, question = std::move(owned)] {
    loop_.assert_in_thread();
    std::int64_t standbys = 0;
    for (session::Session* session : all_sessions()) {
      standbys += session->look_at_pauses(question->name) ? 1 : 0;
    }
    question->told(standbys);
  });
}

void Worker::log_memory_contexts() {
  loop_.mailbox().post([] { runtime::log_memory_contexts(); });
}

void Worker::begin_shut_down(std::function<void()> ended) {
  loop_.mailbox().post([this, tell = std::move(ended)]() mutable {
    loop_.assert_in_thread();
    ended_ = std::move(tell);
    shut_down();
  });
}

void Worker::cut_short() {
  loop_.mailbox().post([this] {
    loop_.assert_in_thread();
    cut();
  });
}

void Worker::shut_down() {
  shutting_down_ = true;
  shutdown_timer_.arm(loop_.now() + options_.session.close_timeout);
  for (session::Session* session : all_sessions()) session->shut_down();
  if (sessions_.empty()) loop_.stop();
}

void Worker::cut() {
  for (session::Session* session : all_sessions()) session->cut();
  loop_.stop();
}

// A copy of the list, because a session that ends meanwhile leaves the list.
std::vector<session::Session*> Worker::all_sessions() const {
  std::vector<session::Session*> all;
  sessions_.for_each([&](session::Session& session) { all.push_back(&session); });
  return all;
}

stats::LoopStatus Worker::status(stats::LoopQuestion question) {
  stats::LoopStatus status;
  status.name = thread_name();
  status.client_memory_used = memory_.used();
  status.client_memory_max = memory_.bytes_max();
  status.sessions.reserve(static_cast<std::size_t>(std::max<std::int64_t>(load(), 0)));
  sessions_.for_each(
      [&](const session::Session& session) { status.sessions.push_back(session.status()); });
  if (question.stages) status.stages = view_.stages().snapshot(shared_.clock.now());
  if (question.memory) {
    status.memory = stats::memory_contexts_of(environment_->worker_context, status.name);
  }
  return status;
}

void Worker::on_session_over(session::Session& session) {
  loop_.assert_in_thread();
  session.link().unlink();
  load_.add(-1);
  if (sessions_.empty()) view_.queue().stop_listening();
  loop_.retire(std::unique_ptr<runtime::Loop::Retired>(&session));
  if (shutting_down_ && sessions_.empty()) loop_.stop();
}

void Worker::on_timer(runtime::Timer& timer) {
  loop_.assert_in_thread();
  if (&timer == &shutdown_timer_) return cut();
  view_.retry_stopped();
  timer.arm(loop_.now() + kRetryInterval);
}

}  // namespace server
