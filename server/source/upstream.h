#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/arrival.h"
#include "runtime/clock.h"
#include "runtime/doorbell.h"
#include "runtime/published.h"
#include "runtime/result.h"
#include "server/source/errors.h"
#include "server/source/host_connector.h"
#include "server/source/host_round.h"
#include "server/source/interruptible_wait.h"
#include "server/source/stream_facts.h"
#include "server/wal/cluster_facts.h"
#include "server/wal/identity.h"
#include "server/wal/timeline.h"
#include "server/wire/replication.h"

struct pg_conn;
struct pg_result;

namespace server::source {

// What a server says of itself.
struct PrimaryInfo {
  wal::Identity identity;  // the page magic by the server's version
  wal::TimelineId timeline{};
  wal::Lsn end;  // of its WAL
};

// Where WAL goes on when a timeline has ended.
struct NextTimeline {
  wal::TimelineId timeline{};
  wal::Lsn begin;
};

// One replication connection to a primary, or to a server that speaks as one (libpqwalreceiver.c).
// All talk with a server is by this class; host_connector.h makes the connection.
//   Owner: Receiver.  Thread: the owner's. Calls wait for the server, and return
//   wire::kQueryCanceled as soon as another thread has set `stop` and rung the doorbell.
//   Errors: kUpstreamLost with libpq's words, kUpstreamRefused with the server's.
//   Borrows: the clock, the doorbell and `stop`.
class Upstream {
 public:
  struct Options {
    std::string conninfo;
    runtime::Duration timeout{};  // wal_receiver_timeout: silence that ends it; 0: none does
  };

  Upstream(Options options, const runtime::Clock& clock, runtime::Doorbell& doorbell,
           const runtime::Published<bool>& stop);
  ~Upstream();
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;

  // The addresses of a host, each as a host of its own.
  runtime::Result<std::vector<Host>> addresses_of(const Host& host, runtime::Duration at_most) {
    return connector_.addresses_of(host, at_most);
  }
  // One attempt, which may take `at_most`; zero: there is no limit. The connection that there was
  // is closed.
  runtime::Result<void> connect(const Conninfo& conninfo, const HostRound::Attempt& attempt,
                                runtime::Duration at_most);
  void disconnect();
  bool is_connected() const { return connection_ != nullptr; }
  // "host=... port=...", of the server that is connected, and its address if it has a name.
  std::string server() const;
  // The same, as pg_stat_wal_receiver has it: sender_host and sender_port.
  Place place() const;

  // IDENTIFY_SYSTEM and what else identifies WAL. This and the next REQUIRE a connection that does
  // not stream.
  runtime::Result<PrimaryInfo> identify();
  // What the server says of its cluster; what it does not know is missing.
  runtime::Result<wal::ClusterFacts> cluster_facts();
  runtime::Result<std::string> history_file(wal::TimelineId timeline);
  // A slot that is there already is as good.
  runtime::Result<void> create_slot(const std::string& name);
  // From where on a slot keeps WAL; invalid: it keeps none. kNoSlot if there is no such slot.
  // Servers before PostgreSQL 15 do not say.
  runtime::Result<wal::Lsn> slot_restart_lsn(const std::string& name);
  // The slot may be empty. If the timeline has nothing from `start` on, the answer is where WAL
  // goes on, and no stream begins.
  runtime::Result<std::optional<NextTimeline>> start_streaming(const std::string& slot,
                                                               wal::Lsn start,
                                                               wal::TimelineId timeline);

  struct Received {
    std::optional<wire::PrimaryMessage> message = {};  // valid until the next call
    bool stream_ended = false;
  };
  // When the bytes came that were read last, as far as the kernel says. Messages that receive()
  // returns without reading came with them.
  runtime::Instant arrived() const { return arrived_; }
  // What has come, without waiting: nothing, a message, or the end of the stream. The socket is
  // read once after each wait() that has found it readable.
  runtime::Result<Received> receive();
  // Waits for more, for the doorbell, or until `at_most` has passed. The doorbell is answered then.
  runtime::Result<void> wait(runtime::Duration at_most);
  // The same, whether there is a connection or not; what comes on it is not waited for.
  runtime::Result<void> pause(runtime::Duration at_most);
  // The body of a CopyData.
  runtime::Result<void> send(std::span<const std::byte> body);
  // After the stream has ended: the timeline that follows, if the server names one.
  runtime::Result<std::optional<NextTimeline>> finish_streaming();

  // REQUIRES: a connection.
  int socket() const;

 private:
  struct ResultDeleter {
    void operator()(pg_result* result) const;
  };
  using QueryResult = std::unique_ptr<pg_result, ResultDeleter>;
  struct FreeMemory {
    void operator()(char* memory) const;
  };

  bool hides_input() const;
  bool consume_input();
  runtime::Instant give_up_time() const;
  runtime::Result<void> flush();
  runtime::Result<QueryResult> next_result();
  runtime::Result<QueryResult> query(const std::string& text);
  runtime::Result<std::string> show(const std::string& setting);
  runtime::Result<std::optional<NextTimeline>> next_timeline(const pg_result* result) const;
  runtime::Fail lost(std::string what) const;
  runtime::Fail refused(const pg_result* result) const;

  const Options options_;
  const runtime::Clock& clock_;
  const InterruptibleWait wait_;
  HostConnector connector_;
  pg_conn* connection_ = nullptr;
  runtime::ArrivalClock arrivals_;
  runtime::Instant arrived_{};
  bool readable_ = false;  // the socket may have more since receive() has read it last
  std::unique_ptr<char, FreeMemory> message_;
};

}  // namespace server::source
