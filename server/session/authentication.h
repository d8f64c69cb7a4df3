#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/clock.h"
#include "runtime/result.h"
#include "runtime/socket.h"
#include "server/auth/access_policy.h"
#include "server/auth/exchange.h"
#include "server/auth/grants.h"
#include "server/auth/password_check.h"
#include "server/auth/peer_name.h"
#include "server/auth/tls_state.h"
#include "server/wire/framer.h"
#include "server/wire/message.h"

namespace server::session {

// What blocks, and is asked outside of the loop: the name of the client's address, or the name of
// the user at the other end of a Unix socket.
struct PeerQuestion {
  enum class Kind { kHostName, kSystemUser };
  Kind kind = Kind::kHostName;
  runtime::SocketAddress address = {};
  std::int64_t uid = -1;
};
struct PeerAnswer {
  auth::PeerName host_name = {};
  runtime::Result<std::string> system_user = std::string();
};
// Asks name servers or the user database, for as long as they take.
PeerAnswer answer(const PeerQuestion& question);

// The role that the primary is to be asked for.
struct RoleQuestion {
  std::shared_ptr<auth::RoleCache> cache;
  std::string name;
  auth::RoleWish wish = auth::RoleWish::kCached;
};

// The step of a login in which a client proves that it is the role that it names (auth.c,
// ClientAuthentication): finds the rule for the connection, and leads the exchange of its method. A
// machine of messages without I/O.
//   Owner: Login.  Thread: the session's loop's.
//   Invariant: each of on_answer(), on_role(), take() and on_checked() only after the Next that
//     asks for it. A client that is not let in by what the cache knows of its role is told so
//     only after the primary was asked once more, so that its next attempt finds what has changed
//     there.
class Authentication {
 public:
  enum class Next {
    kMore,     // the client's next message is wanted
    kLookUp,   // question() is to be answered, by on_answer()
    kAskRole,  // role_question() is to be asked, and on_role() told
    kCheck,    // take_check() is to be run, and on_checked() told
    kIn,       // the client is who it says; AuthenticationOk is the caller's
    kRefused,  // take_refusal() says why
  };

  // Whom the client says it is, and how it has come.
  struct Claim {
    std::string user = {};
    std::string database = {};
    bool is_physical_replication = false;
    bool wants_walsender = false;  // for replication of either kind
    runtime::SocketAddress peer = {};
    std::int64_t peer_uid = -1;                           // of a Unix socket
    std::shared_ptr<const auth::TlsState> tls = nullptr;  // null: no TLS
  };

  Authentication(std::shared_ptr<const auth::AccessPolicy> policy, Claim claim,
                 runtime::WallMicros now);

  Next begin(wire::MessageWriter& out);
  PeerQuestion question() const;
  Next on_answer(PeerAnswer given, wire::MessageWriter& out);
  RoleQuestion role_question() const;
  Next on_role(auth::RoleAnswer given, wire::MessageWriter& out);
  // What comes of it if the primary's answer is not waited for: kAskRole if nothing is known of the
  // role yet.
  Next end_without_answer(wire::MessageWriter& out);
  wire::CutResult cut(std::span<const std::byte> bytes) const { return exchange_->cut(bytes); }
  Next take(const wire::CutResult& cut, wire::MessageWriter& out);
  auth::PasswordCheck take_check() { return exchange_->take_check(); }
  Next on_checked(bool right, wire::MessageWriter& out);
  // What the log is told is whole: the rule, and what a stranger is not to know.
  auth::Refusal take_refusal();
  // For the log: what is not certain of the role, and the rule. May be empty.
  std::string describe_circumstances() const;

  // What the client may do under the name that it gives as application_name. REQUIRES: kIn was
  // returned.
  auth::Grants grants(std::string_view application_name) const;

  const Claim& claim() const { return claim_; }
  // Whether the client has had to prove anything by messages.
  bool has_exchange() const { return exchange_.has_value(); }
  const auth::AccessPolicy& policy() const { return *policy_; }
  // None: there is no such role, or roles are not known. Valid as long as this, up to on_role().
  const auth::Role* role() const;

 private:
  // What an answer of the primary is wanted for.
  enum class Purpose { kRule, kMethod, kRefusal, kMap, kEntry };

  auth::HbaConnection connection() const;
  std::optional<std::string> end_point() const;
  Next find_rule(wire::MessageWriter& out);
  bool knows_role() const;
  // The last answer may be old, and the primary was not asked for a newer one.
  bool may_ask_again() const;
  Next learn_role(Purpose purpose, auth::RoleWish wish, wire::MessageWriter& out);
  Next refuse_client(wire::MessageWriter& out);
  Next enter(wire::MessageWriter& out);
  Next begin_method(wire::MessageWriter& out);
  Next begin_exchange(auth::ExchangeMethod method, wire::MessageWriter& out);
  Next check_system_user(const runtime::Result<std::string>& system_user, wire::MessageWriter& out);
  // Of the role that is known now; notes that it was asked for.
  auth::IsMember membership();
  // kRefused, unless the groups of a newer role may change what a map has refused.
  Next refuse_by_map(wire::MessageWriter& out);
  Next refuse(runtime::Error error, std::string log_detail = {});
  Next next_of(auth::Exchange::Next next, wire::MessageWriter& out);
  runtime::Result<void> require_certificate() const;
  // The client has proven what the rule's method asks for.
  Next finish(wire::MessageWriter& out);
  // kIn, or kRefused.
  Next check_certificate();
  std::string place_of_rule() const;
  bool may_use_console() const;

  const std::shared_ptr<const auth::AccessPolicy> policy_;
  const Claim claim_;
  const runtime::WallMicros now_;
  const auth::HbaRule* rule_ = nullptr;  // of policy_
  std::optional<auth::PeerName> peer_name_;
  std::optional<auth::RoleAnswer> role_;  // the cache's
  bool asks_groups_ = false;              // the last membership()
  std::string system_user_;               // of a Unix socket's peer
  Purpose purpose_ = Purpose::kRule;
  auth::RoleWish wish_ = auth::RoleWish::kCached;  // of the last question
  std::optional<auth::Exchange> exchange_;
  std::optional<auth::Refusal> refusal_;  // of this; the exchange has its own
};

}  // namespace server::session
