#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace server::auth {

// Overwrites memory in a way that no compiler leaves out.
void wipe(std::span<std::byte> bytes);

// Text of any length that is not left behind in memory: a password, a verifier, a proof. It has no
// conversion and no formatter, so that it cannot come into a log or an error by mistake; code that
// needs the text says reveal().
//   Owner: as for a string.  Thread: the owner's.
//   Invariant: the memory is taken once, never grown, and overwritten before it is given back.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view text) : text_(text.begin(), text.end()) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : text_(std::exchange(other.text_, {})) {}
  Secret& operator=(Secret other) noexcept {
    text_.swap(other.text_);
    return *this;
  }
  ~Secret() { wipe(std::as_writable_bytes(std::span(text_))); }

  bool empty() const { return text_.empty(); }
  std::size_t size() const { return text_.size(); }
  // Valid until this is assigned to or destroyed.
  std::string_view reveal() const { return {text_.data(), text_.size()}; }
  std::span<const std::byte> reveal_bytes() const { return std::as_bytes(std::span(text_)); }

 private:
  std::vector<char> text_;
};

// The same for bytes whose number is known: a key, a digest.
template <std::size_t kSize>
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::span<const std::byte, kSize> bytes) {
    std::copy(bytes.begin(), bytes.end(), bytes_.begin());
  }
  SecretBytes(const SecretBytes&) = default;
  SecretBytes& operator=(const SecretBytes&) = default;
  ~SecretBytes() { wipe(bytes_); }

  std::span<const std::byte, kSize> reveal() const { return bytes_; }
  std::span<std::byte, kSize> reveal() { return bytes_; }

 private:
  std::array<std::byte, kSize> bytes_{};
};

}  // namespace server::auth
