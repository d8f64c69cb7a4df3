#include "server/auth/tokens.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"

namespace server::auth {

using runtime::Error;
using runtime::format;
using runtime::Result;

namespace {

constexpr int kDepthMax = 10;  // CONF_FILE_MAX_DEPTH
constexpr std::size_t kFileBytesMax = 1 << 20;
constexpr std::size_t kBytesMax = 16 << 20;  // of all files, one counted as often as it is read
// The least that a file counts, so that many empty ones end too.
constexpr std::size_t kFileBytesMin = 16 << 10;
constexpr std::size_t kErrorsMax = 100;  // of files; each may be named again by files that repeat

// All that is read for one file.
struct Reading {
  const FileSource& source;
  TokenFile& found;
  std::size_t bytes_left = kBytesMax;

  bool is_given_up() const { return found.errors.size() > kErrorsMax; }
};

// Reads one file.
class FileTokenizer {
 public:
  FileTokenizer(Reading& reading, std::string path, int depth)
      : reading_(reading), path_(std::move(path)), depth_(depth) {}

  // Blocks. An error is of the whole file: it could not be read.
  Result<std::string> read() const;
  // Appends the lines of the text to `lines`, and what is wrong with them to the errors.
  void tokenize(const std::string& text, std::vector<TokenLine>& lines);

