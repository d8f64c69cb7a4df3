#pragma once

#include <string_view>

#include "server/auth/secret.h"

namespace server::auth {

// The bytes of a password that SCRAM hashes: prepared by RFC 4013, or as they are if they are ASCII
// or cannot be prepared, because they are not UTF-8, have characters that are prohibited or not
// assigned in Unicode 3.2, or nothing is left of them (src/common/saslprep.c, pg_saslprep).
//
// PostgreSQL looks for what is prohibited before it normalises, and ICU behind that, as the RFC has
// it. So a few passwords are prepared by one alone: those with a Hebrew or Arabic presentation form
// at an end or beside letters of the other direction, with a compatibility symbol among such
// letters, and with U+0340, U+0341 or one of the five ideographs of Unicode's Corrigendum 4.
Secret saslprep(std::string_view password);

}  // namespace server::auth
