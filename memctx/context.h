#pragma once

// A named tree of memory contexts, after PostgreSQL's src/backend/utils/mmgr: memory is freed by
// resetting or deleting the context that it came from, never chunk by chunk.

#include <cassert>
#include <cstddef>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>

#include "memctx/arena.h"

namespace memctx {

// One node of a tree: an arena, callbacks that run before its memory dies, and child contexts.
//   Owner: a parent owns its children; the root belongs to whoever made it.
//   Thread: the one that made the tree, or adopted it last; debug builds check every call.
//   Invariant: children die before their parent's callbacks run, callbacks before the memory.
//   Limits: those of Arena; an idle context takes no block, only about a hundred bytes.
class Context {
 public:
  // `name` must be a constant.
  explicit Context(const char* name, const ArenaOptions& options = {});
  ~Context();  // deletes the subtree, children first, and leaves the parent
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Valid until delete_child, or until this context is reset or deleted. A holder that surely ends
  // before that, as a session does, may own the child by a std::unique_ptr<Context> instead.
  Context& create_child(const char* name, const ArenaOptions& options = {});
  void delete_child(Context& child);
  void delete_children();

  void reset();       // MemoryContextReset: also deletes the children
  void reset_only();  // MemoryContextResetOnly: leaves the children as they are

  // Uninitialised, never null, valid until reset or deletion.
  [[nodiscard]] void* allocate(std::size_t size, std::size_t align = alignof(std::max_align_t)) {
    check_thread();
    return arena_.allocate(size, align);
  }

  // A T that is destroyed by the reset or deletion, if it has a destructor to run.
  template <typename T, typename... Args>
  T& create(Args&&... args);

  // A copy that lives as long as the memory of this context does; pnstrdup.
  std::string_view copy(std::string_view text);

  // Has the next reset or deletion call `function(argument)`, once, before the memory dies and
  // after what was registered later (MemoryContextRegisterResetCallback). The callback may use
  // everything in this context and its ancestors, and may register further ones.
  void on_reset(void (*function)(void*), void* argument);

  // Hands this subtree to the calling thread. REQUIRES: its thread does not run, or waits for us.
  void adopt();

  const char* name() const { return arena_.name(); }
  Context* parent() const { return parent_; }
  std::uint32_t reset_count() const { return arena_.reset_count(); }

  Stats stats() const;          // of this context alone
  Stats subtree_stats() const;  // with its descendants

  // The subtree as MemoryContextStats prints it: a line per context, the newest child first, and
  // the grand total. Of more than `children_max` children the others are summed up in one line.
  std::string describe(std::size_t children_max = 100) const;

 private:
  struct ResetCallback {  // lives in the context's own memory
    ResetCallback* next;
    void (*function)(void*);
    void* argument;
  };

  void link_to(Context& parent);
  void unlink();
  void run_callbacks();
  const Context* next_in(const Context& root) const;
  void append_tree(std::size_t level, std::size_t children_max, std::string& text) const;

  Arena arena_;
  ResetCallback* callbacks_ = nullptr;  // newest first
  Context* parent_ = nullptr;
  Context* first_child_ = nullptr;  // the newest
  Context* next_sibling_ = nullptr;
  Context* previous_sibling_ = nullptr;

#ifdef NDEBUG
  void check_thread() const {}
#else
  void check_thread() const {
    assert(thread_ == std::this_thread::get_id() && "a context belongs to one thread");
  }
  std::thread::id thread_ = std::this_thread::get_id();
#endif
};

// Constructs a T in `chunk`, by braces where T is an aggregate.
template <typename T, typename... Args>
T& construct(void* chunk, Args&&... args) {
  if constexpr (std::is_constructible_v<T, Args...>) {
    return *::new (chunk) T(std::forward<Args>(args)...);
  } else {
    return *::new (chunk) T{std::forward<Args>(args)...};
  }
}

template <typename T, typename... Args>
T& Context::create(Args&&... args) {
  T& object = construct<T>(allocate(sizeof(T), alignof(T)), std::forward<Args>(args)...);
  if constexpr (!std::is_trivially_destructible_v<T>) {
    on_reset([](void* argument) { static_cast<T*>(argument)->~T(); }, &object);
  }
  return object;
}

}  // namespace memctx
