#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace runtime {

// A move-only void() callable that never allocates: what it captures must fit into it.
class Task {
 public:
  static constexpr std::size_t kInlineBytes = 48;

  Task() = default;
  template <typename F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Task>) Task(F function)
      : operations_(&kOperationsOf<F>) {  // NOLINT(google-explicit-constructor)
    static_assert(sizeof(F) <= kInlineBytes && alignof(F) <= alignof(std::max_align_t));
    static_assert(std::is_nothrow_move_constructible_v<F>);
    ::new (storage_) F(std::move(function));
  }
  Task(Task&& other) noexcept : operations_(std::exchange(other.operations_, nullptr)) {
    if (operations_ != nullptr) operations_->move(storage_, other.storage_);
  }
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      this->~Task();
      ::new (this) Task(std::move(other));
    }
    return *this;
  }
  ~Task() {
    if (operations_ != nullptr) operations_->destroy(storage_);
  }

  // REQUIRES: holds a callable.
  void operator()() { operations_->call(storage_); }

 private:
  struct Operations {
    void (*call)(void*);
    void (*move)(void* to, void* from);
    void (*destroy)(void*);
  };
  template <typename F>
  static constexpr Operations kOperationsOf{[](void* f) { (*static_cast<F*>(f))(); },
                                            [](void* to, void* from) {
                                              ::new (to) F(std::move(*static_cast<F*>(from)));
                                              static_cast<F*>(from)->~F();
                                            },
                                            [](void* f) { static_cast<F*>(f)->~F(); }};

  const Operations* operations_ = nullptr;
  alignas(std::max_align_t) std::byte storage_[kInlineBytes];
};

}  // namespace runtime
