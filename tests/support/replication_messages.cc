#include "tests/support/replication_messages.h"

#include <cstring>

#include "server/wire/codec.h"

namespace tests {

using server::wal::Lsn;

namespace {

template <typename T>
T integer(std::string_view bytes, std::size_t at) {
  return server::wire::load_big_endian<T>(as_bytes(bytes).subspan(at).data());
}

template <typename T>
std::string encoded(T value) {
  std::string bytes(sizeof(T), '\0');
  server::wire::store_big_endian(reinterpret_cast<std::byte*>(bytes.data()), value);
  return bytes;
}

}  // namespace

std::optional<Message> take_message(std::string& bytes) {
  if (bytes.size() < 5) return std::nullopt;
  const auto length = integer<std::uint32_t>(bytes, 1);
  if (bytes.size() < 1 + std::size_t{length}) return std::nullopt;
  Message message{bytes[0], bytes.substr(5, length - 4)};
  bytes.erase(0, 1 + std::size_t{length});
  return message;
}

std::vector<Message> take_messages(std::string& bytes) {
  std::vector<Message> messages;
  while (auto message = take_message(bytes)) messages.push_back(std::move(*message));
  return messages;
}

std::string types_of(const std::vector<Message>& messages) {
  std::string types;
  for (const Message& message : messages) types += message.type;
  return types;
}

std::string field(const Message& message, char code) {
  for (std::size_t at = 0; at + 1 < message.body.size();) {
    const char* text = message.body.data() + at + 1;
    if (message.body[at] == code) return text;
    at += 2 + std::strlen(text);
  }
  return {};
}

std::optional<XLogData> xlog_data(const Message& message) {
  if (message.type != 'd' || message.body.size() < 25 || message.body[0] != 'w') {
    return std::nullopt;
  }
  return XLogData{
      Lsn(integer<std::uint64_t>(message.body, 1)), Lsn(integer<std::uint64_t>(message.body, 9)),
      static_cast<std::int64_t>(integer<std::uint64_t>(message.body, 17)), message.body.substr(25)};
}

std::optional<Keepalive> keepalive(const Message& message) {
  if (message.type != 'd' || message.body.size() != 18 || message.body[0] != 'k') {
    return std::nullopt;
  }
  return Keepalive{Lsn(integer<std::uint64_t>(message.body, 1)), message.body[17] != 0};
}

std::string client_message(char type, std::string_view body) {
  return type + encoded(static_cast<std::uint32_t>(body.size() + 4)) + std::string(body);
}

std::string query(std::string_view text) { return client_message('Q', std::string(text) + '\0'); }

std::string startup_packet(const std::vector<std::pair<std::string, std::string>>& parameters,
                           std::uint32_t version) {
  std::string body = encoded(version);
  for (const auto& [name, value] : parameters) body += name + '\0' + value + '\0';
  body += '\0';
  return encoded(static_cast<std::uint32_t>(body.size() + 4)) + body;
}

std::vector<std::pair<std::string, std::string>> walreceiver_parameters() {
  return {{"user", "postgres"},
          {"database", "replication"},
          {"replication", "true"},
          {"application_name", "walreceiver"}};
}

std::string status_body(Lsn write, Lsn flush, Lsn apply, bool reply_requested) {
  return 'r' + encoded(write.value()) + encoded(flush.value()) + encoded(apply.value()) +
         encoded(std::uint64_t{1}) + (reply_requested ? '\1' : '\0');
}

std::string status(Lsn position, bool reply_requested) {
  return client_message('d', status_body(position, position, position, reply_requested));
}

std::string feedback(std::uint32_t xmin) {
  const std::string none = encoded(std::uint32_t{0});
  return client_message('d', 'h' + encoded(std::uint64_t{1}) + encoded(xmin) + none + none + none);
}

std::string start_replication(Lsn start, std::uint32_t timeline) {
  return query(runtime::format("START_REPLICATION {} TIMELINE {}", start, timeline));
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace tests
