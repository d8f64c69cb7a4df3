#include "server/settings/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"
#include "tests/support/unprivileged.h"

namespace server::settings {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Configuration files in a directory of their own.
class Files {
 public:
  const Files& write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_.file(name)) << text;
    return *this;
  }
  std::string path(const std::string& name) const { return dir_.file(name); }
  ConfigFile read(const std::string& name = "a.conf") const { return read_config_file(path(name)); }

 private:
  tests::TempDir dir_;
};

ConfigFile read_text(const std::string& text) { return Files().write("a.conf", text).read(); }

std::vector<std::string> said(const ConfigFile& file) {
  std::vector<std::string> all;
  for (const Assignment& one : file.assignments) all.push_back(one.name + "=" + one.value);
  return all;
}

std::vector<std::string> errors(const ConfigFile& file) {
  std::vector<std::string> all;
  for (const runtime::Error& error : file.errors) all.push_back(error.what);
  return all;
}

// guc-file.l; what SHOW answers of a PostgreSQL with such a line.
TEST(ConfigFileTest, ReadsALineAsPostgresDoes) {
  const std::pair<const char*, const char*> lines[] = {
      {"a = b", "a=b"},
      {"a b", "a=b"},
      {"a=b", "a=b"},
      {"  a\t=\tb\r\n", "a=b"},
      {"a = b # a comment", "a=b"},
      {"a = b#c", "a=b"},
      {"a = 'b # c'", "a=b # c"},
      {"a = ''", "a="},
      {"a = 'it''s'", "a=it's"},
      {"a = 'it\\'s\\n\\101\\x'", "a=it's\nAx"},
      {"a = 16MB", "a=16MB"},
      {"a = -1", "a=-1"},
      {"a = +0x1F", "a=+0x1F"},
      {"a = 1.5", "a=1.5"},
      {"a = -.5e3", "a=-.5e3"},
      {"a = local-host:5432/x_y.z", "a=local-host:5432/x_y.z"},
      {"a.b = c", "a.b=c"},
      {"a = 'host=h user=''u v'''", "a=host=h user='u v'"}};
  for (const auto& [line, expected] : lines) {
    const ConfigFile file = read_text(line);
    EXPECT_THAT(errors(file), IsEmpty()) << line;
    EXPECT_THAT(said(file), ElementsAre(expected)) << line;
  }
  EXPECT_THAT(said(read_text("# nothing\n\n   \n")), IsEmpty());
}

TEST(ConfigFileTest, SaysWhereTheSyntaxIsWrong) {
  const Files files;
  const std::pair<const char*, const char*> lines[] = {
      {"\na\n", "line 2, near end of line"},
      {"a =", "line 1, near end of line"},
      {"a = b c", "line 1, near token \"c\""},
      {"= b", "line 1, near token \"=\""},
      {"a = /var/lib", "line 1, near token \"/\""},
      {"a = 'b", "line 1, near token \"'\""},
      {"a = host=h", "line 1, near token \"=\""},
      {"wal-keep-size = 1", "line 1, near token \"wal-keep-size\""},
      {"a = 50MB/s", "line 1, near token \"/\""},
      {"a = 1.5h", "line 1, near token \"h\""},
      {"a = \"b\"", "line 1, near token \"\"\""},
      {"a = ;", "line 1, near token \";\""},
      {"5 = a", "line 1, near token \"5\""},
      {"[section]", "line 1, near token \"[\""}};
  for (const auto& [line, where] : lines) {
    const ConfigFile file = files.write("a.conf", line).read();
    EXPECT_THAT(errors(file),
                ElementsAre("syntax error in file \"" + files.path("a.conf") + "\" " + where))
        << line;
  }
}

TEST(ConfigFileTest, GoesOnBehindAWrongLine) {
  const ConfigFile file = read_text("a = b c\nd = e\n= f\ng = h");
  EXPECT_EQ(file.errors.size(), 2u);
  EXPECT_THAT(said(file), ElementsAre("d=e", "g=h"));
  EXPECT_EQ(file.assignments.back().line, 4u);
}

