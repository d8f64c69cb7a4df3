#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "memctx/context.h"
#include "server/stream/connection.h"
#include "server/stream/memory_budget.h"
#include "server/stream/send_queue.h"
#include "server/stream/sender.h"
#include "tests/stream/view_rig.h"
#include "tests/support/replication_messages.h"
#include "tests/support/socket_pair.h"

namespace tests {

// One standby's sender at one end of a socket pair; the test is the standby.
class Standby final : private server::stream::Sender::Owner, private runtime::Loop::Handler {
 public:
  // Without a budget, nothing counts what is kept for the standby.
  Standby(ViewRig& rig, server::stream::SendQueue& queue, server::stream::Sender::Options options,
          int send_buffer_bytes, server::stream::MemoryBudget* budget = nullptr)
      : sockets_(send_buffer_bytes),
        peer_fd(sockets_.peer.get()),
        context("Standby"),
        memory(budget != nullptr ? std::make_unique<server::stream::MemoryShare>(*budget, context)
                                 : nullptr),
        connection(rig.loop, *this, std::move(sockets_.ours), context, memory.get()),
        sender(rig.loop, rig.view, queue, connection, options, *this) {}

  // Takes what the sender has sent by now. Returns whether that was anything.
  bool receive(std::size_t bytes_max = 1 << 20) {
    if (!receive_into(unparsed_, peer_fd, bytes_max)) return false;
    for (Message& message : take_messages(unparsed_)) messages.push_back(std::move(message));
    return true;
  }
  // The WAL of all messages, which must follow each other without a gap.
  std::string wal() const {
    std::string all;
    std::optional<server::wal::Lsn> expected;
    for (const Message& message : messages) {
      const auto data = xlog_data(message);
      if (!data.has_value()) continue;
      EXPECT_EQ(expected.value_or(data->begin), data->begin);
      expected = data->begin + data->wal.size();
      all += data->wal;
    }
    return all;
  }
  // One letter for each message: w and k inside CopyData, the type of others.
  std::string kinds() const {
    std::string kinds;
    for (const Message& message : messages) {
      kinds += message.type == 'd' ? message.body[0] : message.type;
    }
    return kinds;
  }

 private:
  SocketPair sockets_;
  std::string unparsed_;

 public:
  const int peer_fd;
  memctx::Context context;
  const std::unique_ptr<server::stream::MemoryShare> memory;
  server::stream::Connection connection;
  server::stream::Sender sender;
  std::vector<Message> messages;

  // What the owner was told.
  bool ended = false;
  std::optional<server::stream::NextTimeline> next;
  std::optional<runtime::Error> failure;
  std::optional<std::string> lost;
  bool interrupted = false;
  bool drained = false;
  std::string unread;  // a reply that still lies in the socket
  std::optional<server::wire::HotStandbyFeedback> feedback;

 private:
  void on_stream_over(server::stream::StreamEnd end) override {
    if (const auto* both = std::get_if<server::stream::StreamEnded>(&end)) {
      ended = true;
      next = both->next;
    } else if (const auto* failed = std::get_if<server::stream::StreamFailed>(&end)) {
      failure = failed->error;
    } else if (const auto* gone = std::get_if<server::stream::StreamLost>(&end)) {
      lost = gone->why;
    } else if (std::holds_alternative<server::stream::StreamInterrupted>(end)) {
      interrupted = true;
    } else {
      drained = true;
    }
  }
  void on_status() override {}
  void take_replies() override {
    if (unread.empty()) return;
    EXPECT_TRUE(sender.on_copy_data(as_bytes(std::exchange(unread, {}))).has_value());
  }
  void on_feedback(const server::wire::HotStandbyFeedback& said) override { feedback = said; }
  void on_ready(std::uint32_t events) override {
    if ((events & EPOLLOUT) != 0 && sender.active()) sender.on_writable();
  }
};

// A view, a queue, and one standby or several.
struct SenderRig : ViewRig {
  explicit SenderRig(std::uint32_t segment_mb = 1, server::stream::WalView::Options options = {})
      : ViewRig(segment_mb, options), queue(loop, clock, view, {}) {
    ::signal(SIGPIPE, SIG_IGN);  // as the server does: sendfile has no flag for it
    loop.set_turn_work(&queue);
  }
  Standby& add(server::stream::Sender::Options options = {}, int send_buffer_bytes = 0,
               server::stream::MemoryBudget* budget = nullptr) {
    return *standbys.emplace_back(
        std::make_unique<Standby>(*this, queue, options, send_buffer_bytes, budget));
  }
  // Turns, and lets the standby read, until it has WAL up to `end` and the rest of its message.
  bool stream_to(Standby& standby, server::wal::Lsn end) {
    return turn_until([&] {
      while (standby.receive()) {
      }
      if (standby.messages.empty()) return false;
      const auto last = std::find_if(standby.messages.rbegin(), standby.messages.rend(),
                                     [](const Message& m) { return xlog_data(m).has_value(); });
      if (last == standby.messages.rend()) return false;
      const auto data = xlog_data(*last);
      return data->begin + data->wal.size() >= end;
    });
  }

  server::stream::SendQueue queue;
  std::vector<std::unique_ptr<Standby>> standbys;
};

}  // namespace tests
