#pragma once

#include "runtime/arrival.h"
#include "tests/runtime/loopback.h"

namespace tests {

// The kernel begins to note arrivals a while after the first socket has asked for it. As long as
// one of these lives, it does.
class ArrivalNotes {
 public:
  ArrivalNotes() {
    runtime::note_arrivals(sockets_.here());
    constexpr int kTriesMax = 100'000;
    bool noted = false;
    runtime::ArrivalClock arrivals;
    for (int i = 0; i < kTriesMax && !noted; ++i) {
      sockets_.send_from_there("1");
      CHECK(await(sockets_.here(), POLLIN));
      noted = arrivals.time_in_socket(sockets_.here()).has_value();
      std::byte byte{};
      CHECK(runtime::receive(sockets_.here(), {&byte, 1}).bytes == 1);
    }
    CHECK(noted);
  }

 private:
  Loopback sockets_;
};

}  // namespace tests
