#pragma once

// Work on many things that each can be done alone, by oneTBB's pipeline, with results that are
// taken in order. For commands, not for servers: it has threads of its own while it runs.

#include <cstddef>
#include <functional>

namespace runtime {

struct InOrder {
  std::size_t threads = 1;    // the caller's included
  std::size_t in_flight = 1;  // so many items are begun and not taken yet, at most
};

// Calls work(i) for every i below `count`, on any of the threads and several at a time, and take(i)
// for each after its work, in ascending order and one at a time. What both write for item i may lie
// in a ring of `in_flight` places, at i % in_flight: an item's work begins after the item that had
// its place before was taken. Returns when all were taken.
// REQUIRES: threads and in_flight are not 0; neither function throws.
void run_in_order(std::size_t count, const InOrder& options,
                  const std::function<void(std::size_t)>& work,
                  const std::function<void(std::size_t)>& take);

}  // namespace runtime
