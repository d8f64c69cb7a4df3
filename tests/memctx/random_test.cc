#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "memctx/context.h"
#include "tests/support/random_seed.h"

namespace memctx {
namespace {

// Does random things to a tree of contexts, beside a model that knows every live chunk.
class Model {
 public:
  explicit Model(std::uint64_t seed) : random_(seed) { contexts_.push_back(&top_); }

  void step() {
    const std::uint64_t dice = below(1000);
    if (dice < 900) {
      allocate(pick());
    } else if (dice < 960) {
      if (contexts_.size() < 60) contexts_.push_back(&create_child(pick()));
    } else if (dice < 980) {
      reset(pick());
    } else {
      delete_one(pick());
    }
  }

  void check_all() const {
    for (const auto& [begin, chunk] : chunks_) check(begin, chunk);
  }

 private:
  struct Chunk {
    std::size_t size;
    Context* context;
    unsigned char fill;
  };
  using Address = const unsigned char*;

  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  Context* pick() { return contexts_[below(contexts_.size())]; }

  std::size_t pick_size() {
    const std::uint64_t dice = below(100);
    if (dice < 80) return below(200);
    return dice < 98 ? below(4'000) : below(100'000);
  }

  Context& create_child(Context* parent) {
    const auto initial = static_cast<std::uint32_t>(64 << below(6));
    const auto largest = initial << below(6);
    return parent->create_child("child", {initial, static_cast<std::uint32_t>(largest)});
  }

  void allocate(Context* context) {
    const std::size_t size = pick_size();
    const std::size_t align = std::size_t{1} << below(9);
    auto* begin = static_cast<unsigned char*>(context->allocate(size, align));
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(begin) % align, 0u);
    expect_apart(begin, size);
    const auto fill = static_cast<unsigned char>(below(256));
    std::memset(begin, fill, size);
    chunks_[begin] = {size, context, fill};
  }

  // The chunk overlaps neither its neighbour below nor the one above.
  void expect_apart(Address begin, std::size_t size) const {
    const auto above = chunks_.lower_bound(begin);
    if (above != chunks_.end()) {
      ASSERT_LT(begin, above->first);
      ASSERT_LE(begin + size, above->first);
    }
    if (above == chunks_.begin()) return;
    const auto below = std::prev(above);
    ASSERT_LE(below->first + below->second.size, begin);
  }

  void reset(Context* context) {
    forget_children(context);
    forget_chunks(context);
    context->reset();
  }

  void delete_one(Context* context) {
    if (context == &top_) return;
    forget_children(context);
    forget_chunks(context);
    std::erase(contexts_, context);
    context->parent()->delete_child(*context);
  }

  void forget_children(const Context* ancestor) {
    const auto is_below = [&](const Context* context) {
      while (context != nullptr && context != ancestor) context = context->parent();
      return context == ancestor;
    };
    std::erase_if(contexts_, [&](Context* context) {
      if (context == ancestor || !is_below(context)) return false;
      forget_chunks(context);
      return true;
    });
  }

  // What dies now must have stayed intact until now.
  void forget_chunks(const Context* context) {
    std::erase_if(chunks_, [&](const auto& entry) {
      if (entry.second.context != context) return false;
      check(entry.first, entry.second);
      return true;
    });
  }

  static void check(Address begin, const Chunk& chunk) {
    if (chunk.size == 0) return;
    ASSERT_EQ(begin[0], chunk.fill);
    ASSERT_EQ(std::memcmp(begin, begin + 1, chunk.size - 1), 0);  // and so on to the last
  }

  std::mt19937_64 random_;
  Context top_{"Top", {64, 4096}};
  std::vector<Context*> contexts_;
  std::map<Address, Chunk> chunks_;
};

TEST(ContextRandomTest, ChunksNeverOverlapAndStayIntact) {
  Model model(tests::random_seed());
  for (int i = 0; i < 100'000 && !testing::Test::HasFatalFailure(); ++i) model.step();
  model.check_all();
}

}  // namespace
}  // namespace memctx
