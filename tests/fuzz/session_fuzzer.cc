// Whole sessions of one loop: what several clients send, and what else happens meanwhile.
//   input: steps, each a byte and what it needs. Of the byte, 4 bits are the kind and 2 the client;
//   one has the pool do its jobs behind the step, and one is the step's own.

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/check.h"
#include "runtime/log.h"
#include "server/session/session.h"
#include "server/wal/fault_log.h"
#include "server/wal/segments.h"
#include "server/wal/tail.h"
#include "tests/fuzz/input.h"
#include "tests/support/replication_messages.h"
#include "tests/support/socket_pair.h"
#include "tests/support/temp_dir.h"
#include "tests/wal/growing_wal.h"

namespace {

using namespace server;  // NOLINT: it is about all of it
using wal::Lsn;
using wal::TimelineId;

constexpr std::size_t kClientsMax = 4;
constexpr std::size_t kSendBytesMax = 4096;
constexpr std::size_t kMemoryMax = 256 * 1024;
constexpr std::uint64_t kWalBytes = 1'500'000;  // of two segments

// WAL that all inputs are served, and that grows for each from its beginning.
tests::GrowingWal& archive() {
  struct Archive : tests::GrowingWal {
    Archive() : GrowingWal(/*segment_mb=*/1) { grow(kWalBytes); }
  };
  static Archive archive;
  return archive;
}

// A loop with its sessions, in a thread of the test's, and all that they share.
class World final : private session::CancelKeys::Target, private session::Session::Owner {
 public:
  World() {
    settings::add_source_settings(archive().identity, settings_);
    settings_.set("wal_sender_timeout", "10s", "");
    environment_.settings = std::make_shared<const settings::Settings>(settings_);
    options_.sender.timeout = std::chrono::seconds(10);
    options_.sender.copy_bytes_max = 4096;
    options_.max_wal_senders = 3;
    loop_.set_turn_work(&send_queue_);
    tail_.subscribe(view_.queue());
    tail_.adopt({wal::TimelineHistory(TimelineId{1}), {}});
    publish(archive().records.at(50).end);
    loop_.turn_for_test();
  }

