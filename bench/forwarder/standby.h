#pragma once

#include <string_view>

#include "bench/forwarder/dialogue.h"
#include "bench/forwarder/primary.h"
#include "runtime/fd.h"
#include "server/wal/lsn.h"

namespace bench::forwarder {

// A standby that gets what the primary sends, as it came.
//   Owner: Forwarder.  Thread: the only one.
//   Borrows: the primary.
class Standby final : public Dialogue {
 public:
  Standby(runtime::UniqueFd fd, const Primary& primary);

  // Sends whole messages now. False when the socket has no room for it.
  bool forward(std::string_view messages);

 private:
  server::wal::Lsn end() const override { return primary_.end(); }
  bool has(server::wal::Lsn from) const override {
    return primary_.begin() <= from && from <= primary_.end();
  }
  // Sends the WAL that came before the standby did. Waits until the socket has room for it.
  bool on_start(server::wal::Lsn from) override;
  bool on_question() override { return send_keepalive(); }
  bool on_copy_done() override { return end_stream(); }

  const Primary& primary_;
};

}  // namespace bench::forwarder
