#include "runtime/memory_report.h"

#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "memctx/context.h"
#include "memctx/current.h"
#include "runtime/log.h"

// jemalloc's, in binaries that are linked with it.
extern "C" __attribute__((weak)) int mallctl(const char* name, void* old_value,
                                             std::size_t* old_size, void* new_value,
                                             std::size_t new_size);

namespace runtime {

namespace {

template <typename Value>
Value heap_value(const char* name) {
  Value value{};
  std::size_t size = sizeof(value);
  return ::mallctl(name, &value, &size, nullptr, 0) == 0 ? value : Value{};
}

std::size_t heap_figure(const char* name) { return heap_value<std::size_t>(name); }

}  // namespace

void log_memory_contexts() {
  const memctx::Context* root = memctx::current_or_null();
  if (root == nullptr) return;
  while (root->parent() != nullptr) root = root->parent();
  log::log("memory contexts of this thread:\n{}", root->describe());
}

void log_heap() {
  if (::mallctl == nullptr) return;
  // The figures are those of the last epoch; a new one begins now.
  std::uint64_t epoch = 1;
  std::size_t size = sizeof(epoch);
  ::mallctl("epoch", &epoch, &size, &epoch, sizeof(epoch));
  log::log("heap: {} bytes allocated, {} active, {} resident, {} mapped",
           heap_figure("stats.allocated"), heap_figure("stats.active"),
           heap_figure("stats.resident"), heap_figure("stats.mapped"));
}

// jemalloc numbers the files; the last one is the newest.
void dump_heap_profile() {
  if (::mallctl == nullptr || !heap_value<bool>("opt.prof")) return;
  const auto* const prefix = heap_value<const char*>("opt.prof_prefix");
  const int failure = ::mallctl("prof.dump", nullptr, nullptr, nullptr, 0);
  if (failure == 0) {
    log::log("heap profile written to {}.{}.*.heap", prefix, ::getpid());
  } else {
    log::error("could not write a heap profile to {}.{}.*.heap", prefix, ::getpid());
  }
}

}  // namespace runtime
