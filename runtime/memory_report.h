#pragma once

namespace runtime {

// Logs the calling thread's tree of memory contexts, as pg_log_backend_memory_contexts() has a
// backend do, and what the allocator below all threads holds where that is jemalloc.
void log_memory_contexts();
void log_heap();

// Where the process was started with MALLOC_CONF=prof:true, writes by whom the heap's memory was
// allocated (jeprof(1) reads it), and logs to which file. Blocks on it.
void dump_heap_profile();

}  // namespace runtime
