#pragma once

// A named tree of memory contexts, after PostgreSQL's src/backend/utils/mmgr: memory is freed by
// resetting or deleting the context that it came from, never chunk by chunk.

#include <cassert>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "memctx/arena.h"

namespace memctx {

// One node of a tree: an arena and child contexts.
//   Owner: a parent owns its children; the root is a member or a local variable of its owner.
//   Thread: the one that made the tree; debug builds check every call.
//   Invariant: children die before their parent's memory; no destructor runs when memory dies, so
//   only what needs none may lie in it.
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

  void reset();  // MemoryContextReset: also deletes the children

  // Uninitialised, never null, valid until reset or deletion.
  [[nodiscard]] void* allocate(std::size_t size, std::size_t align = alignof(std::max_align_t)) {
    check_thread();
    return arena_.allocate(size, align);
  }

  const char* name() const { return arena_.name(); }
  Context* parent() const { return parent_; }

  Stats stats() const;          // of this context alone
  Stats subtree_stats() const;  // with its descendants

  // The subtree as MemoryContextStats prints it: a line per context, the newest child first, and
  // the grand total. Of more than `children_max` children the others are summed up in one line.
  std::string describe(std::size_t children_max = 100) const;

  // The same, as rows: parents before their children, the newest child first. Of more than
  // `children_max` children the others are one row, whose name is a constant.
  struct Row {
    const char* name;
    const char* parent;  // null: it is the root of the list
    std::size_t level;   // 0 of the root
    Stats stats;
  };
  static constexpr const char* kOthersName = "more child contexts";
  std::vector<Row> list(std::size_t children_max = 100) const;

 private:
  void delete_children();
  void link_to(Context& parent);
  void unlink();
  const Context* next_in(const Context& root) const;
  void append_tree(std::size_t level, std::size_t children_max, std::string& text) const;
  void append_rows(std::size_t level, std::size_t children_max, std::vector<Row>& rows) const;

  Arena arena_;
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

}  // namespace memctx
