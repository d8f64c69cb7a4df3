#include "memctx/context.h"

#include <cstdio>
#include <new>

#include "memctx/current.h"

namespace memctx {
namespace {

// `bytes` is the word between the first two numbers: MemoryContextStats says "total" for a context
// and "bytes" for the grand total.
void append_counts(const Stats& stats, const char* bytes, std::string& text) {
  char line[160];
  const int length =
      std::snprintf(line, sizeof(line), "%zu %s in %zu blocks; %zu free (%zu chunks); %zu used\n",
                    stats.total_bytes, bytes, stats.block_count, stats.free_bytes, stats.free_count,
                    stats.used_bytes());
  text.append(line, static_cast<std::size_t>(length));
}

}  // namespace

Context::Context(const char* name, const ArenaOptions& options) : arena_(name, options) {}

Context::~Context() {
  check_thread();
  assert(current_or_null() != this && "a thread's current context is deleted");
  delete_children();
  unlink();
}

Context& Context::create_child(const char* name, const ArenaOptions& options) {
  check_thread();
  auto* child = new (std::nothrow) Context(name, options);
  if (child == nullptr) out_of_memory(name, sizeof(Context));
  child->link_to(*this);
  return *child;
}

void Context::delete_child(Context& child) {
  assert(child.parent_ == this);
  delete &child;
}

// Leaf by leaf and without recursion, as MemoryContextDelete does it: a deep tree must not exhaust
// the stack.
void Context::delete_children() {
  check_thread();
  Context* context = this;
  while (true) {
    while (context->first_child_ != nullptr) context = context->first_child_;
    if (context == this) return;
    Context* parent = context->parent_;
    delete context;
    context = parent;
  }
}

void Context::reset() {
  delete_children();
  arena_.reset();
}

Stats Context::stats() const {
  check_thread();
  return arena_.stats();
}

Stats Context::subtree_stats() const {
  Stats total;
  for (const Context* context = this; context != nullptr; context = context->next_in(*this)) {
    total += context->stats();
  }
  return total;
}

std::string Context::describe(std::size_t children_max) const {
  std::string text;
  append_tree(0, children_max, text);
  text += "Grand total: ";
  append_counts(subtree_stats(), "bytes", text);
  return text;
}

void Context::append_tree(std::size_t level, std::size_t children_max, std::string& text) const {
  text.append(2 * level, ' ').append(name()).append(": ");
  append_counts(stats(), "total", text);

  std::size_t child_count = 0;
  Stats others;
  for (const Context* child = first_child_; child != nullptr; child = child->next_sibling_) {
    if (++child_count <= children_max) {
      child->append_tree(level + 1, children_max, text);
    } else {
      others += child->subtree_stats();
    }
  }
  if (child_count <= children_max) return;
  text.append(2 * (level + 1), ' ').append(std::to_string(child_count - children_max));
  text.append(" more child contexts containing ");
  append_counts(others, "total", text);
}

std::vector<Context::Row> Context::list(std::size_t children_max) const {
  std::vector<Row> rows{{.name = name(), .parent = nullptr, .level = 0, .stats = stats()}};
  append_rows(1, children_max, rows);
  return rows;
}

// The children of this context, with what is below them.
void Context::append_rows(std::size_t level, std::size_t children_max,
                          std::vector<Row>& rows) const {
  std::size_t child_count = 0;
  Row others{.name = kOthersName, .parent = name(), .level = level, .stats = {}};
  for (const Context* child = first_child_; child != nullptr; child = child->next_sibling_) {
    if (++child_count <= children_max) {
      rows.push_back(
          {.name = child->name(), .parent = name(), .level = level, .stats = child->stats()});
      child->append_rows(level + 1, children_max, rows);
    } else {
      others.stats += child->subtree_stats();
    }
  }
  if (child_count > children_max) rows.push_back(others);
}

void Context::link_to(Context& parent) {
  parent_ = &parent;
  next_sibling_ = parent.first_child_;
  if (next_sibling_ != nullptr) next_sibling_->previous_sibling_ = this;
  parent.first_child_ = this;
}

void Context::unlink() {
  if (next_sibling_ != nullptr) next_sibling_->previous_sibling_ = previous_sibling_;
  if (previous_sibling_ != nullptr) {
    previous_sibling_->next_sibling_ = next_sibling_;
  } else if (parent_ != nullptr) {
    parent_->first_child_ = next_sibling_;
  }
}

// The context after this one when `root` is walked parent first; null at its end.
const Context* Context::next_in(const Context& root) const {
  if (first_child_ != nullptr) return first_child_;
  const Context* context = this;
  while (context != &root && context->next_sibling_ == nullptr) context = context->parent_;
  return context == &root ? nullptr : context->next_sibling_;
}

}  // namespace memctx