 private:
  void take_line(TokenLine line, std::vector<TokenLine>& lines);
  void take_fields(TokenLine& line);
  void expand(const std::string& named, Field& field);
  bool take_include(const TokenLine& line, std::vector<TokenLine>& lines);
  void include(const std::string& path, bool may_be_missing, std::vector<TokenLine>& lines);
  void include_directory(const std::string& named, std::vector<TokenLine>& lines);
  void fail(Error error);
  // The path that this file means by another one's name.
  std::string beside(const std::string& named) const {
    std::string path =
        (std::filesystem::path(path_).parent_path() / named).lexically_normal().string();
    if (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return path;
  }

  Reading& reading_;
  const std::string path_;
  const int depth_;
  std::size_t line_ = 0;  // the line at hand
};

// The last error says that more are not looked for.
void FileTokenizer::fail(Error error) {
  if (reading_.is_given_up()) return;
  if (reading_.found.errors.size() == kErrorsMax) {
    error = {.kind = &kConfigFileError,
             .what = format("too many errors found, abandoning file \"{}\"", path_)};
  }
  reading_.found.errors.push_back({.error = std::move(error), .file = path_, .line = line_});
}

Result<std::string> FileTokenizer::read() const {
  if (depth_ > kDepthMax) {
    return Error{
        .kind = &kConfigFileError,
        .what = format("could not open file \"{}\": maximum nesting depth exceeded", path_)};
  }
  if (reading_.bytes_left < kFileBytesMin) {
    return Error{.kind = &kConfigFileError,
                 .what = format("could not open file \"{}\": files have more than {} bytes in all",
                                path_, kBytesMax)};
  }
  auto text = TRY(reading_.source.read(path_, std::min(reading_.bytes_left, kFileBytesMax)));
  reading_.bytes_left -= std::min(reading_.bytes_left, std::max(text.size(), kFileBytesMin));
  return text;
}

void FileTokenizer::tokenize(const std::string& text, std::vector<TokenLine>& lines) {
  LineSplitter splitter(text);
  while (auto line = reading_.is_given_up() ? std::nullopt : splitter.next()) {
    line_ = line->number;
    take_line({.file = path_, .line = line_, .text = std::move(line->text), .fields = {}}, lines);
  }
}

// A line of which a part is wrong is left out, for its error is enough.
void FileTokenizer::take_line(TokenLine line, std::vector<TokenLine>& lines) {
  const std::size_t errors = reading_.found.errors.size();
  take_fields(line);
  if (line.fields.empty() || reading_.found.errors.size() > errors) return;
  if (!take_include(line, lines)) lines.push_back(std::move(line));
}

void FileTokenizer::take_fields(TokenLine& line) {
  TokenLexer lexer(line.text);
  while (!lexer.at_end()) {
    Field field;
    for (bool goes_on = true; goes_on;) {
      auto word = lexer.next();
      goes_on = word && word->comma_follows;
      if (!word) break;
      const std::string& text = word->token.text;
      if (!word->token.quoted && text.size() > 1 && text.starts_with('@')) {
        expand(text.substr(1), field);
      } else {
        field.push_back(std::move(word->token));
      }
    }
    // A file of "@file" may have no words.
    if (!field.empty()) line.fields.push_back(std::move(field));
  }
}

// Appends all words of another file.
void FileTokenizer::expand(const std::string& named, Field& field) {
  const std::string path = beside(named);
  FileTokenizer other(reading_, path, depth_ + 1);
  const auto text = other.read();
  if (!text) {
    const Error& error = text.error();
    const bool is_unopened = error.sys_errno != 0 && error.what.starts_with("could not open");
    return fail(is_unopened
                    ? runtime::system_error(
                          error.sys_errno,
                          format("could not open secondary authentication file \"@{}\" as \"{}\"",
                                 named, path))
                    : error);
  }
  std::vector<TokenLine> lines;
  other.tokenize(*text, lines);
  for (TokenLine& line : lines) {
    for (Field& words : line.fields) {
      std::move(words.begin(), words.end(), std::back_inserter(field));
    }
  }
}

// Whether the line was one that includes others.
bool FileTokenizer::take_include(const TokenLine& line, std::vector<TokenLine>& lines) {
  if (line.fields.size() != 2) return false;
  const std::string& word = line.fields[0].front().text;
  const std::string& named = line.fields[1].front().text;
  if (word == "include") {
    include(beside(named), /*may_be_missing=*/false, lines);
  } else if (word == "include_if_exists") {
    include(beside(named), /*may_be_missing=*/true, lines);
  } else if (word == "include_dir") {
    include_directory(named, lines);
  } else {
    return false;
  }
  return true;
}

void FileTokenizer::include(const std::string& path, bool may_be_missing,
                            std::vector<TokenLine>& lines) {
  FileTokenizer other(reading_, path, depth_ + 1);
  const auto text = other.read();
  if (text) return other.tokenize(*text, lines);
  if (may_be_missing && text.error().kind == &runtime::kFileMissing) {
    reading_.found.skipped.push_back(path);
  } else {
    fail(text.error());
  }
}

// Files whose names end in ".conf" and do not begin with a dot, by their names (conffiles.c,
// GetConfFilesInDir).
void FileTokenizer::include_directory(const std::string& named, std::vector<TokenLine>& lines) {
  if (named.find_first_not_of(" \t\r\n") == std::string::npos) {
    return fail({.kind = &runtime::kInvalidParameterValue,
                 .what = format("empty configuration directory name: \"{}\"", named)});
  }
  const std::string directory = beside(named);
  auto names = reading_.source.list(directory);
  if (!names) {
    return fail(
        runtime::system_error(names.error().sys_errno,
                              format("could not open configuration directory \"{}\"", directory)));
  }
  std::sort(names->begin(), names->end());
  for (const std::string& name : *names) {
    if (name.starts_with('.') || !name.ends_with(".conf")) continue;
    include((std::filesystem::path(directory) / name).string(), /*may_be_missing=*/false, lines);
  }
}

Result<std::vector<std::string>> list_files(const std::string& path) {
  auto names = TRY(runtime::list_directory(path));
  std::erase_if(names, [&](const std::string& name) {
    struct stat status {};
    return ::stat((path + "/" + name).c_str(), &status) == 0 && S_ISDIR(status.st_mode);
  });
  return names;
}

}  // namespace

FileSource disk_files() { return {.read = runtime::read_text, .list = list_files}; }

TokenFile read_token_file(const std::string& path, const FileSource& source) {
  TokenFile found;
  Reading reading{.source = source, .found = found};
  FileTokenizer file(reading, path, 0);
  const auto text = file.read();
  if (text) {
    file.tokenize(*text, found.lines);
    return found;
  }
  Error error = text.error();
  if (error.sys_errno != 0) {
    error = runtime::system_error(error.sys_errno,
                                  format("could not open configuration file \"{}\"", path));
  }
  found.errors.push_back({.error = std::move(error), .file = path});
  return found;
}

}  // namespace server::auth
