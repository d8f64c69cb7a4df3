#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "server/config/command_line.h"
#include "tests/support/temp_dir.h"

namespace server::config {

// Parses a command line, and keeps what was printed.
struct Parsing {
  explicit Parsing(const std::vector<std::string>& words) {
    std::vector<const char*> arguments{"walcast"};
    for (const std::string& word : words) arguments.push_back(word.c_str());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    line = parse_command_line(static_cast<int>(arguments.size()), arguments.data());
    out = testing::internal::GetCapturedStdout();
    err = testing::internal::GetCapturedStderr();
  }
  const std::string& shown(const std::string& name) const {
    const settings::Setting* setting = line.serve.settings.find(name);
    static const std::string missing = "(missing)";
    return setting == nullptr ? missing : setting->value;
  }

  CommandLine line;
  std::string out;
  std::string err;
};

inline Parsing serve(std::vector<std::string> words) {
  words.insert(words.begin(), {"serve", "--wal-directory", "/wal"});
  return Parsing(words);
}

// Parses "serve" with options from a file, none of them on the command line.
inline Parsing serve_file(const std::string& contents, const std::vector<std::string>& words = {}) {
  const tests::TempDir dir;
  std::ofstream(dir.file("walcast.conf")) << contents;
  std::vector<std::string> all{"serve", "--config", dir.file("walcast.conf")};
  all.insert(all.end(), words.begin(), words.end());
  return Parsing(all);
}

inline void expect_refused(const Parsing& parsing, const std::string& text) {
  EXPECT_EQ(parsing.line.verb, CommandLine::Verb::kExit) << text;
  EXPECT_NE(parsing.line.exit_code, 0) << text;
  EXPECT_THAT(parsing.err, testing::HasSubstr(text));
}

}  // namespace server::config
