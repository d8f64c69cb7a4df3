// What torture_test.cc kills: random steps on the slots of one directory, said on standard output,
// one line each, before and after they are taken. Two threads: one that creates, moves and drops
// slots, and a checkpointer beside it.
//
//   slot_torture DIRECTORY SEED

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/slot/slots.h"

namespace {

using runtime::format;
using server::slot::Persistence;
using server::slot::Slot;
using server::slot::Slots;
using server::wal::Lsn;

constexpr std::int32_t kPid = 1;

// One write(2), so that lines of two threads do not mix and none is lost with the process.
void say(const std::string& text) {
  const std::string line = text + "\n";
  CHECK(::write(STDOUT_FILENO, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
}

template <typename T>
T must(runtime::Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "slot_torture: %s\n", result.error().what.c_str());
    std::_Exit(EXIT_FAILURE);
  }
  return std::move(result).value();
}

// `who` tells savers apart.
void save(Slots& slots, int who) {
  say(format("saving {}", who));
  must(slots.save_dirty());
  say(format("saved {}", who));
}

class Steps {
 public:
  Steps(Slots& slots, std::uint32_t seed) : slots_(slots), random_(seed) {}

  void take_one() {
    const std::string name = format("slot_{}", random_() % 6);
    const auto step = random_() % 10;
    if (step == 0) return save(slots_, 0);
    if (!slots_.read(name)) return create(name);
    if (step < 4) return drop(name);
    advance(name);
  }

 private:
  void create(const std::string& name) {
    const Lsn lsn = any_lsn();
    const std::string owner = format("role_{}", random_() % 3);
    say(format("creating {} {} {}", name, lsn.value(), owner));
    slots_.release(*must(slots_.create(name, Persistence::kPersistent, {kPid, owner}, lsn)));
    say(format("created {}", name));
  }

  void advance(const std::string& name) {
    const Lsn lsn = any_lsn();
    Slot& slot = *must(slots_.acquire(name, {kPid}));
    say(format("advancing {} {}", name, lsn.value()));
    slot.advance(lsn);
    say(format("advanced {}", name));
    slots_.release(slot);
  }

  void drop(const std::string& name) {
    say(format("dropping {}", name));
    must(slots_.drop(name, {kPid}));
    say(format("dropped {}", name));
  }

  Lsn any_lsn() { return Lsn(1 + random_()); }

  Slots& slots_;
  std::mt19937 random_;
};

}  // namespace

int main(int argc, char** argv) {
  CHECK(argc == 3);
  Slots slots({.directory = argv[1]});
  must(slots.load());
  std::thread checkpointer([&slots] {
    for (;;) {
      save(slots, 1);
      std::this_thread::yield();
    }
  });
  Steps steps(slots, static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10)));
  for (;;) steps.take_one();
}
