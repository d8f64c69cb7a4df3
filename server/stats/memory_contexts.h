#pragma once

#include <string>
#include <vector>

#include "memctx/context.h"
#include "server/stats/snapshot.h"

namespace server::stats {

// So many children of a context have rows of their own; the others have one together. What a loop
// pays for its rows is bounded by its contexts, all of which are visited.
inline constexpr std::size_t kMemoryChildrenMax = 32;

// The contexts of a thread, from a root on. For that thread alone.
std::vector<MemoryContextStatus> memory_contexts_of(const memctx::Context& root,
                                                    const std::string& thread);

}  // namespace server::stats
