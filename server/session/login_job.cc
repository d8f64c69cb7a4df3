#include "server/session/login_job.h"

#include <utility>

namespace server::session {

LoginJob::LoginJob(std::shared_ptr<LoginTicket> ticket, const Origin& origin, Task task)
    : ticket_(std::move(ticket)), party_(origin.number()), task_(std::move(task)) {}

void LoginJob::work() {
  if (const auto* question = std::get_if<PeerQuestion>(&task_)) {
    answer_ = answer(*question);
  } else {
    right_ = std::get<auth::PasswordCheck>(task_).run();
  }
}

void LoginJob::done() {
  if (ticket_->owner() != nullptr) ticket_->owner()->on_login_job(*this);
}

runtime::JobKind kind_of(const PeerQuestion& question) {
  return question.kind == PeerQuestion::Kind::kHostName ? runtime::JobKind::kLookUp
                                                        : runtime::JobKind::kAccount;
}

}  // namespace server::session
