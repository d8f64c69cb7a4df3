#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "runtime/result.h"
#include "server/auth/file_error.h"
#include "server/auth/token_lexer.h"

namespace server::auth {

// Words that commas join. Never empty.
using Field = std::vector<Token>;

// A line that has words, of a file or of one that it includes.
struct TokenLine {
  std::string file;
  std::size_t line = 0;
  std::string text;
  std::vector<Field> fields;  // one at least
};

// Where files come from: the disk, or a test's memory. Both functions block.
struct FileSource {
  std::function<runtime::Result<std::string>(const std::string& path, std::size_t bytes_max)> read;
  // The names in a directory, those of directories left out.
  std::function<runtime::Result<std::vector<std::string>>(const std::string& path)> list;
};
FileSource disk_files();

struct TokenFile {
  std::vector<TokenLine> lines;  // in the order in which they stand, included ones in their place
  std::vector<FileError> errors;
  std::vector<std::string> skipped;  // files of include_if_exists that are missing
};

// Reads an hba or ident file as PostgreSQL 16 and later do (hba.c, tokenize_auth_file): "@file" in
// a field stands for the words of that file, and a line of two fields that begins with include,
// include_if_exists or include_dir for the lines of others. Other files are named from the
// directory of the file that names them.
// Limits: files include each other ten deep; a file has 1 MB at most, and all that is read 16 MB.
TokenFile read_token_file(const std::string& path, const FileSource& source);

}  // namespace server::auth
