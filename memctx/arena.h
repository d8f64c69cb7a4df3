#pragma once

// Bump allocation in blocks: a chunk costs an addition and a comparison, and dies with all others.

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "memctx/poison.h"

namespace memctx {

// Sizes of blocks, headers included. By default ALLOCSET_DEFAULT_SIZES of PostgreSQL's memutils.h.
struct ArenaOptions {
  std::uint32_t block_bytes_initial = 8 * 1024;
  std::uint32_t block_bytes_max = 8 * 1024 * 1024;
};

// For contexts that exist by the thousand: PostgreSQL's ALLOCSET_SMALL_SIZES.
inline constexpr ArenaOptions kSmallArena{1024, 8 * 1024};

// A larger request is a bug, such as a length that was not checked: PostgreSQL's MaxAllocSize.
inline constexpr std::size_t kChunkBytesMax = 0x3fffffff;
inline constexpr std::size_t kChunkAlignMax = 4096;
// Every chunk takes a multiple of this, so that the next one begins aligned as most are wanted, and
// need not wait for the end of the one before it to be rounded up.
inline constexpr std::size_t kChunkUnit = alignof(std::max_align_t);
static_assert(kRedGapBytes % kChunkUnit == 0);

// What an arena holds, counted in bytes taken from the heap. The unused ends of blocks are free,
// although only the end of the newest one can still be handed out; all else, headers included, is
// used.
struct Stats {
  std::size_t block_count = 0;
  std::size_t total_bytes = 0;
  std::size_t free_bytes = 0;
  std::size_t free_count = 0;       // blocks with such an end
  std::size_t dedicated_count = 0;  // of block_count
  std::size_t dedicated_bytes = 0;  // of total_bytes

  std::size_t used_bytes() const { return total_bytes - free_bytes; }
  Stats& operator+=(const Stats& other);
  bool operator==(const Stats& other) const = default;
};

// Blocks of memory, handed out chunk by chunk and taken back all at once.
//   Owner: a Context.  Thread: its owner's.
//   Invariant: the oldest block, the keeper, stays until the arena dies; an unused arena has none.
//   Blocks double up to block_bytes_max; a chunk that could waste a quarter of such a block gets a
//   dedicated one, and the newest block stays in use.
//   Limits: kChunkBytesMax, kChunkAlignMax.
class Arena {
 public:
  // `name` is for messages and must be a constant, as in PostgreSQL's MemoryContextCreate.
  Arena(const char* name, const ArenaOptions& options);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Valid until reset; uninitialised. Each chunk has its own address, an empty one too. Never null:
  // out of memory ends the process. REQUIRES: `align` is a power of two.
  [[nodiscard]] void* allocate(std::size_t size, std::size_t align = alignof(std::max_align_t));

  // Frees every chunk; keeps the keeper, and makes it unreadable until it is handed out again.
  void reset();

  const char* name() const { return name_; }
  Stats stats() const;

 private:
  struct alignas(std::max_align_t) Block {
    Block* next;
    std::uint32_t bytes;       // header included
    std::uint32_t free_bytes;  // at its end, once it is no longer the newest
    std::byte* payload() { return reinterpret_cast<std::byte*>(this + 1); }
    std::byte* end() { return reinterpret_cast<std::byte*>(this) + bytes; }
  };

  void* allocate_slowly(std::size_t size, std::size_t align);
  void* allocate_dedicated(std::size_t block_bytes, std::size_t size, std::size_t align);
  void start_block(std::size_t bytes_needed);
  void fill_from(Block* block);
  Block* allocate_block(std::size_t bytes, Block* next);

  std::byte* free_ = nullptr;  // of the newest block: [free_, end_) is unused; at a unit's begin
  std::byte* end_ = nullptr;
  Block* blocks_ = nullptr;     // newest first, the keeper last
  Block* dedicated_ = nullptr;  // newest first
  const char* name_;
  std::uint32_t block_bytes_max_;
  std::uint32_t block_bytes_next_;
};

// Says on stderr what was asked for, and aborts.
[[noreturn]] void out_of_memory(const char* context_name, std::size_t size);

inline std::size_t padding_to(std::size_t align, const std::byte* at) {
  return -reinterpret_cast<std::uintptr_t>(at) & (align - 1);
}

// What a chunk takes of a block, but for padding before it.
inline std::size_t chunk_bytes(std::size_t size) {
  return (std::max<std::size_t>(size, 1) + kRedGapBytes + kChunkUnit - 1) & ~(kChunkUnit - 1);
}

inline void* Arena::allocate(std::size_t size, std::size_t align) {
  assert(align != 0 && (align & (align - 1)) == 0 && align <= kChunkAlignMax);
  const std::size_t padding = align > kChunkUnit ? padding_to(align, free_) : 0;
  const std::size_t taken = padding + chunk_bytes(size);
  if (size > kChunkBytesMax || taken > static_cast<std::size_t>(end_ - free_)) [[unlikely]] {
    return allocate_slowly(size, align);
  }
  std::byte* chunk = free_ + padding;
  free_ += taken;
  unpoison(chunk, size);
  return chunk;
}

}  // namespace memctx
