#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/session/session_rig.h"
#include "tests/support/backend_messages.h"

namespace tests {

// Numbers and strings as messages of the extended protocol have them.
inline std::string int16(int value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}
inline std::string int32(std::int64_t value) {
  return int16(static_cast<int>(value >> 16)) + int16(static_cast<int>(value));
}
inline std::string text_of(std::string_view text) { return std::string(text) + '\0'; }

inline std::string parse(std::string_view name, std::string_view text,
                         const std::vector<std::int64_t>& types = {}) {
  std::string body = text_of(name) + text_of(text) + int16(static_cast<int>(types.size()));
  for (const std::int64_t type : types) body += int32(type);
  return client_message('P', body);
}
inline std::string bind(std::string_view portal, std::string_view statement,
                        const std::vector<std::optional<std::string>>& values = {},
                        int value_format = 0, int result_format = 0) {
  std::string body = text_of(portal) + text_of(statement) + int16(1) + int16(value_format) +
                     int16(static_cast<int>(values.size()));
  for (const auto& value : values) {
    body +=
        value.has_value() ? int32(static_cast<std::int64_t>(value->size())) + *value : int32(-1);
  }
  return client_message('B', body + int16(1) + int16(result_format));
}
inline std::string describe_message(char kind, std::string_view name) {
  return client_message('D', kind + text_of(name));
}
inline std::string close_message(char kind, std::string_view name) {
  return client_message('C', kind + text_of(name));
}
inline std::string execute(std::string_view portal, int rows_max = 0) {
  return client_message('E', text_of(portal) + int32(rows_max));
}
inline std::string sync() { return client_message('S', ""); }

// A server with a console, and a client of it.
struct ConsoleTest : SessionTest {
  explicit ConsoleTest(TestServer::Options options = {}) : SessionTest(with_console(options)) {}

  static TestServer::Options with_console(TestServer::Options options) {
    options.has_console = true;
    return options;
  }

  struct Client : TestClient {
    explicit Client(const TestServer& server,
                    std::vector<std::pair<std::string, std::string>> parameters = {},
                    int receive_buffer_bytes = 0)
        : TestClient(server.port(), receive_buffer_bytes) {
      parameters.insert(parameters.begin(), {"user", "u"});
      EXPECT_TRUE(send(startup_packet(parameters)));
      for (const Message& message : until('Z')) {
        if (message.type == 'K') key_data = message.body;
      }
      EXPECT_EQ(key_data.size(), 8u);
    }
    // Sends, and returns all up to ReadyForQuery, one line per message.
    std::vector<std::string> answer(std::string_view bytes) {
      EXPECT_TRUE(send(bytes));
      return lines(until('Z'));
    }
    std::vector<std::string> ask(std::string_view text) { return answer(query(text)); }
    static std::vector<std::string> lines(const std::vector<Message>& messages) {
      std::string bytes;
      for (const Message& message : messages) bytes += client_message(message.type, message.body);
      return describe(as_bytes(bytes));
    }
    std::string key_data;  // process id and key
  };

  void request_cancel(const Client& client) const {
    TestClient canceller(server.port());
    canceller.send(std::string("\0\0\0\x10\x04\xd2\x16\x2e", 8) + client.key_data);
    EXPECT_TRUE(canceller.ends());
  }
};

}  // namespace tests
