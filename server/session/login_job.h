#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <variant>

#include "runtime/pool.h"
#include "runtime/published.h"
#include "server/auth/password_check.h"
#include "server/auth/role_cache.h"
#include "server/session/authentication.h"
#include "server/session/origin.h"

namespace server::session {

class LoginJob;

// What a login's jobs and questions report to, on its loop.
class LoginJobOwner {
 public:
  virtual ~LoginJobOwner() = default;
  virtual void on_login_job(const LoginJob& job) = 0;
  virtual void on_role(auth::RoleAnswer given) = 0;
};

// Where a job of a login finds its owner: null if that has gone.
//   Owner: LoginJobOwner and the job, shared.  Thread: the owner's loop's, but for is_over().
class LoginTicket {
 public:
  // The job keeps so many bytes of what the client has sent.
  LoginTicket(LoginJobOwner& owner, std::size_t bytes) : owner_(&owner), bytes_(bytes) {}

  void give_up() {
    owner_ = nullptr;
    is_over_.store(true);
  }
  LoginJobOwner* owner() const { return owner_; }
  bool is_over() const { return is_over_.load(); }
  std::size_t bytes() const { return bytes_; }

 private:
  LoginJobOwner* owner_;
  const std::size_t bytes_;
  runtime::Published<bool> is_over_;
};

// What a login needs to know and may take long to find out.
//   Owner: the pool.  Thread: work() a thread of the pool's, all else the ticket's.
class LoginJob final : public runtime::Job {
 public:
  using Task = std::variant<PeerQuestion, auth::PasswordCheck>;

  LoginJob(std::shared_ptr<LoginTicket> ticket, const Origin& origin, Task task);

  bool is_wanted() const override { return !ticket_->is_over(); }
  // The address: no other client waits for what its name servers take, or its passwords.
  std::uint64_t party() const override { return party_; }
  void work() override;
  void done() override;

  bool was_check() const { return std::holds_alternative<auth::PasswordCheck>(task_); }
  bool right() const { return right_; }
  const PeerAnswer& answered() const { return answer_; }

 private:
  const std::shared_ptr<LoginTicket> ticket_;
  const std::uint64_t party_;
  const Task task_;
  PeerAnswer answer_;
  bool right_ = false;
};

// The kind of job that such a question is.
runtime::JobKind kind_of(const PeerQuestion& question);

}  // namespace server::session
