#include "server/auth/secret.h"

#include <openssl/crypto.h>

namespace server::auth {

void wipe(std::span<std::byte> bytes) { OPENSSL_cleanse(bytes.data(), bytes.size()); }

}  // namespace server::auth
