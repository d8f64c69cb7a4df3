#include "server/settings/config_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "server/settings/config_lexer.h"
#include "server/wire/text.h"

namespace server::settings {

using runtime::format;
using wire::equal_ignoring_case;

namespace {

constexpr std::size_t kFileBytesMax = 1 << 20;
constexpr int kDepthMax = 10;            // of files that include each other
constexpr std::size_t kErrorsMax = 100;  // of syntax, in one file

// Walks one file, and the files that it includes.
class FileReader {
 public:
  FileReader(ConfigFile& found, std::string path, int depth)
      : found_(found), path_(std::move(path)), depth_(depth) {}

  void read(bool may_be_missing);

 private:
  using Kind = ConfigToken::Kind;

  void walk(ConfigLexer lexer);
  ConfigToken read_line(const ConfigToken& name, ConfigLexer& lexer);
  void take(const ConfigToken& name, std::string value);
  void include(const std::string& named, bool may_be_missing);
  void include_directory(const std::string& named);
  ConfigToken refuse(ConfigToken token, ConfigLexer& lexer);
  void fail(std::string what, std::string hint = {});
  // The path that a file means by another one's name.
  std::string beside(const std::string& named) const {
    return (std::filesystem::path(path_).parent_path() / named).string();
  }

  ConfigFile& found_;
  const std::string path_;
  const int depth_;
  std::size_t syntax_errors_ = 0;
};

bool is_value(ConfigToken::Kind kind) {
  using Kind = ConfigToken::Kind;
  return kind == Kind::kIdentifier || kind == Kind::kString || kind == Kind::kUnquotedString ||
         kind == Kind::kInteger || kind == Kind::kReal;
}

bool ends_line(const ConfigToken& token) {
  return token.kind == ConfigToken::Kind::kEndOfLine || token.kind == ConfigToken::Kind::kEnd;
}

void FileReader::fail(std::string what, std::string hint) {
  found_.errors.push_back(
      {.kind = &runtime::kInvalidParameterValue, .what = std::move(what), .hint = std::move(hint)});
}

void FileReader::read(bool may_be_missing) {
  if (depth_ > kDepthMax) {
    return fail(
        format("could not open configuration file \"{}\": maximum nesting depth exceeded", path_));
  }
  const auto text = runtime::read_text(path_, kFileBytesMax);
  if (text) return walk(ConfigLexer(*text));
  const runtime::Error& error = text.error();
  if (may_be_missing && error.kind == &runtime::kFileMissing) {
    found_.skipped.push_back(path_);
  } else if (error.sys_errno == 0) {
    found_.errors.push_back(error);
  } else {
    found_.errors.push_back(runtime::system_error(
        error.sys_errno, format("could not open configuration file \"{}\"", path_)));
  }
}

void FileReader::walk(ConfigLexer lexer) {
  for (;;) {
    ConfigToken token = lexer.next();
    if (!ends_line(token)) token = read_line(token, lexer);
    if (token.kind == Kind::kEnd) return;
    if (syntax_errors_ == kErrorsMax) {
      return fail(format("too many syntax errors found, abandoning file \"{}\"", path_));
    }
  }
}

// Returns the token that has ended the line.
ConfigToken FileReader::read_line(const ConfigToken& name, ConfigLexer& lexer) {
  if (name.kind != Kind::kIdentifier && name.kind != Kind::kQualifiedIdentifier) {
    return refuse(name, lexer);
  }
  ConfigToken token = lexer.next();
  if (token.kind == Kind::kEquals) token = lexer.next();
  if (!is_value(token.kind)) return refuse(token, lexer);
  std::string value = token.kind == Kind::kString ? unquoted(token.text) : std::string(token.text);
  token = lexer.next();
  if (!ends_line(token)) return refuse(token, lexer);
  take(name, std::move(value));
  return token;
}

void FileReader::take(const ConfigToken& name, std::string value) {
  if (equal_ignoring_case(name.text, "include")) return include(value, false);
  if (equal_ignoring_case(name.text, "include_if_exists")) return include(value, true);
  if (equal_ignoring_case(name.text, "include_dir")) return include_directory(value);
  found_.assignments.push_back({.name = std::string(name.text),
                                .value = std::move(value),
                                .file = path_,
                                .line = name.line});
}

void FileReader::include(const std::string& named, bool may_be_missing) {
  if (wire::trim(named).empty()) {
    return fail(format("empty configuration file name: \"{}\"", named));
  }
  FileReader(found_, beside(named), depth_ + 1).read(may_be_missing);
}

// Files whose names end in ".conf" and do not begin with a dot, by their names.
void FileReader::include_directory(const std::string& named) {
  if (wire::trim(named).empty()) {
    return fail(format("empty configuration directory name: \"{}\"", named));
  }
  const std::string directory = beside(named);
  auto names = runtime::list_directory(directory);
  if (!names) {
    found_.errors.push_back(
        runtime::system_error(names.error().sys_errno,
                              format("could not open configuration directory \"{}\"", directory)));
    return;
  }
  std::sort(names->begin(), names->end());
  for (const std::string& name : *names) {
    const std::string path = directory + "/" + name;
    struct stat status {};
    const bool is_directory = ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
    if (name.starts_with('.') || !name.ends_with(".conf") || is_directory) continue;
    FileReader(found_, path, depth_ + 1).read(false);
  }
}

// Says that `token` should not be there, and goes on behind its line. Returns the token that has
// ended it.
ConfigToken FileReader::refuse(ConfigToken token, ConfigLexer& lexer) {
  ++syntax_errors_;
  if (ends_line(token)) {
    fail(format("syntax error in file \"{}\" line {}, near end of line", path_, token.line));
  } else {
    fail(format("syntax error in file \"{}\" line {}, near token \"{}\"", path_, token.line,
                token.text),
         "A line is a name with underscores and a value; a value with blanks or other characters "
         "than letters, digits and -._:/ stands in single quotes.");
  }
  while (!ends_line(token)) token = lexer.next();
  return token;
}

}  // namespace

ConfigFile read_config_file(const std::string& path) {
  ConfigFile found;
  FileReader(found, path, 0).read(/*may_be_missing=*/false);
  return found;
}

}  // namespace server::settings
