#pragma once

// Lets the containers of std::pmr live in a context.

#include <cstddef>
#include <memory_resource>

#include "memctx/context.h"
#include "memctx/poison.h"

namespace memctx {

// Takes a container's memory from a context and gives nothing back before the context's reset: a
// vector that grows leaves its old storage behind, so reserve where the size is known.
//   Owner: the owner of the containers; it outlives them.  Thread: the context's.
//   Borrows: the context, which must not be reset while a container is in use.
class Resource final : public std::pmr::memory_resource {
 public:
  explicit Resource(Context& context) : context_(context) {}

 private:
  void* do_allocate(std::size_t size, std::size_t align) override {
    return context_.allocate(size, align);
  }

  // Only makes what the container gave up unreadable: an iterator kept too long fails under ASan.
  void do_deallocate(void* chunk, std::size_t size, std::size_t) override { poison(chunk, size); }

  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    const auto* resource = dynamic_cast<const Resource*>(&other);
    return resource != nullptr && &resource->context_ == &context_;
  }

  Context& context_;
};

}  // namespace memctx
