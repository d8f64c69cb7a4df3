#include "server/auth/saslprep.h"

#include <unicode/usprep.h>
#include <unicode/ustring.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace server::auth {

namespace {

// UTF-16, which is overwritten when it goes.
class WideText {
 public:
  explicit WideText(std::size_t size) : text_(size) {}
  WideText(const WideText&) = delete;
  WideText& operator=(const WideText&) = delete;
  ~WideText() { wipe(std::as_writable_bytes(std::span(text_))); }

  UChar* data() { return text_.data(); }
  std::int32_t size() const { return static_cast<std::int32_t>(text_.size()); }

 private:
  std::vector<UChar> text_;
};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

std::optional<Secret> to_utf8(const UChar* text, std::int32_t size) {
  constexpr std::size_t kUtf8BytesPerUnitMax = 3;
  std::vector<char> utf8(static_cast<std::size_t>(size) * kUtf8BytesPerUnitMax);
  UErrorCode status = U_ZERO_ERROR;
  std::int32_t utf8_size = 0;
  u_strToUTF8(utf8.data(), static_cast<std::int32_t>(utf8.size()), &utf8_size, text, size, &status);
  std::optional<Secret> secret;
  if (U_SUCCESS(status)) secret.emplace(std::string_view(utf8.data(), std::size_t(utf8_size)));
  wipe(std::as_writable_bytes(std::span(utf8)));
  return secret;
}

std::optional<Secret> prepare(const UStringPrepProfile* profile, WideText& text,
                              std::int32_t size) {
  // A preparation that finds too little room says how much it needs.
  for (std::int32_t room = 2 * size + 16;;) {
    WideText prepared(static_cast<std::size_t>(room));
    UErrorCode status = U_ZERO_ERROR;
    const std::int32_t needed = usprep_prepare(profile, text.data(), size, prepared.data(), room,
                                               USPREP_DEFAULT, nullptr, &status);
    if (status == U_BUFFER_OVERFLOW_ERROR && needed > room) {
      room = needed;
      continue;
    }
    if (U_FAILURE(status) || needed == 0) return std::nullopt;
    return to_utf8(prepared.data(), needed);
  }
}

std::optional<Secret> prepare(std::string_view password) {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<UStringPrepProfile, decltype(&usprep_close)> profile(
      usprep_openByType(USPREP_RFC4013_SASLPREP, &status), &usprep_close);
  if (U_FAILURE(status)) return std::nullopt;
  WideText wide(password.size());  // UTF-16 has no more units than UTF-8 has bytes
  std::int32_t size = 0;
  u_strFromUTF8(wide.data(), wide.size(), &size, password.data(),
                static_cast<std::int32_t>(password.size()), &status);
  if (U_FAILURE(status)) return std::nullopt;
  return prepare(profile.get(), wide, size);
}

}  // namespace

Secret saslprep(std::string_view password) {
  if (is_ascii(password)) return Secret(password);
  auto prepared = prepare(password);
  return prepared.has_value() ? *std::move(prepared) : Secret(password);
}

}  // namespace server::auth
