#include "server/session/login_refusal.h"

#include <algorithm>
#include <utility>

#include "server/session/origin.h"

namespace server::session {

void LoginRefusal::note(const Login& login, const runtime::SocketAddress& peer,
                        runtime::log::Client client) {
  if (std::exchange(noted_, true)) return;
  if (login.authenticates()) client.user = login.role();
  if (!login.log_line().empty()) environment_.strangers.log(client, login.log_line());
  if (!login.failed_proof()) return;
  const runtime::Instant now = environment_.loop.now();
  const runtime::Duration delay =
      environment_.admissions.on_failure(Origin(peer), login.role(), now);
  if (delay.count() == 0) return;
  timer_.arm(now + std::min(delay, environment_.options.authentication_timeout / 2));
}

void LoginRefusal::keep(const wire::MessageWriter& last_words) {
  last_words_.assign(last_words.bytes().begin(), last_words.bytes().end());
}

void LoginRefusal::on_timer(runtime::Timer& /*timer*/) {
  environment_.loop.assert_in_thread();
  owner_.on_refusal_due();
}

}  // namespace server::session
