#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/console/engine.h"
#include "server/settings/encoding.h"
#include "server/wire/message.h"

namespace server::session {

// A RowDescription. `formats` are those of the columns, or none: all are text.
void describe_columns(std::span<const console::ResultColumn> columns,
                      std::span<const console::Format> formats, wire::MessageWriter& out);

// Writes rows for a client. A name that another client has chosen, and that is no text in this
// one's encoding, does not keep it from its answer: what is not ASCII in it becomes '?'.
//   Owner: ConsoleTurns.  Thread: the console's.
class RowWriter {
 public:
  using Values = std::span<const std::optional<std::string_view>>;

  void write(Values values, std::span<const console::Format> formats, settings::Encoding encoding,
             wire::MessageWriter& out);

 private:
  std::vector<std::optional<std::string_view>> row_;
  std::vector<std::string> fitted_;  // values that row_ has in place of the given ones
};

// Says what the session has to be told, if its client_min_messages wants that, and takes it away.
void send_notices(console::SessionState& session, wire::MessageWriter& out);
// The same of settings whose change is reported.
void send_reports(console::SessionState& session, wire::MessageWriter& out);

}  // namespace server::session
