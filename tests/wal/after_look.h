#pragma once

#include <functional>
#include <utility>

#include "tests/support/disk_calls.h"

namespace tests {

// Does something right after a file was looked for for the first time, by open(2) or stat(2),
// whether it was found or not: what another process might do just then.
class AfterLook {
 public:
  explicit AfterLook(std::function<void()> act)
      : act_(std::move(act)), hook_("", nullptr, [this](const DiskCall& call) { see(call); }) {}

 private:
  void see(const DiskCall& call) {
    if (call.name != "open" && call.name != "stat") return;
    if (const auto act = std::exchange(act_, nullptr)) act();
  }

  std::function<void()> act_;
  DiskHook hook_;
};

}  // namespace tests
