#include "tests/stress/fleet.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/wal/names.h"

namespace tests {

using server::wal::Lsn;

WalFiles::Verdict WalFiles::compare(Lsn begin, std::string_view wal) {
  while (!wal.empty()) {
    const auto room = segment_size_.end(segment_size_.segment_of(begin)) - begin;
    const auto part = wal.substr(0, room);
    const Verdict verdict = compare_part(begin, part);
    if (verdict != Verdict::kSame) return verdict;
    wal.remove_prefix(part.size());
    begin += part.size();
  }
  return Verdict::kSame;
}

WalFiles::Verdict WalFiles::compare_part(Lsn begin, std::string_view wal) {
  const auto no = segment_size_.segment_of(begin);
  if (!file_ || no != open_) open(no);
  if (!file_) return Verdict::kUnknown;
  buffer_.resize(wal.size());
  const auto got = ::pread(file_.get(), buffer_.data(), wal.size(), segment_size_.offset(begin));
  const bool same = got == static_cast<ssize_t>(wal.size()) && buffer_ == wal;
  return same ? Verdict::kSame : Verdict::kOther;
}

void WalFiles::open(server::wal::SegmentNo no) {
  const auto name = server::wal::segment_name(server::wal::TimelineId{1}, no, segment_size_);
  open_ = no;
  file_.reset();
  for (const std::string& directory : directories_) {
    if (!file_) file_.reset(::open((directory + "/" + name).c_str(), O_RDONLY | O_CLOEXEC));
  }
}

void FleetTally::operator+=(const FleetTally& other) {
  connections += other.connections;
  messages += other.messages;
  bytes += other.bytes;
  unknown += other.unknown;
  wrong += other.wrong;
  if (first_wrong.empty()) first_wrong = other.first_wrong;
}

struct Fleet::Client {
  runtime::UniqueFd fd;
  std::string received;
  std::size_t appetite = 0;  // the most it reads at a time
  Lsn asked;                 // where the stream begins that was asked for last
  Lsn expected;              // where the next WAL begins
  bool streaming = false;
};

Fleet::Fleet(const Options& options, WalFiles files)
    : options_(options), files_(std::move(files)), random_(options.seed) {
  for (std::size_t i = 0; i < options.clients; ++i) {
    connect(*clients_.emplace_back(std::make_unique<Client>()));
  }
}

Fleet::~Fleet() = default;

void Fleet::connect(Client& client) {
  client = {};
  client.fd.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  CHECK(client.fd.valid());
  if (random_() % 3 == 0) {
    const int little = 4096;
    CHECK(::setsockopt(client.fd.get(), SOL_SOCKET, SO_RCVBUF, &little, sizeof(little)) == 0);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(client.fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
      0) {
    client.fd.reset();
    return;
  }
  client.appetite = random_() % 4 == 0 ? 100 + random_() % 2000 : 1 << 15;
  const bool from_the_end = random_() % 2 == 0;
  const std::uint64_t behind = from_the_end ? 0 : random_() % options_.range;
  client.asked = Lsn(options_.end().value() - behind);
  std::string hello = startup_packet(walreceiver_parameters()) + query("IDENTIFY_SYSTEM") +
                      start_replication(client.asked);
  if (random_() % 5 == 0) hello.resize(1 + random_() % hello.size());
  ::send(client.fd.get(), hello.data(), hello.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ++tally_.connections;
}

void Fleet::step() {
  wait_for_input();
  for (const auto& client : clients_) {
    if (!client->fd || !read(*client, client->appetite)) {
      connect(*client);
      continue;
    }
    const auto draw = random_() % 400;
    if (draw == 0) {
      connect(*client);
    } else if (draw < 40 && client->streaming) {
      const std::string reply = status(client->expected, /*reply_requested=*/draw % 4 == 0);
      ::send(client->fd.get(), reply.data(), reply.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    } else if (draw < 42 && client->streaming) {
      client->asked = client->expected;
      client->streaming = false;
      const std::string again =
          client_message('c', "") + start_replication(client->asked) + status(client->asked);
      ::send(client->fd.get(), again.data(), again.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  }
}

void Fleet::finish() {
  for (const auto& client : clients_) {
    while (client->fd) {
      pollfd readable{.fd = client->fd.get(), .events = POLLIN, .revents = 0};
      if (::poll(&readable, 1, /*timeout_ms=*/60'000) <= 0) {
        wrong("the server has stopped and left a connection open");
        break;
      }
      if (!read(*client, 1 << 18)) client->fd.reset();
    }
  }
}

// Waits for a moment, so that clients that have nothing to do leave the processors to the server.
void Fleet::wait_for_input() const {
  std::vector<pollfd> sockets;
  for (const auto& client : clients_) {
    if (client->fd) sockets.push_back({.fd = client->fd.get(), .events = POLLIN, .revents = 0});
  }
  ::poll(sockets.data(), sockets.size(), /*timeout_ms=*/2);
}

bool Fleet::read(Client& client, std::size_t bytes_max) {
  char buffer[1 << 18];
  const ssize_t got =
      ::recv(client.fd.get(), buffer, std::min(bytes_max, sizeof(buffer)), MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return true;
  if (got <= 0) return false;
  client.received.append(buffer, static_cast<std::size_t>(got));
  for (const Message& message : take_messages(client.received)) take(client, message);
  return true;
}

void Fleet::take(Client& client, const Message& message) {
  if (const auto data = xlog_data(message)) {
    if (data->begin != client.expected) {
      wrong(runtime::format("{} comes where {} is expected", data->begin, client.expected));
    }
    const auto verdict = files_.compare(data->begin, data->wal);
    if (verdict == WalFiles::Verdict::kUnknown) ++tally_.unknown;
    if (verdict == WalFiles::Verdict::kOther) {
      wrong(runtime::format("{} bytes at {} are not those of the file", data->wal.size(),
                            data->begin));
    }
    ++tally_.messages;
    tally_.bytes += data->wal.size();
    client.expected = data->begin + data->wal.size();
    return;
  }
  if (message.type == 'W') {
    // After a CopyDone the rest of the old stream has come first.
    client.streaming = true;
    client.expected = client.asked;
  }
  if (message.type == 'E') {
    const std::string code = field(message, 'C');
    const std::string text = field(message, 'M');
    // Removed segments, the end of the server, and a loop that has not heard of so much WAL yet.
    const bool expected = code == "58P01" || code == "57P01" ||
                          text.find("is ahead of the WAL flush position") != std::string::npos;
    if (!expected) wrong(code + ": " + text);
  } else if (std::string_view("RSKZTDCWcd").find(message.type) == std::string_view::npos) {
    wrong(runtime::format("a message of type \"{}\"", message.type));
  }
}

void Fleet::wrong(const std::string& what) {
  if (tally_.wrong++ == 0) tally_.first_wrong = what;
}

}  // namespace tests
