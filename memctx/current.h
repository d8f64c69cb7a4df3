#pragma once

// The thread's current context, from which code allocates that was handed no context. It is the one
// global of this tree, as CurrentMemoryContext is one of PostgreSQL's.

#include "memctx/context.h"

namespace memctx {

Context* current_or_null();

// REQUIRES: a CurrentGuard lives on this thread.
Context& current();

// Makes a context the current one until the end of a scope; MemoryContextSwitchTo and back.
//   Owner: a scope, never the heap.  Thread: the context's.
//   Borrows: the context, which must not be deleted meanwhile (its reset is fine).
//   Invariant: guards end in the reverse order of their beginning.
class [[nodiscard]] CurrentGuard {
 public:
  explicit CurrentGuard(Context& context);
  ~CurrentGuard();
  CurrentGuard(const CurrentGuard&) = delete;
  CurrentGuard& operator=(const CurrentGuard&) = delete;

 private:
  Context* context_;
  Context* previous_;
};

}  // namespace memctx
