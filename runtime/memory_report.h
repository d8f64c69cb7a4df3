#pragma once

namespace runtime {

// Logs the calling thread's tree of memory contexts, as pg_log_backend_memory_contexts() has a
// backend do, and what the allocator below all threads holds where that is jemalloc.
void log_memory_contexts();
void log_heap();

}  // namespace runtime
