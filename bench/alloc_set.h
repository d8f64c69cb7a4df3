#pragma once

// Memory as PostgreSQL's AllocSet hands it out (src/backend/utils/mmgr/aset.c), for benchmarks:
// sizes are powers of two, each chunk has a header that names its context, freed chunks wait in a
// list of their size, and a reset keeps the first block.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdlib>

namespace bench {

// Owner: a benchmark.  Thread: its.  Limits: no chunk is larger than kChunkBytesMax.
class AllocSet {
 public:
  static constexpr std::size_t kChunkBytesMax = 8192;

  AllocSet() { start(keeper_ = take_block(kBlockBytesInitial)); }
  ~AllocSet() {
    free_all_but_keeper();
    std::free(keeper_);
  }
  AllocSet(const AllocSet&) = delete;
  AllocSet& operator=(const AllocSet&) = delete;

  // REQUIRES: 0 < size <= kChunkBytesMax.
  void* allocate(std::size_t size) {
    const std::size_t list = list_of(size);
    if (Chunk* const chunk = free_[list]; chunk != nullptr) {
      free_[list] = chunk->next;
      chunk->owner = this;
      return chunk + 1;
    }
    const std::size_t bytes = kChunkBytesMin << list;
    if (at_ + sizeof(Chunk) + bytes > end_) add_block(sizeof(Chunk) + bytes);
    auto* const chunk = reinterpret_cast<Chunk*>(at_);
    at_ += sizeof(Chunk) + bytes;
    chunk->bytes = bytes;
    chunk->owner = this;
    return chunk + 1;
  }
  void release(void* memory) {
    Chunk* const chunk = static_cast<Chunk*>(memory) - 1;
    const std::size_t list = list_of(chunk->bytes);
    chunk->next = free_[list];
    free_[list] = chunk;
  }
  void reset() {
    free_all_but_keeper();
    free_ = {};
    next_bytes_ = kBlockBytesInitial;
    start(keeper_);
  }

 private:
  static constexpr std::size_t kChunkBytesMin = 8;
  static constexpr std::size_t kLists = 11;  // 8 to 8192 bytes
  static constexpr std::size_t kBlockBytesInitial = 8 * 1024;
  static constexpr std::size_t kBlockBytesMax = 8 * 1024 * 1024;

  struct alignas(16) Chunk {
    std::size_t bytes;
    union {
      AllocSet* owner;
      Chunk* next;
    };
  };
  struct alignas(16) Block {
    Block* previous;
    std::size_t bytes;
  };

  static std::size_t list_of(std::size_t size) {
    return size <= kChunkBytesMin ? 0 : static_cast<std::size_t>(std::bit_width((size - 1) >> 3));
  }
  static Block* take_block(std::size_t bytes) {
    auto* const block = static_cast<Block*>(std::malloc(bytes));
    block->previous = nullptr;
    block->bytes = bytes;
    return block;
  }
  void start(Block* block) {
    newest_ = block;
    at_ = reinterpret_cast<std::byte*>(block + 1);
    end_ = reinterpret_cast<std::byte*>(block) + block->bytes;
  }
  // What is left of the newest block becomes free chunks of the sizes that fit.
  void add_block(std::size_t needed) {
    while (static_cast<std::size_t>(end_ - at_) >= sizeof(Chunk) + kChunkBytesMin) {
      const std::size_t room = static_cast<std::size_t>(end_ - at_) - sizeof(Chunk);
      auto* const chunk = reinterpret_cast<Chunk*>(at_);
      chunk->bytes = std::bit_floor(room) < kChunkBytesMax ? std::bit_floor(room) : kChunkBytesMax;
      at_ += sizeof(Chunk) + chunk->bytes;
      release(chunk + 1);
    }
    do {
      next_bytes_ = next_bytes_ < kBlockBytesMax ? next_bytes_ * 2 : kBlockBytesMax;
    } while (next_bytes_ < needed + sizeof(Block));
    Block* const block = take_block(next_bytes_);
    block->previous = newest_;
    start(block);
  }
  void free_all_but_keeper() {
    while (newest_ != keeper_) {
      Block* const block = newest_;
      newest_ = block->previous;
      std::free(block);
    }
  }

  std::array<Chunk*, kLists> free_{};
  std::size_t next_bytes_ = kBlockBytesInitial;
  Block* keeper_;
  Block* newest_ = nullptr;
  std::byte* at_ = nullptr;
  std::byte* end_ = nullptr;
};

}  // namespace bench
