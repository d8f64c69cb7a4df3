// The two ways of a message into a socket, to choose the threshold between them: one sendmsg that
// copies header and WAL, and the header with MSG_MORE followed by sendfile. And what a turn costs
// per standby that gets a new commit.

#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <vector>

#include "runtime/check.h"
#include "runtime/fd.h"
#include "runtime/loop.h"
#include "runtime/pool.h"
#include "runtime/socket.h"
#include "server/stream/connection.h"
#include "server/stream/send_queue.h"
#include "server/stream/sender.h"
#include "server/wal/builder.h"
#include "server/wal/fault_log.h"
#include "server/wal/names.h"
#include "server/wal/segments.h"
#include "server/wal/tail.h"

namespace {

using runtime::IoResult;

constexpr std::size_t kHeaderBytes = server::wire::kXLogDataHeaderBytes;
constexpr std::size_t kFileBytes = 16 << 20;

// Both ends of a TCP connection over loopback, as accepted sockets are set up.
struct TcpPair {
  TcpPair() {
    const runtime::UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    CHECK(::bind(listener.get(), plain, size) == 0 && ::listen(listener.get(), 1) == 0);
    CHECK(::getsockname(listener.get(), plain, &size) == 0);
    peer.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK(::connect(peer.get(), plain, size) == 0);
    ours.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const int on = 1;
    CHECK(::setsockopt(ours.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
  }

  runtime::UniqueFd ours;
  runtime::UniqueFd peer;
};

// Drops what has arrived, without copying it.
void drain(int fd) {
  while (runtime::discard(fd, 1 << 20).status == IoResult::Status::kDone) {
  }
}

// A file of WAL's size in the page cache.
runtime::UniqueFd make_file() {
  char name[] = "/tmp/walcast-bench-XXXXXX";
  runtime::UniqueFd file(::mkstemp(name));
  CHECK(file.valid() && ::unlink(name) == 0);
  const std::vector<char> bytes(kFileBytes, 'w');
  CHECK(::write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  return file;
}

// Sends messages of state.range(0) bytes of WAL over and over; the peer drops them in between, so
// that the socket is never full.
template <typename Send>
void messages(benchmark::State& state, Send send) {
  const TcpPair sockets;
  const auto size = static_cast<std::size_t>(state.range(0));
  std::size_t offset = 0;
  std::size_t unread = 0;
  for (auto _ : state) {
    send(sockets.ours.get(), offset, size);
    offset = (offset + size) % (kFileBytes - size);
    if ((unread += size) < (64 << 10)) continue;
    state.PauseTiming();
    drain(sockets.peer.get());
    unread = 0;
    state.ResumeTiming();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

// The copying path reads the bytes once per loop and not once per standby, so they are there.
void header_and_bytes(benchmark::State& state) {
  std::array<std::byte, kHeaderBytes> header{};
  std::vector<std::byte> bytes(128 << 10);
  messages(state, [&](int fd, std::size_t, std::size_t size) {
    const std::array<iovec, 2> pieces{iovec{header.data(), header.size()},
                                      iovec{bytes.data(), size}};
    CHECK(runtime::send_vector(fd, pieces, /*more=*/false).bytes == header.size() + size);
  });
}

// The same where each standby's bytes are another's: read, then sent.
void header_and_read(benchmark::State& state) {
  const runtime::UniqueFd file = make_file();
  std::array<std::byte, kHeaderBytes> header{};
  std::vector<std::byte> bytes(128 << 10);
  messages(state, [&](int fd, std::size_t offset, std::size_t size) {
    CHECK(::pread(file.get(), bytes.data(), size, static_cast<off_t>(offset)) ==
          static_cast<ssize_t>(size));
    const std::array<iovec, 2> pieces{iovec{header.data(), header.size()},
                                      iovec{bytes.data(), size}};
    CHECK(runtime::send_vector(fd, pieces, /*more=*/false).bytes == header.size() + size);
  });
}

void header_and_sendfile(benchmark::State& state) {
  const runtime::UniqueFd file = make_file();
  std::array<std::byte, kHeaderBytes> header{};
  messages(state, [&](int fd, std::size_t offset, std::size_t size) {
    const iovec piece{header.data(), header.size()};
    CHECK(runtime::send_vector(fd, {&piece, 1}, /*more=*/true).bytes == header.size());
    for (std::size_t done = 0; done < size;) {
      const IoResult sent = runtime::send_file(fd, file.get(), offset + done, size - done);
      CHECK(sent.status == IoResult::Status::kDone);
      done += sent.bytes;
    }
  });
}

void sizes(benchmark::internal::Benchmark* bench) {
  for (std::int64_t size = 512; size <= 128 << 10; size *= 2) bench->Arg(size);
}
BENCHMARK(header_and_bytes)->Apply(sizes);
BENCHMARK(header_and_read)->Apply(sizes);
BENCHMARK(header_and_sendfile)->Apply(sizes);

// A loop with standbys that are caught up, and one segment that grows.
class LiveLoop {
 public:
  explicit LiveLoop(std::int64_t standbys)
      : faults_(identity_),
        directory_(make_directory()),
        segments_(directory_, identity_, faults_),
        loop_(clock_, {}),
        pool_(1),
        view_(loop_, pool_, segments_, {}),
        queue_(loop_, clock_, view_, {}),
        builder_(identity_, server::wal::TimelineId{1}, start_) {
    ::signal(SIGPIPE, SIG_IGN);
    file_.reset(::open(path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    CHECK(file_.valid() && ::ftruncate(file_.get(), identity_.segment_size.bytes()) == 0);
    tail_.subscribe(view_.queue());
    tail_.adopt({server::wal::TimelineHistory(server::wal::TimelineId{1}), {}});
    loop_.set_turn_work(&queue_);
    grow();
    loop_.turn_for_test();
    for (std::int64_t i = 0; i < standbys; ++i) {
      auto& standby = *standbys_.emplace_back(std::make_unique<Standby>(*this));
      standby.sender.start(server::wal::TimelineId{1}, builder_.end());
    }
    // The first commit opens the segment, off the loop.
    grow();
    while (standbys_.back()->sender.sent() != builder_.end()) turn();
  }
  ~LiveLoop() {
    ::unlink(path().c_str());
    ::rmdir(directory_.c_str());
  }

  // One commit, known to the loop's queue. REQUIRES: has_room().
  void grow() {
    const std::vector<std::byte> payload(200);
    builder_.append_noop(payload);
    const auto bytes = builder_.bytes();
    CHECK(::pwrite(file_.get(), bytes.data(), bytes.size(),
                   identity_.segment_size.offset(builder_.begin())) ==
          static_cast<ssize_t>(bytes.size()));
    tail_.publish(builder_.begin(), builder_.end(), clock_.now());
    builder_.clear();
  }
  void turn() { loop_.turn_for_test(); }
  void drain_all() {
    for (const auto& standby : standbys_) drain(standby->sockets.peer.get());
  }
  bool has_room() const {
    return identity_.segment_size.offset(builder_.end()) < identity_.segment_size.bytes() - 4096;
  }

 private:
  struct Standby final : server::stream::Sender::Owner, runtime::Loop::Handler {
    explicit Standby(LiveLoop& of)
        : context("Standby"),
          connection(of.loop_, *this, std::move(sockets.ours), context),
          sender(of.loop_, of.view_, of.queue_, connection, {}, *this) {}
    void on_ready(std::uint32_t) override {}
    void on_stream_over(server::stream::StreamEnd) override {}
    void on_status() override {}
    void take_replies() override {}
    void on_feedback(const server::wire::HotStandbyFeedback&) override {}

    TcpPair sockets;
    memctx::Context context;
    server::stream::Connection connection;
    server::stream::Sender sender;
  };

  static std::string make_directory() {
    char name[] = "/tmp/walcast-bench-XXXXXX";
    CHECK(::mkdtemp(name) != nullptr);
    return name;
  }
  std::string path() const {
    return directory_ + "/" +
           server::wal::segment_name(server::wal::TimelineId{1}, server::wal::SegmentNo{1},
                                     identity_.segment_size);
  }

  const server::wal::Identity identity_{.system_identifier = 1,
                                        .segment_size = server::wal::SegmentSize(1u << 30),
                                        .page_magic = 0xD110};
  const server::wal::Lsn start_ = identity_.segment_size.start(server::wal::SegmentNo{1});
  runtime::SystemClock clock_;
  server::wal::FaultLog faults_;
  const std::string directory_;
  server::wal::WalTail tail_;
  server::wal::Segments segments_;
  runtime::Loop loop_;
  runtime::Pool pool_;
  server::stream::WalView view_;
  server::stream::SendQueue queue_;
  server::wal::WalBuilder builder_;
  runtime::UniqueFd file_;
  std::vector<std::unique_ptr<Standby>> standbys_;
};

// Items are standbys that got a commit: one turn serves all of them.
void commit_to_live_standbys(benchmark::State& state) {
  LiveLoop live(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    live.drain_all();
    CHECK(live.has_room());
    live.grow();
    state.ResumeTiming();
    live.turn();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(commit_to_live_standbys)->Arg(1)->Arg(16)->Arg(128);

}  // namespace
