#include "server/auth/base64.h"

#include <gtest/gtest.h>

#include <string>

namespace server::auth {
namespace {

std::string encoded(std::string_view text) { return encode_base64(std::as_bytes(std::span(text))); }

std::optional<std::string> decoded(std::string_view text) {
  const auto secret = decode_base64(text);
  return secret.has_value() ? std::optional(std::string(secret->reveal())) : std::nullopt;
}

// RFC 4648, section 10.
TEST(Base64Test, KnownAnswers) {
  for (const auto& [plain, text] : {std::pair{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"},
                                    {"\xFB\xEF\xBE\xFF", "++++/w=="}}) {
    EXPECT_EQ(encoded(plain), text);
    EXPECT_EQ(decoded(text), plain);
  }
}

TEST(Base64Test, EveryByteComesBack) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  for (std::size_t size = 0; size <= all.size(); ++size) {
    EXPECT_EQ(decoded(encoded(all.substr(size))), all.substr(size));
  }
}

TEST(Base64Test, WhatIsNoBase64IsRefused) {
  for (const char* text :
       {"Z", "Zg", "Zg=", "Zg===", "Z===", "====", "=", "Zm9v ", " Zm9v", "Zm\n9",
        "Zg==Zg==", "Zm8=Zm8=", "Zm=v", "=m9v", "Zm-_", "Zm9\xC3", "Zm9vY"}) {
    EXPECT_EQ(decoded(text), std::nullopt) << text;
  }
  EXPECT_EQ(decoded(std::string_view("Zm\0v", 4)), std::nullopt);
}

TEST(Base64Test, BitsThatStandForNoByteAreNotLookedAt) {
  EXPECT_EQ(decoded("Zh=="), "f");
  EXPECT_EQ(decoded("Zm9="), "fo");
}

}  // namespace
}  // namespace server::auth