  // All sessions end, whatever they were in, and leave nothing behind.
  ~World() override {
    for (Client& client : clients_) client.socket.reset();
    for (Client& client : clients_) {
      if (client.session != nullptr) client.session->cut();
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (sessions_ > 0) {
      settle();
      CHECK(std::chrono::steady_clock::now() < deadline);
    }
    loop_.turn_for_test();
    CHECK(wal_senders_.get() == 0);
    others_keep(0);
    CHECK(memory_.used() == 0);
    for (const slot::SlotInfo& slot : slots_.all()) {
      CHECK(slot.active_pid == 0 && slot.persistence == slot::Persistence::kPersistent);
      horizon_.report_slot(slot.name, {});
    }
    CHECK(horizon_.oldest(clock_.now(), {}) == wal::Xmin{});
  }

  void step(tests::FuzzInput& input);

 private:
  struct Client {
    runtime::UniqueFd socket;
    session::Session* session = nullptr;
  };

  void post_cancel(std::uint32_t id) override {
    for (Client& client : clients_) {
      if (client.session != nullptr && client.session->process_id() == id) client.session->cancel();
    }
  }
  void post_terminate(std::uint32_t id) override {
    loop_.mailbox().post([this, id] {
      for (Client& client : clients_) {
        if (client.session != nullptr && client.session->process_id() == id) {
          client.session->terminate();
        }
      }
    });
  }
  void on_session_over(session::Session& session) override {
    for (Client& client : clients_) {
      if (client.session == &session) client.session = nullptr;
    }
    --sessions_;
    loop_.retire(std::unique_ptr<runtime::Loop::Retired>(&session));
  }

  void connect(Client& client, bool too_many) {
    if (client.session != nullptr) return;
    tests::SocketPair sockets(/*send_buffer_bytes=*/16'384);
    client.socket = std::move(sockets.peer);
    ++sessions_;
    client.session = new session::Session(environment_, *this,
                                          {.fd = std::move(sockets.ours),
                                           .peer = {},
                                           .process_id = process_ids_.take(),
                                           .too_many = too_many});
  }
  static void send(const Client& client, std::string_view bytes) {
    if (client.socket) ::send(client.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  static void read(const Client& client) {
    std::string heard;
    if (client.socket) tests::receive_into(heard, client.socket.get());
  }
  // Of the memory for clients.
  void others_keep(std::size_t bytes) {
    memory_.change(std::exchange(others_bytes_, bytes), bytes);
  }
  void publish(Lsn end) {
    tail_.publish(std::max(tail_.position(), archive().begin()), end, clock_.now());
  }
  void grow(std::size_t records) {
    const auto& all = archive().records;
    const auto next = std::find_if(all.begin(), all.end(), [this](const wal::RecordSpan& record) {
      return record.end > tail_.position();
    });
    if (next == all.end()) return;
    const auto left = static_cast<std::size_t>(all.end() - next);
    publish((next + static_cast<std::ptrdiff_t>(std::min(records, left - 1)))->end);
  }
  // A turn, and the pool's jobs get some time.
  void settle() {
    pollfd rung{.fd = loop_.doorbell().fd(), .events = POLLIN, .revents = 0};
    if (loop_.doorbell().prepare_to_sleep()) ::poll(&rung, 1, /*timeout_ms=*/1);
    loop_.turn_for_test();
  }
  Lsn position(tests::FuzzInput& input) {
    const auto offset = input.integer<std::uint32_t>();
    return offset == 0xFFFFFFFF ? Lsn::max() : archive().begin() + offset % (2 * kWalBytes);
  }
  std::string command(tests::FuzzInput& input);
  std::string feedback(tests::FuzzInput& input);
  void disturb(Client& client, tests::FuzzInput& input);

  runtime::FakeClock clock_;
  wal::WalTail tail_;
  wal::FaultLog faults_{archive().identity};
  wal::Segments segments_{archive().directory.path(), archive().identity, faults_, clock_};
  runtime::Loop loop_{clock_, {}};
  runtime::Gauge wal_senders_;
  session::CancelKeys cancel_keys_;
  session::Admissions admissions_{{}};
  session::ProcessIds process_ids_{6};
  session::StrangerLog strangers_{loop_};
  stream::MemoryBudget memory_{kMemoryMax};
  source::XminHorizon horizon_;
  source::Quorum quorum_{*source::parse_ack_policy("any 1 (*)")};
  tests::TempDir slot_directory_{tests::memory_directory()};
  slot::Slots slots_{
      {.directory = slot_directory_.path(),
       .slots_max = 4,
       .terminate =
           [this](std::int32_t pid) { cancel_keys_.terminate(static_cast<std::uint32_t>(pid)); },
       .xmin_changed = [this](std::string_view name,
                              wal::Xmin xmin) { horizon_.report_slot(name, xmin); }}};
  runtime::Pool pool_{1};
  session::HandshakeQueue handshakes_{loop_, pool_, memory_};
  stream::WalView view_{loop_, pool_, segments_, {.segments_max = 1, .held_max = 0}};
  stream::SendQueue send_queue_{loop_, clock_, view_, {}};
  settings::Settings settings_;
  memctx::Context context_{"Worker"};
  std::vector<std::byte> input_buffer_ = std::vector<std::byte>(session::Input::kReadBytesMax);
  session::SessionEnvironment::Options options_;
  session::SessionEnvironment environment_{.loop = loop_,
                                           .view = view_,
                                           .send_queue = send_queue_,
                                           .settings = {},
                                           .policy = server::auth::AccessPolicy::open(),
                                           .reported_settings = {},
                                           .wal_senders = wal_senders_,
                                           .cancel_keys = cancel_keys_,
                                           .admissions = admissions_,
                                           .xmin_horizon = horizon_,
                                           .quorum = quorum_,
                                           .slots = slots_,
                                           .pool = pool_,
                                           .handshakes = handshakes_,
                                           .worker = *this,
                                           .strangers = strangers_,
                                           .memory = memory_,
                                           .worker_context = context_,
                                           .message_context = context_.create_child("Message"),
                                           .input_buffer = input_buffer_,
                                           .options = options_};
  std::array<Client, kClientsMax> clients_;
  std::size_t sessions_ = 0;
  std::size_t others_bytes_ = 0;
};

std::string World::command(tests::FuzzInput& input) {
  const auto kind = input.integer<std::uint8_t>();
  const std::string slot(1, static_cast<char>('a' + (kind >> 4) % 3));
  switch (kind % 11) {
    case 0:
      return "IDENTIFY_SYSTEM";
    case 1:
      return "CREATE_REPLICATION_SLOT " + slot + " PHYSICAL RESERVE_WAL";
    case 2:
      return "CREATE_REPLICATION_SLOT " + slot + " TEMPORARY PHYSICAL";
    case 3:
      return "DROP_REPLICATION_SLOT " + slot;
    case 4:
      return "DROP_REPLICATION_SLOT " + slot + " WAIT";
    case 5:
      return "READ_REPLICATION_SLOT " + slot;
    case 6:
      return "START_REPLICATION SLOT " + slot + " " + to_string(position(input));
    case 7:
      return "START_REPLICATION " + to_string(position(input)) + " TIMELINE 1";
    case 8:
      return "SHOW wal_sender_timeout";
    case 9:
      return "TIMELINE_HISTORY 1";
    default:
      return tests::text_of(input.take(input.integer<std::uint8_t>()));
  }
}

std::string World::feedback(tests::FuzzInput& input) {
  wire::HotStandbyFeedback said{};
  said.xmin = input.integer<std::uint32_t>();
  said.xmin_epoch = input.integer<std::uint8_t>();
  said.catalog_xmin = input.integer<std::uint32_t>();
  said.catalog_xmin_epoch = input.integer<std::uint8_t>();
  return tests::client_message('d', tests::as_text(wire::encode_hot_standby_feedback(said)));
}

// What the server does, or what happens to it.
void World::disturb(Client& client, tests::FuzzInput& input) {
  const auto kind = input.integer<std::uint8_t>();
  switch (kind % 11) {
    case 0:
      return clock_.advance(std::chrono::milliseconds(input.integer<std::uint16_t>()));
    case 1:
      return view_.forget(wal::SegmentNo{1u + (kind >> 4) % 2});
    case 2:
      tail_.promise(position(input));
      return tail_.announce(clock_.now());
    case 3:
      tail_.hold_from(position(input));
      return tail_.announce(clock_.now());
    case 4:
      tail_.show_xid(
          {.id = input.integer<std::uint32_t>(), .epoch = input.integer<std::uint8_t>()});
      return tail_.announce(clock_.now());
    case 5:
      return static_cast<void>(slots_.invalidate_before(position(input)));
    case 6:
      return client.session != nullptr ? client.session->terminate() : void();
    case 7:
      return client.session != nullptr ? client.session->shut_down() : void();
    case 8:
      return client.session != nullptr ? client.session->on_reload() : void();
    case 9:
      return others_keep(kind >= 0x80 ? kMemoryMax : 0);
    default:
      return client.session != nullptr ? client.session->cancel() : void();
  }
}

void World::step(tests::FuzzInput& input) {
  const auto kind = input.integer<std::uint8_t>();
  Client& client = clients_.at((kind >> 4) % kClientsMax);
  switch (kind & 0x0F) {
    case 0:
      connect(client, /*too_many=*/false);
      send(client, tests::startup_packet(tests::walreceiver_parameters()));
      break;
    case 1:
      connect(client, (kind & 0x80) != 0);
      break;
    case 2:
      send(client, tests::text_of(input.take(input.integer<std::uint8_t>())));
      break;
    case 3:
    case 4:
      send(client, tests::query(command(input)));
      break;
    case 5:
      send(client, tests::status(position(input), (kind & 0x80) != 0));
      break;
    case 6:
      send(client, feedback(input));
      break;
    case 7:
      send(client, tests::client_message("cXSfHdPF"[input.integer<std::uint8_t>() % 8], ""));
      break;
    case 8:
      client.socket.reset();
      break;
    case 9:
      if (client.socket) ::shutdown(client.socket.get(), SHUT_WR);
      break;
    case 10:
      read(client);
      break;
    case 11:
      grow(input.integer<std::uint8_t>() % 64);
      break;
    case 12:
      disturb(client, input);
      break;
    default:  // a message of any length, of which this is the beginning
      send(client, std::string(1, static_cast<char>(input.integer<std::uint8_t>())) +
                       std::string("\0\2", 2) + std::string(kSendBytesMax, 'x'));
      break;
  }
  (kind & 0x40) != 0 ? settle() : loop_.turn_for_test();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ::signal(SIGPIPE, SIG_IGN);
  runtime::log::set_level(runtime::log::Level::kFatal);
  tests::FuzzInput input(data, size);
  World world;
  for (int steps = 0; steps < 200 && !input.empty(); ++steps) world.step(input);
  return 0;
}
