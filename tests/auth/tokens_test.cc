#include "server/auth/tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/auth/memory_files.h"
#include "tests/support/temp_dir.h"

namespace server::auth {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kPath = "/d/a.conf";

TokenFile read(const tests::MemoryFiles& files) { return read_token_file(kPath, files.source()); }
TokenFile read_text(const std::string& text) {
  return read(tests::MemoryFiles().write(kPath, text));
}

// "file:line word word,word", the file without its directory.
std::vector<std::string> lines(const TokenFile& file) {
  std::vector<std::string> all;
  for (const TokenLine& line : file.lines) {
    std::string text =
        std::filesystem::path(line.file).filename().string() + ":" + std::to_string(line.line);
    for (const Field& field : line.fields) {
      std::string words;
      for (const Token& token : field) {
        words += (words.empty() ? "" : ",") + token.text + (token.quoted ? "'" : "");
      }
      text += " " + words;
    }
    all.push_back(text);
  }
  return all;
}

std::vector<std::string> errors(const TokenFile& file) {
  std::vector<std::string> all;
  for (const FileError& error : file.errors) {
    all.push_back(error.error.what + " | " + error.context());
  }
  return all;
}

TEST(TokensTest, QuotesAreOfTheWordThatTheyBegin) {
  EXPECT_THAT(lines(read_text("a \"b\" c\"d\" \"\" \"e\"f x\"\"")),
              ElementsAre("a.conf:1 a b' cd ' ef' x"));
  EXPECT_THAT(lines(read_text("\"a \"\"b\"\" # c\" d")), ElementsAre("a.conf:1 a \"b\" # c' d"));
  EXPECT_THAT(lines(read_text("\"\"\"\" \"\"\"a")), ElementsAre("a.conf:1 \"' \"a'"));
  EXPECT_THAT(lines(read_text("a \"never closed, b\nc")),
              ElementsAre("a.conf:1 a never closed, b'", "a.conf:2 c"));
}

TEST(TokensTest, CommasJoinWordsIntoAField) {
  EXPECT_THAT(lines(read_text("a,b,c d, e ,f g,,h ,")), ElementsAre("a.conf:1 a,b,c d,e f g,h"));
  EXPECT_THAT(lines(read_text(",, a,")), ElementsAre("a.conf:1 a"));
  EXPECT_THAT(lines(read_text("a,# b\nc")), ElementsAre("a.conf:1 a", "a.conf:2 c"));
}

TEST(TokensTest, LinesWithoutWordsAreNone) {
  EXPECT_THAT(lines(read_text("\n# a\n \t\r\n,,\n\nb")), ElementsAre("a.conf:6 b"));
  EXPECT_THAT(lines(read_text("")), IsEmpty());
}

TEST(TokensTest, ABackslashAtTheEndOfALineJoinsItToTheNext) {
  EXPECT_THAT(lines(read_text("a\\\nb \\\r\nc\nd")), ElementsAre("a.conf:1 ab c", "a.conf:4 d"));
  EXPECT_THAT(lines(read_text("a\\")), ElementsAre("a.conf:1 a"));
  EXPECT_THAT(lines(read_text("a\\ \nb")), ElementsAre("a.conf:1 a\\", "a.conf:2 b"));
  EXPECT_THAT(lines(read_text("# a\\\nb\nc")), ElementsAre("a.conf:3 c"));
  EXPECT_THAT(lines(read_text("a\\\\\n\nb")), ElementsAre("a.conf:1 a\\", "a.conf:3 b"))
      << "the first backslash ends no line of its own";
}

TEST(TokensTest, ALineEndsAtAByteOfZero) {
  EXPECT_THAT(lines(read_text(std::string("a b\0c d\ne", 9))),
              ElementsAre("a.conf:1 a b", "a.conf:2 e"));
}

TEST(TokensTest, AWordMayStandForThoseOfAFile) {
  tests::MemoryFiles files;
  files.write(kPath, "x @b.txt,y @\"c d\" \"@b.txt\" @\n")
      .write("/d/b.txt", "1 2,\"3\"\n# none\n@sub/e\n")
      .write("/d/sub/e", "4 @../f")
      .write("/d/f", "5")
      .write("/d/c d", "");
  EXPECT_THAT(lines(read(files)), ElementsAre("a.conf:1 x 1,2,3',4,5,y @b.txt' @"));
}

TEST(TokensTest, AnIncludedFileStandsInThePlaceOfItsLine) {
  tests::MemoryFiles files;
  files.write(kPath, "x 1\ninclude b.conf\nx 3\ninclude /e/c.conf\n")
      .write("/d/b.conf", "\nx 2\n")
      .write("/e/c.conf", "include d.conf\nx 5\n")
      .write("/e/d.conf", "x 4\n");
  EXPECT_THAT(lines(read(files)), ElementsAre("a.conf:1 x 1", "b.conf:2 x 2", "a.conf:3 x 3",
                                              "d.conf:1 x 4", "c.conf:2 x 5"));
}

// As PostgreSQL: the word is one of three only in a line of two fields, and even in quotes.
TEST(TokensTest, OnlyALineOfTwoFieldsIncludes) {
  tests::MemoryFiles files;
  files.write(kPath, "include\ninclude b.conf c\n\"include\" \"b.conf\"\nInclude b.conf\n")
      .write("/d/b.conf", "x");
  EXPECT_THAT(lines(read(files)), ElementsAre("a.conf:1 include", "a.conf:2 include b.conf c",
                                              "b.conf:1 x", "a.conf:4 Include b.conf"));
}

TEST(TokensTest, ADirectoryIsIncludedByTheNamesOfItsFiles) {
  tests::MemoryFiles files;
  files.write(kPath, "include_dir e\n")
      .write("/d/e/2.conf", "x 2")
      .write("/d/e/10.conf", "x 10")
      .write("/d/e/.3.conf", "x 3")
      .write("/d/e/4.txt", "x 4");
  EXPECT_THAT(lines(read(files)), ElementsAre("10.conf:1 x 10", "2.conf:1 x 2"));
}

TEST(TokensTest, AFileThatMayBeMissingIsSkipped) {
  tests::MemoryFiles files;
  files.write(kPath, "include_if_exists b.conf\nx\n");
  const TokenFile file = read(files);
  EXPECT_THAT(errors(file), IsEmpty());
  EXPECT_THAT(file.skipped, ElementsAre("/d/b.conf"));
  EXPECT_THAT(lines(file), ElementsAre("a.conf:2 x"));
}

TEST(TokensTest, SaysWhichLineNamesAFileThatCannotBeRead) {
  tests::MemoryFiles files;
  files
      .write(kPath,
             "include b.conf\nx @c\ninclude_dir e\ninclude_dir \" \"\ninclude_if_exists f\n"
             "y @f\nz @g\nok 1\n")
      .write("/d/g", "\n@h")
      .spoil("/d/f", EACCES);
  const TokenFile file = read(files);
  EXPECT_THAT(
      errors(file),
      ElementsAre(
          "could not open file \"/d/b.conf\": No such file or directory | line 1 of configuration "
          "file \"/d/a.conf\"",
          "could not open secondary authentication file \"@c\" as \"/d/c\": No such file or "
          "directory | line 2 of configuration file \"/d/a.conf\"",
          "could not open configuration directory \"/d/e\": No such file or directory | line 3 of "
          "configuration file \"/d/a.conf\"",
          "empty configuration directory name: \" \" | line 4 of configuration file \"/d/a.conf\"",
          "could not read file \"/d/f\": Permission denied | line 5 of configuration file "
          "\"/d/a.conf\"",
          "could not read file \"/d/f\": Permission denied | line 6 of configuration file "
          "\"/d/a.conf\"",
          "could not open secondary authentication file \"@h\" as \"/d/h\": No such file or "
          "directory | line 2 of configuration file \"/d/g\""));
  EXPECT_EQ(file.errors[0].error.kind->code, "58P01");
  EXPECT_EQ(file.errors[3].error.kind->code, "22023");
  EXPECT_THAT(lines(file), ElementsAre("a.conf:8 ok 1")) << "a line with an error is left out";
}

TEST(TokensTest, SaysThatTheFileItselfCannotBeRead) {
  const TokenFile file = read(tests::MemoryFiles());
  EXPECT_THAT(
      errors(file),
      ElementsAre("could not open configuration file \"/d/a.conf\": No such file or directory | "));
}

TEST(TokensTest, FilesThatIncludeThemselvesEnd) {
  for (const char* text : {"include a.conf\n", "x @a.conf\n", "include_dir .\n"}) {
    EXPECT_THAT(errors(read_text(text)),
                ElementsAre("could not open file \"/d/a.conf\": maximum nesting depth exceeded | "
                            "line 1 of configuration file \"/d/a.conf\""))
        << text;
  }
}

// Ten deep, and ten times at each depth: without a limit this would not end.
TEST(TokensTest, FilesThatIncludeThemselvesOftenAreGivenUp) {
  std::string text;
  for (int i = 0; i < 10; ++i) text += "include a.conf\n";
  const TokenFile file = read_text(text);
  ASSERT_EQ(file.errors.size(), 101u);
  EXPECT_EQ(file.errors.back().error.what, "too many errors found, abandoning file \"/d/a.conf\"");
}

// No error is met, and yet it must end: each file includes the next one four times.
TEST(TokensTest, AllFilesHaveALimitTogether) {
  tests::MemoryFiles files;
  const std::string to_next = "include 1/next\ninclude 1/next\ninclude 1/next\ninclude 1/next\n";
  files.write(kPath, "include 1/next\n");
  std::string path = "/d";
  for (int depth = 1; depth <= 10; ++depth) {
    path += "/1";
    files.write(path + "/next", depth == 10 ? "x\n" : to_next);
  }
  EXPECT_THAT(errors(read(files)),
              testing::Contains(testing::HasSubstr("files have more than 16777216 bytes in all")));
}

TEST(TokensTest, ReadsTheDisk) {
  const tests::TempDir directory;
  std::filesystem::create_directories(directory.file("e/3.conf"));
  std::ofstream(directory.file("a.conf")) << "x @b\ninclude_dir e\ninclude e\n";
  std::ofstream(directory.file("b")) << "1\n";
  std::ofstream(directory.file("e/2.conf")) << "x 2\n";
  const TokenFile file = read_token_file(directory.file("a.conf"), disk_files());
  EXPECT_THAT(lines(file), ElementsAre("a.conf:1 x 1", "2.conf:1 x 2"));
  EXPECT_THAT(errors(file), ElementsAre("could not read file \"" + directory.file("e") +
                                        "\": Is a directory | line 3 of configuration file \"" +
                                        directory.file("a.conf") + "\""));
}

TEST(TokensTest, AFileThatIsTooLargeIsRefused) {
  const tests::TempDir directory;
  std::ofstream(directory.file("a.conf")) << std::string(2 << 20, '#');
  const TokenFile file = read_token_file(directory.file("a.conf"), disk_files());
  EXPECT_THAT(errors(file), ElementsAre(testing::HasSubstr("is larger than 1048576 bytes")));
}

}  // namespace
}  // namespace server::auth