TEST(ConfigFileTest, GivesUpAFileThatIsNone) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "= =\n";
  const ConfigFile file = read_text(text);
  ASSERT_EQ(file.errors.size(), 101u);
  EXPECT_THAT(file.errors.back().what, testing::StartsWith("too many syntax errors found"));
}

TEST(ConfigFileTest, AnIncludedFileStandsInThePlaceOfItsLine) {
  const Files files;
  files.write("a.conf", "x = 1\ninclude 'b.conf'\nx = 3\n").write("b.conf", "x = 2\ny = 1\n");
  const ConfigFile file = files.read();
  EXPECT_THAT(said(file), ElementsAre("x=1", "x=2", "y=1", "x=3"));
  EXPECT_EQ(file.assignments[2].file, files.path("b.conf"));
  EXPECT_EQ(file.assignments[2].line, 2u);
}

TEST(ConfigFileTest, ADirectoryIsIncludedByTheNamesOfItsFiles) {
  const Files files;
  std::filesystem::create_directories(files.path("conf.d/not.conf"));
  files.write("a.conf", "include_dir = 'conf.d'\n")
      .write("conf.d/2.conf", "x = 2\n")
      .write("conf.d/1.conf", "x = 1\n")
      .write("conf.d/.3.conf", "x = 3\n")
      .write("conf.d/4.txt", "x = 4\n");
  EXPECT_THAT(said(files.read()), ElementsAre("x=1", "x=2"));
}

TEST(ConfigFileTest, AFileThatMayBeMissingIsSkipped) {
  const Files files;
  files.write("a.conf", "include_if_exists = 'b.conf'\nx = 1\n");
  const ConfigFile file = files.read();
  EXPECT_THAT(errors(file), IsEmpty());
  EXPECT_THAT(file.skipped, ElementsAre(files.path("b.conf")));
  EXPECT_THAT(said(file), ElementsAre("x=1"));
}

TEST(ConfigFileTest, SaysWhyAFileCannotBeOpened) {
  const Files files;
  files.write("a.conf", "include 'b.conf'\ninclude_dir 'c'\ninclude ' '\n");
  EXPECT_THAT(errors(files.read()),
              ElementsAre("could not open configuration file \"" + files.path("b.conf") +
                              "\": No such file or directory",
                          "could not open configuration directory \"" + files.path("c") +
                              "\": No such file or directory",
                          "empty configuration file name: \" \""));
}

TEST(ConfigFileTest, ADirectoryIsNoFile) {
  const Files files;
  std::filesystem::create_directories(files.path("a.conf"));
  EXPECT_THAT(errors(files.read()), ElementsAre("could not open configuration file \"" +
                                                files.path("a.conf") + "\": Is a directory"));
}

TEST(ConfigFileTest, AFileThatMayNotBeReadIsNotMissing) {
  const Files files;
  files.write("a.conf", "include_if_exists 'b.conf'\n").write("b.conf", "x = 1\n");
  ::chmod(files.path(".").c_str(), 0755);
  ::chmod(files.path("b.conf").c_str(), 0);
  const tests::Unprivileged user;
  if (!user.is_effective()) GTEST_SKIP() << "root cannot be another user here";
  EXPECT_THAT(errors(files.read()), ElementsAre("could not open configuration file \"" +
                                                files.path("b.conf") + "\": Permission denied"));
}

TEST(ConfigFileTest, FilesThatIncludeThemselvesEnd) {
  const Files files;
  files.write("a.conf", "include 'a.conf'\n");
  EXPECT_THAT(errors(files.read()),
              ElementsAre("could not open configuration file \"" + files.path("a.conf") +
                          "\": maximum nesting depth exceeded"));
}

}  // namespace
}  // namespace server::settings
