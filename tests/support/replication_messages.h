#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/wal/lsn.h"

namespace tests {

// What a server says, taken apart in the plainest way, without the server's own encoders.

struct Message {
  char type = 0;
  std::string body;
};

// Cuts the first message off the front of `bytes`; none if it is not whole.
std::optional<Message> take_message(std::string& bytes);
// All of them.
std::vector<Message> take_messages(std::string& bytes);

// The types of messages, such as "TDCZ".
std::string types_of(const std::vector<Message>& messages);

// A field of an ErrorResponse or NoticeResponse: 'S' severity, 'C' SQLSTATE, 'M' text, 'D' detail.
std::string field(const Message& message, char code);

struct XLogData {
  server::wal::Lsn begin;
  server::wal::Lsn wal_end;
  std::int64_t sent_at = 0;
  std::string wal;
};
struct Keepalive {
  server::wal::Lsn wal_end;
  bool reply_requested = false;
};
// The body of a CopyData; none if it is something else.
std::optional<XLogData> xlog_data(const Message& message);
std::optional<Keepalive> keepalive(const Message& message);

// What a client says.
std::string client_message(char type, std::string_view body);
std::string query(std::string_view text);
std::string startup_packet(const std::vector<std::pair<std::string, std::string>>& parameters,
                           std::uint32_t version = 0x00030000);
// The parameters of a walreceiver.
std::vector<std::pair<std::string, std::string>> walreceiver_parameters();
// The body of a standby status update; and it as a CopyData.
std::string status_body(server::wal::Lsn write, server::wal::Lsn flush, server::wal::Lsn apply,
                        bool reply_requested = false);
std::string status(server::wal::Lsn position, bool reply_requested = false);
// Hot standby feedback, in CopyData.
std::string feedback(std::uint32_t xmin);
std::string start_replication(server::wal::Lsn start, std::uint32_t timeline = 1);

std::string_view as_text(std::span<const std::byte> bytes);
std::span<const std::byte> as_bytes(std::string_view text);

}  // namespace tests
