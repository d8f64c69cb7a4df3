// The start of a session: from its first packet to the first ReadyForQuery. The rest of it is in
// session.cc.
#include "server/session/session.h"

#include <utility>

#include "memctx/resource.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "server/wire/errors.h"

namespace server::session {

using wire::MessageWriter;
using wire::Severity;

// Returns how many bytes it has used; 0 when it needs more.
std::size_t Session::take_startup_packet(std::span<const std::byte> bytes) {
  const wire::CutResult cut = wire::cut_startup_packet(bytes);
  if (cut.cut == wire::Cut::kIncomplete) return 0;
  if (cut.cut == wire::Cut::kBadLength) {
    runtime::log::log("invalid length of startup packet");
    close();
    return 0;
  }
  environment_.message_context.reset();
  memctx::Resource memory(environment_.message_context);
  MessageWriter out(&memory);
  switch (startup_.on_packet(cut.message.body, cut.bytes_used < bytes.size(), out)) {
    case Startup::Next::kMorePackets:
      break;
    case Startup::Next::kCancel:
      environment_.cancel_keys.cancel(startup_.cancel_request().process_id,
                                      startup_.cancel_request().key);
      close();
      return cut.bytes_used;
    case Startup::Next::kConnect:
      if (connect(out)) break;
      [[fallthrough]];
    case Startup::Next::kRefused:
      connection_.queue(out.bytes());
      close_when_sent();
      return cut.bytes_used;
  }
  send(out);
  return cut.bytes_used;
}

// From here on it is a walsender (proc.c, InitProcess; postinit.c, InitPostgres). Returns whether
// it may stay; if not, the writer says why.
bool Session::connect(MessageWriter& out) {
  if (too_many_) {
    out.error_response(Severity::kFatal, {.kind = &wire::kTooManyConnections,
                                          .what = "sorry, too many clients already"});
    return false;
  }
  counted_ = true;
  const std::int64_t limit = environment_.options.max_wal_senders;
  if (environment_.wal_senders.add(1) > limit) {
    out.error_response(Severity::kFatal,
                       {.kind = &wire::kTooManyConnections,
                        .what = runtime::format("number of requested standby connections exceeds "
                                                "max_wal_senders (currently {})",
                                                limit)});
    return false;
  }
  out.authentication_ok();
  auto client = startup_.take_parameters(*environment_.settings, out);
  if (!client) {
    out.error_response(Severity::kFatal, client.error());
    return false;
  }
  client_ = std::move(*client);
  apply_timeouts();
  counts_upstream_ = environment_.quorum.policy().counts(client_.application_name());
  const auto key = CancelKey::random(startup_.protocol_version() >= wire::kProtocolVersion32
                                         ? CancelKey::kLongBytes
                                         : CancelKey::kShortBytes);
  environment_.cancel_keys.add(process_id_, key, environment_.worker);
  startup_.greet(*environment_.settings, environment_.reported_settings, client_, process_id_,
                 key.bytes(), out);
  phase_ = Phase::kCommands;
  await_command();
  runtime::log::debug("replication connection authorized: user={} application_name={} host={}",
                      client_.user, client_.application_name(), peer_.text());
  return true;
}

}  // namespace server::session
