#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/published.h"
#include "server/wal/holds.h"

namespace tests {

// Holds WAL from where a test says, in the place of slots.
class FakeHolder final : public server::wal::Holder {
 public:
  explicit FakeHolder(std::string who = "fake") : who_(std::move(who)) {}

  std::vector<server::wal::Hold> holds() const override {
    return {{.who = who_, .why = "a test needs it", .from = required.load(), .since = {}}};
  }
  void settle() override {
    if (on_settle) on_settle();
  }
  void release_before(server::wal::Lsn oldest) override {
    if (on_release) on_release(oldest);
  }

  runtime::Published<server::wal::Lsn> required;
  std::function<void()> on_settle;
  std::function<void(server::wal::Lsn)> on_release;

 private:
  const std::string who_;
};

}  // namespace tests
