#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace tests {

// What a server has written, one line per message, as short as can be told apart:
//   T timeline int8, xlogpos text        (a type modifier other than -1 follows its type)
//   (one that is not text is followed by "binary")          t 23, 25
//   D 1 | 0/3000000 | NULL
//   C SHOW      Z I      W 0 0      c      R 0      S TimeZone=UTC      K 4711 17      v 3.0 _pq_.x
//   R 3      R 5 01020304      R 10 SCRAM-SHA-256      R 11 r=...,s=...,i=4096      R 12 v=...
//   E FATAL 28000 message / detail / hint        (N for a notice)
// A message that is malformed, or bytes that are left over, end the list with "?".
std::vector<std::string> describe(std::span<const std::byte> bytes);

}  // namespace tests
