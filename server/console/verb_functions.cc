// Functions that change something, for admins (signalfuncs.c, slotfuncs.c, mcxtfuncs.c).

#include "runtime/format.h"
#include "server/console/errors.h"
#include "server/console/function.h"

namespace server::console {

namespace {

const std::string& text_of(const Value& value) { return std::get<std::string>(value); }
std::int64_t integer_of(const Value& value) { return std::get<std::int64_t>(value); }

Actor actor_of(const SessionState& session) {
  return {.process_id = session.process_id,
          .user = session.user,
          .application_name = std::string(session.settings.application_name()),
          .client = session.client_address.empty()
                        ? std::string("[local]")
                        : runtime::format("{}:{}", session.client_address, session.client_port)};
}

// What signalling functions answer of a process; there is a warning if there is none.
runtime::Result<Value> of_process(CallContext& context, std::int64_t pid,
                                  const runtime::Result<bool>& done) {
  if (!done) return done.error();
  if (!*done) {
    context.session.notices.push_back(
        {wire::Severity::kWarning,
         {.kind = &runtime::kInternal,
          .what = runtime::format("PID {} is not a PostgreSQL server process", pid)}});
  }
  return flag(*done);
}

runtime::Result<Value> reload(CallContext& context, Arguments) {
  TRY(context.verbs->reload(actor_of(context.session)));
  return flag(true);
}

runtime::Result<Value> terminate(CallContext& context, Arguments a) {
  const std::int64_t pid = integer_of(a[0]);
  return of_process(
      context, pid,
      context.verbs->terminate(actor_of(context.session), static_cast<std::uint32_t>(pid)));
}

runtime::Result<Value> cancel(CallContext& context, Arguments a) {
  const std::int64_t pid = integer_of(a[0]);
  return of_process(
      context, pid,
      context.verbs->cancel(actor_of(context.session), static_cast<std::uint32_t>(pid)));
}

runtime::Result<Value> log_memory(CallContext& context, Arguments a) {
  const std::int64_t pid = integer_of(a[0]);
  return of_process(context, pid,
                    context.verbs->log_memory_contexts(actor_of(context.session),
                                                       static_cast<std::uint32_t>(pid)));
}

runtime::Result<Value> drop_slot(CallContext& context, Arguments a) {
  TRY(context.verbs->drop_slot(actor_of(context.session), text_of(a[0])));
  return text("");
}

bool is_true(Arguments a, std::size_t index) {
  return a.size() > index && !is_null(a[index]) && integer_of(a[index]) != 0;
}

// The row of pg_create_physical_replication_slot as record_out writes it.
runtime::Result<Value> create_slot(CallContext& context, Arguments a) {
  if (is_null(a[0])) return null();
  const CreatedSlot slot = TRY(context.verbs->create_slot(actor_of(context.session), text_of(a[0]),
                                                          is_true(a, 1), is_true(a, 2)));
  return text(runtime::format("({},{})", slot.name,
                              slot.restart_lsn.valid() ? wal::to_string(slot.restart_lsn) : ""));
}

runtime::Result<Value> pause(CallContext& context, Arguments a) {
  return Value(TRY(context.verbs->pause(actor_of(context.session), text_of(a[0]))));
}
runtime::Result<Value> resume(CallContext& context, Arguments a) {
  return Value(TRY(context.verbs->resume(actor_of(context.session), text_of(a[0]))));
}

runtime::Result<Value> switch_upstream(CallContext& context, Arguments a) {
  TRY(context.verbs->switch_upstream(actor_of(context.session), text_of(a[0])));
  return flag(true);
}

}  // namespace

std::vector<Function> verb_functions() {
  constexpr Type kB = Type::kBool;
  constexpr Type kT = Type::kText;
  std::vector<Function> functions{
      {"pg_reload_conf", {}, kB, reload},
      {"pg_terminate_backend", {Type::kInt4, Type::kInt8}, kB, terminate, 1},
      {"pg_cancel_backend", {Type::kInt4}, kB, cancel},
      {"pg_log_backend_memory_contexts", {Type::kInt4}, kB, log_memory},
      {"pg_create_physical_replication_slot",
       {Type::kName, kB, kB},
       Type::kRecord,
       create_slot,
       2,
       false},
      {"pg_drop_replication_slot", {Type::kName}, Type::kVoid, drop_slot},
      {"walcast_pause", {kT}, Type::kInt8, pause},
      {"walcast_resume", {kT}, Type::kInt8, resume},
      {"walcast_switch_upstream", {kT}, kB, switch_upstream},
  };
  for (Function& function : functions) function.verb = true;
  return functions;
}

}  // namespace server::console
