#include "server/session/session_slots.h"

#include <utility>

#include "runtime/check.h"
#include "server/slot/errors.h"
#include "server/wire/errors.h"

namespace server::session {

// One CREATE or DROP, as far as it blocks.
class SessionSlots::Command final : public runtime::Job {
 public:
  enum class Verb { kCreate, kDrop };
  struct Request {
    Verb verb = Verb::kCreate;
    std::string name;
    slot::Persistence persistence = slot::Persistence::kPersistent;
    wal::Lsn restart_lsn = {};
    bool wait = false;
  };

  Command(SessionSlots& session, Request request)
      : session_(session),
        slots_(session.slots_),
        asker_(session.asker()),
        request_(std::move(request)) {}

  void work() override {
    if (request_.verb == Verb::kDrop) {
      done_ = slots_.drop(request_.name, asker_);
      return;
    }
    auto created = slots_.create(request_.name, request_.persistence, asker_, request_.restart_lsn);
    if (!created) {
      done_ = std::move(created).error();
    } else {
      created_ = *created;
    }
  }
  void done() override { session_.done_with(*this); }

  const Request& request() const { return request_; }
  const runtime::Result<void>& outcome() const { return done_; }
  slot::Slot* created() const { return created_; }

 private:
  SessionSlots& session_;
  slot::Slots& slots_;
  const slot::Asker asker_;
  const Request request_;
  runtime::Result<void> done_;
  slot::Slot* created_ = nullptr;
};

SessionSlots::SessionSlots(SessionEnvironment& environment, const Client& client,
                           std::uint32_t process_id, Owner& owner)
    : environment_(environment),
      slots_(environment.slots),
      home_(environment.loop),
      client_(client),
      process_id_(static_cast<std::int32_t>(process_id)),
      owner_(owner),
      turn_(home_.timers(), *this) {}

SessionSlots::~SessionSlots() {
  if (wait_.has_value()) slots_.cancel(*wait_);
  clean_up();
}

// Without rules no client has proven its name, and no role owns what it creates.
slot::Asker SessionSlots::asker() const {
  const auth::Grants& grants = client_.grants;
  return {
      .pid = process_id_,
      .role = grants.has_proven ? client_.user : std::string(),
      .is_bound = grants.has_proven && !grants.is_admin && environment_.options.slot_owner_check};
}

void SessionSlots::create(std::string_view name, slot::Persistence persistence,
                          wal::Lsn restart_lsn) {
  run(std::make_unique<Command>(*this, Command::Request{.verb = Command::Verb::kCreate,
                                                        .name = std::string(name),
                                                        .persistence = persistence,
                                                        .restart_lsn = restart_lsn}));
}

void SessionSlots::drop(std::string_view name, bool wait) {
  run(std::make_unique<Command>(
      *this,
      Command::Request{.verb = Command::Verb::kDrop, .name = std::string(name), .wait = wait}));
}

// A command that has waited for a slot is busy already.
void SessionSlots::run(std::unique_ptr<Command> command) {
  CHECK(!wait_.has_value());
  if (!busy()) state_ = State::kBusy;
  if (!needs_disk(*command)) return submit(std::move(command));
  waiting_ = std::move(command);
  const runtime::Instant now = home_.now();
  const runtime::Instant begin = pace_.take(now);
  begin <= now ? take_turn() : turn_.arm(begin);
}

// A temporary slot is nothing to the disk, and neither is a slot that is not there.
bool SessionSlots::needs_disk(const Command& command) const {
  const Command::Request& request = command.request();
  if (request.verb == Command::Verb::kCreate) {
    return request.persistence == slot::Persistence::kPersistent;
  }
  const auto slot = slots_.read(request.name);
  return slot && slot->persistence == slot::Persistence::kPersistent;
}

void SessionSlots::on_timer(runtime::Timer& /*timer*/) {
  home_.assert_in_thread();
  CHECK(busy() && waiting_ != nullptr);
  take_turn();
}

// By its own pace the session's command may begin, and it does if it may by that of all sessions.
void SessionSlots::take_turn() {
  const runtime::Instant now = home_.now();
  const runtime::Instant begin = slots_.take_turn(now);
  begin <= now ? submit(std::move(waiting_)) : turn_.arm(begin);
}

void SessionSlots::submit(std::unique_ptr<Command> command) {
  environment_.pool.submit(std::move(command), home_.mailbox(), runtime::JobKind::kWrite);
}

void SessionSlots::done_with(Command& command) {
  const Command::Request& request = command.request();
  const runtime::Result<void>& outcome = command.outcome();
  if (slot::Slot* const slot = command.created()) {
    // A temporary slot remains this session's own; Slots::release() sees to that.
    slots_.release(*slot);
    has_temporary_ = has_temporary_ || request.persistence == slot::Persistence::kTemporary;
  }
  const bool in_use = !outcome && outcome.error().kind == &slot::kObjectInUse;
  if (in_use && request.wait) return wait_for(request.name);
  finish(outcome, request.verb == Command::Verb::kCreate ? std::string_view(request.name)
                                                         : std::string_view());
}

// Tries again when the slot is free, which it may be already.
void SessionSlots::wait_for(const std::string& name) {
  CHECK(busy());
  awaited_ = name;
  if (state_ == State::kCancelled) return on_free();
  wait_ = slots_.notify_when_free(
      name, [this, home = &home_.mailbox()] { home->post([this] { on_free(); }); });
  if (!wait_.has_value()) on_free();
}

void SessionSlots::on_free() {
  wait_.reset();
  if (state_ == State::kBusy) return drop(awaited_, /*wait=*/true);
  finish_cancelled();
}

void SessionSlots::finish_cancelled() {
  finish(runtime::Error{.kind = &wire::kQueryCanceled,
                        .what = "canceling statement due to user request"});
}

// A command that runs in the pool ends by itself. If Slots has called the task already, the post to
// this loop is on its way, and on_free() will find the command cancelled.
void SessionSlots::cancel() {
  CHECK(busy());
  state_ = State::kCancelled;
  if (std::exchange(waiting_, nullptr) != nullptr) {
    turn_.disarm();
    return finish_cancelled();
  }
  if (wait_.has_value() && slots_.cancel(*wait_)) on_free();
}

void SessionSlots::finish(const runtime::Result<void>& done, std::string_view created) {
  CHECK(busy());
  state_ = State::kIdle;
  owner_.on_slot_command_done(done, created);
}

runtime::Result<slot::Slot*> SessionSlots::acquire(std::string_view name) {
  CHECK(streams_ == nullptr);
  streams_ = TRY(slots_.acquire(name, asker()));
  return streams_;
}

void SessionSlots::release() {
  if (streams_ != nullptr) slots_.release(*std::exchange(streams_, nullptr));
}

bool SessionSlots::report_xmin(wal::Xmin xmin, const wal::NextXid& next) {
  if (streams_ == nullptr) return false;
  slots_.report_xmin(*streams_, xmin, next);
  return true;
}

void SessionSlots::clean_up() {
  release();
  if (std::exchange(has_temporary_, false)) slots_.drop_temporary(process_id_);
}

}  // namespace server::session
