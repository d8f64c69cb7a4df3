#include "server/stats/memory_contexts.h"

namespace server::stats {

std::vector<MemoryContextStatus> memory_contexts_of(const memctx::Context& root,
                                                    const std::string& thread) {
  std::vector<MemoryContextStatus> rows;
  for (const memctx::Context::Row& row : root.list(kMemoryChildrenMax)) {
    rows.push_back({.thread = thread,
                    .name = row.name,
                    .parent = row.parent == nullptr ? "" : row.parent,
                    .level = static_cast<std::int32_t>(row.level),
                    .total_bytes = row.stats.total_bytes,
                    .total_blocks = row.stats.block_count,
                    .free_bytes = row.stats.free_bytes});
  }
  return rows;
}

}  // namespace server::stats
