#include "server/session/handshake_queue.h"

#include <utility>

#include "runtime/check.h"

namespace server::session {

using runtime::TlsChannel;

// The socket dies with its job if the session is over by then.
class HandshakeQueue::StepJob final : public runtime::Job {
 public:
  StepJob(HandshakeQueue& queue, std::shared_ptr<Waiter*> ticket, ShakingSocket socket)
      : queue_(queue), ticket_(std::move(ticket)), socket_(std::move(socket)) {}

  void work() override {
    if (socket_.channel == nullptr) {
      socket_.channel = std::make_unique<TlsChannel>(socket_.context, socket_.fd.get());
    }
    step_ = socket_.channel->shake_hands();
  }
  void done() override { queue_.on_step(*this); }

  Waiter* waiter() const { return *ticket_; }
  ShakingSocket take_socket() { return std::move(socket_); }
  TlsChannel::Step step() const { return step_; }

 private:
  HandshakeQueue& queue_;
  const std::shared_ptr<Waiter*> ticket_;  // read on the loop alone
  ShakingSocket socket_;
  TlsChannel::Step step_ = TlsChannel::Step::kFailed;
};

HandshakeQueue::Waiter::~Waiter() {
  if (ticket_ != nullptr) *ticket_ = nullptr;
}

void HandshakeQueue::push(Waiter& waiter) {
  loop_.assert_in_thread();
  DCHECK(waiter.ticket_ == nullptr);
  if (waiter.has_share_) {
    begun_.push_back(waiter.link_);
  } else {
    Party& party = parties_.try_emplace(waiter.party_).first->second;
    party.fresh.push_back(waiter.link_);
    if (!party.link.linked()) round_.push_back(party.link);
  }
  start_next();
}

void HandshakeQueue::remove(Waiter& waiter) {
  loop_.assert_in_thread();
  waiter.link_.unlink();
  if (const auto found = parties_.find(waiter.party_); found != parties_.end()) {
    Party& party = found->second;
    if (std::exchange(waiter.has_share_, false)) {
      --party.begun;
      --begun_count_;
    }
    if (party.fresh.empty()) party.link.unlink();
    if (party.fresh.empty() && party.begun == 0) parties_.erase(found);
  }
  if (!round_.empty()) loop_.go_on_next_turn(*this);
}

void HandshakeQueue::go_on() {
  loop_.assert_in_thread();
  start_next();
}

HandshakeQueue::Waiter* HandshakeQueue::take_next() {
  Waiter* const begun = begun_.pop_front();
  return begun != nullptr ? begun : take_fresh();
}

// The parties that may not have another one keep their places in the round.
HandshakeQueue::Waiter* HandshakeQueue::take_fresh() {
  runtime::IntrusiveList<Party> passed;
  Waiter* next = nullptr;
  while (Party* const party = round_.pop_front()) {
    if (party->begun < begun_max_ - begun_count_) {
      next = begin_first(*party);
      if (next == nullptr) passed.push_back(party->link);
      break;
    }
    passed.push_back(party->link);
  }
  passed.take_all(round_);
  round_.take_all(passed);
  return next;
}

// Null if there is no memory for it: then there is none for the next one either.
HandshakeQueue::Waiter* HandshakeQueue::begin_first(Party& party) {
  Waiter* const first = party.fresh.pop_front();
  if (!first->may_begin()) {
    runtime::IntrusiveList<Waiter> in_order;
    in_order.push_back(first->link_);
    in_order.take_all(party.fresh);
    party.fresh.take_all(in_order);
    memory_.await(*this);
    return nullptr;
  }
  first->has_share_ = true;
  ++party.begun;
  ++begun_count_;
  if (!party.fresh.empty()) round_.push_back(party.link);
  return first;
}

void HandshakeQueue::start_next() {
  while (running_ < kAtOnce) {
    Waiter* const waiter = take_next();
    if (waiter == nullptr) return;
    ++running_;
    waiter->ticket_ = std::make_shared<Waiter*>(waiter);
    pool_.submit(std::make_unique<StepJob>(*this, waiter->ticket_, waiter->lend()), loop_.mailbox(),
                 runtime::JobKind::kShake);
  }
}

void HandshakeQueue::on_step(StepJob& job) {
  loop_.assert_in_thread();
  CHECK(running_ > 0);
  --running_;
  if (Waiter* const waiter = job.waiter(); waiter != nullptr) {
    waiter->ticket_.reset();
    waiter->on_step(job.take_socket(), job.step());
  }
  start_next();
}

}  // namespace server::session
