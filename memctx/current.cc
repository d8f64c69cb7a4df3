#include "memctx/current.h"

#include <cassert>

namespace memctx {
namespace {
constinit thread_local Context* current_context = nullptr;
}  // namespace

Context* current_or_null() { return current_context; }

Context& current() {
  assert(current_context != nullptr && "no context is current on this thread");
  return *current_context;
}

CurrentGuard::CurrentGuard(Context& context) : context_(&context), previous_(current_context) {
  current_context = context_;
}

CurrentGuard::~CurrentGuard() {
  assert(current_context == context_ && "guards end in the reverse order of their beginning");
  current_context = previous_;
}

}  // namespace memctx
