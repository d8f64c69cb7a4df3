// A role, as an answer of the primary's and as a line of the file that keeps it.
//   input: the first byte: how the rest is meant
//     odd: the file as it is
//     even: its lines, to which header and checksum are put; and a row, each line of which is a
//       column, a '=' and its value, or no '=' for NULL

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/format.h"
#include "server/auth/digest.h"
#include "server/auth/role_file.h"
#include "server/auth/role_row.h"
#include "tests/fuzz/input.h"

namespace {

using server::auth::Role;
using server::auth::RowValue;

constexpr std::string_view kOrigin = "here";
constexpr std::size_t kErrorBytesMax = 300;  // with a column's name in it, and nothing of its value

std::string hex_of(std::string_view text) {
  std::string hex;
  const auto digest = server::auth::sha256(std::as_bytes(std::span(text)));
  for (const std::byte byte : digest.reveal()) {
    hex += runtime::format("{:02x}", std::to_integer<unsigned>(byte));
  }
  return hex;
}

void check_role(const Role& role) {
  CHECK(!role.name.empty() && role.name.size() <= server::auth::kRoleNameBytesMax);
}

// What is written is read again as it was, and no byte of it may be another.
void check_file_of(const std::vector<Role>& roles) {
  std::vector<std::shared_ptr<const Role>> shared;
  for (const Role& role : roles) shared.push_back(std::make_shared<const Role>(role));
  const auto text = print_role_file(kOrigin, shared);
  const auto again = server::auth::parse_role_file(text.reveal(), kOrigin);
  CHECK(again && again->size() == roles.size());
  for (std::size_t i = 0; i < roles.size(); ++i) CHECK(is_same((*again)[i], roles[i]));
  std::string changed(text.reveal());
  changed[changed.size() / 2] = static_cast<char>(changed[changed.size() / 2] ^ 1);
  CHECK(!server::auth::parse_role_file(changed, kOrigin));
}

void play_file(std::string_view text) {
  const auto roles = server::auth::parse_role_file(text, kOrigin);
  if (!roles) return;
  for (const Role& role : *roles) check_role(role);
  check_file_of(*roles);
}

void play_row(std::string_view text) {
  std::vector<RowValue> row;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto equals = line.find('=');
    row.push_back({.column = line.substr(0, equals), .value = std::nullopt});
    if (equals != line.npos) row.back().value = line.substr(equals + 1);
  }
  const auto role = server::auth::role_of_row(row);
  if (!role) {
    CHECK(role.error().kind == &runtime::kInvalidParameterValue);
    CHECK(role.error().what.starts_with("auth_query: column \""));
    CHECK(role.error().what.size() < kErrorBytesMax);
    return;
  }
  check_role(*role);
  check_file_of({*role});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tests::FuzzInput input(data, size);
  const bool is_file = input.integer<std::uint8_t>() % 2 == 1;
  const std::string text = tests::text_of(input.rest());
  if (is_file) {
    play_file(text);
    return 0;
  }
  const std::string lines = runtime::format("walcast roles 1\n{}\n{}\n", hex_of(kOrigin), text);
  play_file(lines + hex_of(lines) + "\n");
  play_row(text);
  return 0;
}
