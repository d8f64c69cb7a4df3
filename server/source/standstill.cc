#include "server/source/standstill.h"

#include <utility>

#include "runtime/log.h"

namespace server::source {

void Standstill::note(const std::string& why, runtime::Instant now, runtime::Duration grace) {
  if (why_ != why) {
    why_ = why;
    since_ = now;
    said_ = false;
  }
  if (said_ || now < since_ + grace) return;
  said_ = true;
  runtime::log::warning("{}", why);
}

void Standstill::end(wal::Lsn position) {
  why_.reset();
  if (std::exchange(said_, false)) runtime::log::log("reading WAL goes on at {}", position);
}

}  // namespace server::source
