#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "memctx/context.h"
#include "runtime/clock.h"
#include "runtime/counters.h"
#include "runtime/loop.h"
#include "runtime/pool.h"
#include "runtime/tcp_timeouts.h"
#include "runtime/tls_context.h"
#include "server/auth/access_policy.h"
#include "server/session/admissions.h"
#include "server/session/cancel_keys.h"
#include "server/session/handshake_queue.h"
#include "server/session/pauses.h"
#include "server/session/stranger_log.h"
#include "server/settings/settings.h"
#include "server/slot/slots.h"
#include "server/source/quorum.h"
#include "server/source/xmin_horizon.h"
#include "server/stream/memory_budget.h"
#include "server/stream/send_delay.h"
#include "server/stream/send_queue.h"
#include "server/stream/sender.h"
#include "server/stream/wal_view.h"

namespace server::console {
class ConsoleThread;
}

namespace server::session {

// What the sessions of one worker share, and each part of a session borrows.
//   Owner: the worker, which outlives its sessions.  Thread: the worker's loop's.
struct SessionEnvironment {
  struct Options {
    // What the log has beside what goes wrong.
    struct Logged {
      bool connections = false;
      bool disconnections = false;
      bool replication_commands = false;
    };
    stream::Sender::Options sender;
    runtime::Duration authentication_timeout = std::chrono::minutes(1);
    runtime::Duration close_timeout = std::chrono::seconds(10);
    runtime::Duration idle_session_timeout{};  // 0: clients may idle
    runtime::TcpTimeouts tcp;
    runtime::Duration client_read_timeout{};   // 0: clients may take their time
    runtime::Duration client_write_timeout{};  // too
    std::int64_t max_wal_senders = 0;
    std::int64_t max_console_connections = 100;
    bool slot_owner_check = true;  // of clients that have proven their names
    stream::SendDelay send_delay;
    Logged logged = {};
  };

  runtime::Loop& loop;
  stream::WalView& view;
  stream::SendQueue& send_queue;
  std::shared_ptr<const settings::Settings> settings;  // replaced by a reload, as policy is
  std::shared_ptr<const auth::AccessPolicy> policy;
  std::shared_ptr<const runtime::TlsContext> tls = nullptr;  // null: ssl is off; replaced too
  std::span<const std::string_view> reported_settings;
  runtime::Gauge& wal_senders;  // of the whole server
  // Null: normal connections are refused. It outlives the sessions.
  console::ConsoleThread* console = nullptr;
  runtime::Gauge* console_clients = nullptr;  // with a console; of the whole server too
  const Pauses* pauses = nullptr;             // too; null: no standby is paused
  CancelKeys& cancel_keys;  // of the whole server too, as all down to the pool are
  Admissions& admissions;
  source::XminHorizon& xmin_horizon;
  source::Quorum& quorum;
  slot::Slots& slots;
  runtime::Pool& pool;
  HandshakeQueue& handshakes;
  CancelKeys::Target& worker;
  StrangerLog& strangers;
  stream::MemoryBudget& memory;
  memctx::Context& worker_context;    // sessions' contexts are its children
  memctx::Context& message_context;   // reset at the start of each message
  std::span<std::byte> input_buffer;  // bytes are received here, at least Input::kReadBytesMax
  const Options& options;             // a reload changes what it refers to
};

}  // namespace server::session
