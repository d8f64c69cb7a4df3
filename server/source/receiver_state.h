#pragma once

#include <string>

namespace server::source {

// How a receiver is, in the words of an operator.
struct ReceiverState {
  enum class Kind {
    kStreaming,  // WAL comes; `text` names the primary
    kPaused,     // the primary is connected, and its WAL cannot be kept; `text` says why
    kFailing,    // there is no stream; `text` says why
  };
  Kind kind = Kind::kFailing;
  std::string text;
};

}  // namespace server::source
