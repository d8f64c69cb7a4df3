#include "memctx/arena.h"

#include <cstdio>
#include <cstdlib>
#include <new>

namespace memctx {
namespace {

// As many chunks of this size fit into a block of the largest size; a longer one gets its own
// block, so that less than this share of a block is ever left unused. ALLOC_CHUNK_FRACTION of
// aset.c.
constexpr std::size_t kChunksPerBlock = 4;

template <typename Block>
void free_all(Block* block) {
  while (block != nullptr) {
    Block* next = block->next;
    std::free(block);
    block = next;
  }
}

}  // namespace

void out_of_memory(const char* context_name, std::size_t size) {
  std::fprintf(stderr, "walcast: out of memory: request of %zu bytes in memory context \"%s\"\n",
               size, context_name);
  std::abort();
}

Stats& Stats::operator+=(const Stats& other) {
  block_count += other.block_count;
  total_bytes += other.total_bytes;
  free_bytes += other.free_bytes;
  free_count += other.free_count;
  dedicated_count += other.dedicated_count;
  dedicated_bytes += other.dedicated_bytes;
  return *this;
}

Arena::Arena(const char* name, const ArenaOptions& options)
    : name_(name),
      block_bytes_max_(options.block_bytes_max),
      block_bytes_next_(options.block_bytes_initial) {
  static_assert(sizeof(Block) % kChunkUnit == 0);
  assert(options.block_bytes_initial > sizeof(Block));
  assert(options.block_bytes_initial % kChunkUnit == 0);
  assert(options.block_bytes_initial <= options.block_bytes_max);
  assert(options.block_bytes_max <= kChunkBytesMax);
}

Arena::~Arena() {
  free_all(dedicated_);
  free_all(blocks_);
}

void Arena::reset() {
  free_all(dedicated_);
  dedicated_ = nullptr;
  if (blocks_ == nullptr) return;
  while (blocks_->next != nullptr) {
    Block* block = blocks_;
    blocks_ = block->next;
    std::free(block);
  }
  fill_from(blocks_);
  poison(free_, static_cast<std::size_t>(end_ - free_));
}

Stats Arena::stats() const {
  Stats stats;
  std::size_t free_bytes = static_cast<std::size_t>(end_ - free_);
  for (const Block* block = blocks_; block != nullptr; block = block->next) {
    if (block != blocks_) free_bytes = block->free_bytes;
    stats.block_count += 1;
    stats.total_bytes += block->bytes;
    stats.free_bytes += free_bytes;
    stats.free_count += free_bytes != 0 ? 1 : 0;
  }
  for (const Block* block = dedicated_; block != nullptr; block = block->next) {
    stats.dedicated_count += 1;
    stats.dedicated_bytes += block->bytes;
  }
  stats.block_count += stats.dedicated_count;
  stats.total_bytes += stats.dedicated_bytes;
  return stats;
}

void* Arena::allocate_slowly(std::size_t size, std::size_t align) {
  if (size > kChunkBytesMax) {
    std::fprintf(stderr, "walcast: bug: request of %zu bytes in memory context \"%s\"\n", size,
                 name_);
    std::abort();
  }
  // A payload begins aligned as a Block is; what exceeds that may need padding.
  const std::size_t padding_max = std::max(align, alignof(Block)) - alignof(Block);
  const std::size_t bytes_needed = sizeof(Block) + padding_max + chunk_bytes(size);
  if (bytes_needed > block_bytes_max_ / kChunksPerBlock) {
    return allocate_dedicated(bytes_needed, size, align);
  }
  start_block(bytes_needed);
  return allocate(size, align);
}

void* Arena::allocate_dedicated(std::size_t block_bytes, std::size_t size, std::size_t align) {
  dedicated_ = allocate_block(block_bytes, dedicated_);
  std::byte* chunk = dedicated_->payload() + padding_to(align, dedicated_->payload());
  unpoison(chunk, size);
  return chunk;
}

// REQUIRES: bytes_needed is at most a quarter of block_bytes_max_, so that doubling ends below it.
void Arena::start_block(std::size_t bytes_needed) {
  if (blocks_ != nullptr) blocks_->free_bytes = static_cast<std::uint32_t>(end_ - free_);
  std::size_t bytes = block_bytes_next_;
  while (bytes < bytes_needed) bytes *= 2;
  blocks_ = allocate_block(bytes, blocks_);
  fill_from(blocks_);
}

void Arena::fill_from(Block* block) {
  free_ = block->payload();
  end_ = block->end();
  block_bytes_next_ = std::min(block->bytes, block_bytes_max_ / 2) * 2;
}

Arena::Block* Arena::allocate_block(std::size_t bytes, Block* next) {
  void* memory = std::malloc(bytes);
  if (memory == nullptr) out_of_memory(name_, bytes);
  auto* block = new (memory) Block{next, static_cast<std::uint32_t>(bytes), 0};
  poison(block->payload(), bytes - sizeof(Block));
  return block;
}

}  // namespace memctx
