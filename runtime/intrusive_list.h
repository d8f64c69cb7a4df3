#pragma once

#include "runtime/check.h"

namespace runtime {

// A link by which its owner stands in at most one list at a time. It leaves the list when it dies.
template <typename T>
class ListLink {
 public:
  explicit ListLink(T& owner) : owner_(&owner) {}
  ~ListLink() { unlink(); }
  ListLink(const ListLink&) = delete;
  ListLink& operator=(const ListLink&) = delete;

  bool linked() const { return next_ != nullptr; }
  void unlink() {
    if (!linked()) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  template <typename U>
  friend class IntrusiveList;
  ListLink() : owner_(nullptr) {}

  T* owner_;  // null in the head of a list
  ListLink* next_ = nullptr;
  ListLink* previous_ = nullptr;
};

// A list of objects that it does not own; putting one in or taking it out allocates nothing.
//   Thread: one.  Invariant: what is in the list is alive (links unlink themselves).
template <typename T>
class IntrusiveList {
 public:
  IntrusiveList() { head_.next_ = head_.previous_ = &head_; }
  ~IntrusiveList() {
    while (!empty()) head_.next_->unlink();
    head_.next_ = head_.previous_ = nullptr;
  }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;

  bool empty() const { return head_.next_ == &head_; }
  // Takes the link out of whatever list it was in.
  void push_back(ListLink<T>& link) {
    link.unlink();
    link.previous_ = head_.previous_;
    link.next_ = &head_;
    head_.previous_->next_ = &link;
    head_.previous_ = &link;
  }
  // Null when empty.
  T* pop_front() {
    if (empty()) return nullptr;
    ListLink<T>* first = head_.next_;
    first->unlink();
    return first->owner_;
  }
  // Moves all of `other` to this list's end, in one step however long it is.
  void take_all(IntrusiveList& other) {
    DCHECK(&other != this);
    if (other.empty()) return;
    ListLink<T>* const first = other.head_.next_;
    ListLink<T>* const last = other.head_.previous_;
    other.head_.next_ = other.head_.previous_ = &other.head_;
    first->previous_ = head_.previous_;
    head_.previous_->next_ = first;
    last->next_ = &head_;
    head_.previous_ = last;
  }
  // `visit` must not change the list.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (auto* link = head_.next_; link != &head_; link = link->next_) visit(*link->owner_);
  }

 private:
  ListLink<T> head_;
};

}  // namespace runtime
