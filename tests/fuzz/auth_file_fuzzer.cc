// An auth_file.
//   input: its text

#include <string>

#include "runtime/check.h"
#include "server/auth/users.h"
#include "tests/fuzz/input.h"

namespace {

using server::auth::Role;
using server::auth::Users;

constexpr std::size_t kErrorBytesMax = 300;  // with a name in it, and no more of the file

std::string quoted(std::string_view text) {
  std::string made = "\"";
  for (const char c : text) made.append(c == '"' ? 2 : 1, c);
  return made + '"';
}

std::string print(const Users& users) {
  std::string text;
  for (const Role& role : users.roles()) {
    text += quoted(role.name) + " " + quoted(text_of(role.verifier).reveal());
    if (role.can_replicate) text += " replication";
    if (role.superuser) text += " superuser";
    if (!role.can_login) text += " nologin";
    text += "\n";
  }
  return text;
}

void check_roles(const Users& users) {
  for (std::size_t i = 0; i < users.roles().size(); ++i) {
    const Role& role = users.roles()[i];
    CHECK(!role.name.empty() && role.name.size() <= server::auth::kRoleNameBytesMax);
    CHECK(i == 0 || users.roles()[i - 1].name < role.name);
    CHECK(users.find(role.name) == &role);
    CHECK(!std::holds_alternative<server::auth::UnknownVerifier>(role.verifier));
  }
  CHECK(users.usual_iterations() > 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = tests::text_of(std::as_bytes(std::span(data, size)));
  const auto users = Users::parse(text, "f");
  if (!users) {
    CHECK(users.error().what.starts_with("auth_file \"f\" line "));
    CHECK(users.error().what.size() < kErrorBytesMax);
    return 0;
  }
  check_roles(*users);
  const std::string printed = print(*users);
  const auto again = Users::parse(printed, "f");
  CHECK(again && print(*again) == printed);
  return 0;
}
