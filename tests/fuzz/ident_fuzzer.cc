// ident files, and whom their maps let in.
//   input: the map, the user and the system's user, each a line; then the files (auth_files.h)

#include <algorithm>
#include <string>

#include "runtime/check.h"
#include "server/auth/ident_map.h"
#include "tests/fuzz/auth_files.h"
#include "tests/fuzz/input.h"

namespace {

using namespace server::auth;  // NOLINT(google-build-using-namespace): all of it is about this

IdentFile read(const std::string& text) {
  const tests::MemoryFiles files = tests::split_auth_files(text);
  return read_ident_file(std::string(tests::kAuthFile), files.source());
}

std::string written(const IdentLine& line) {
  return tests::written({.text = line.map, .quoted = true}) + " " +
         tests::written(line.system_user.token()) + " " + tests::written(line.user.token()) +
         " end\n";  // a fourth field, which is not looked at, so that no line includes a file
}

std::string take_line(std::string& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string line = text.substr(0, end);
  text.erase(0, end + 1);
  return line;
}

bool is_staff(std::string_view role) { return role == "staff"; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tests::FuzzInput input(data, size);
  std::string text = tests::text_of(input.rest());
  const std::string map = take_line(text);
  const std::string user = take_line(text);
  const std::string system_user = take_line(text);

  const IdentFile file = read(text);
  CHECK(file.maps.has_value() == file.errors.empty());
  for (const FileError& error : file.errors) CHECK(!error.error.what.empty());
  if (!file.maps) return 0;

  const auto found = file.maps->check(map, user, system_user, is_staff);
  const bool has_map =
      std::ranges::any_of(file.maps->all(), [&](const IdentLine& line) { return line.map == map; });
  if (map.empty()) {
    CHECK(found.has_value() == (user == system_user));
  } else if (!has_map) {
    CHECK(!found.has_value());
  }

  std::string printed;
  for (const IdentLine& line : file.maps->all()) printed += written(line);
  const IdentFile again = read(printed);
  CHECK(again.maps.has_value() && again.maps->all().size() == file.maps->all().size());
  const auto same = again.maps->check(map, user, system_user, is_staff);
  CHECK(same.has_value() == found.has_value());
  if (!found) CHECK(same.error().what == found.error().what);
  return 0;
}
