#include "tests/tidy/style.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <utility>

namespace tests {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(StyleTest, SourcesAreShort) {
  for (const SourceFile& file : read_source_tree()) EXPECT_THAT(size_breaches(file), IsEmpty());
}

TEST(StyleTest, WordsAreInTheirPlaces) {
  for (const SourceFile& file : read_source_tree()) EXPECT_THAT(word_breaches(file), IsEmpty());
}

// Phrases of each top folder; a bound only ever becomes less.
constexpr std::pair<std::string_view, std::size_t> kVaguePhrasesMax[]{
    {"bench", 0}, {"memctx", 0}, {"runtime", 0}, {"server", 0}, {"tests", 0}};

TEST(StyleTest, CommentsNameWhatTheySpeakOf) {
  std::map<std::string_view, std::vector<std::string>> found;
  const auto tree = read_source_tree();
  for (const SourceFile& file : tree) {
    auto& of_folder = found[std::string_view(file.path).substr(0, file.path.find('/'))];
    for (std::string& phrase : vague_phrases(file)) of_folder.push_back(std::move(phrase));
  }
  for (const auto& [folder, count_max] : kVaguePhrasesMax) {
    EXPECT_LE(found[folder].size(), count_max) << testing::PrintToString(found[folder]);
  }
}

TEST(StyleTest, NoFileIsDead) { EXPECT_THAT(dead_files(read_source_tree()), IsEmpty()); }

TEST(StyleTest, EveryTopFolderHasAReadme) {
  for (const std::string& folder : top_folders()) {
    const std::string path = folder + "/README.md";
    EXPECT_THAT(readme_breaches(path, read_source(path)), IsEmpty());
  }
}

TEST(StyleRulesTest, FindsALongFileAndALongLine) {
  std::string text;
  for (int i = 0; i < 400; ++i) text += "\n";
  EXPECT_THAT(size_breaches({"a.cc", text}), IsEmpty());
  EXPECT_THAT(size_breaches({"a.cc", text + "\n"}), ElementsAre("a.cc has 401 lines"));
  EXPECT_THAT(size_breaches({"a.cc", std::string(100, 'x')}), IsEmpty());
  EXPECT_THAT(size_breaches({"a.cc", "\n" + std::string(101, 'x') + "\n"}),
              ElementsAre("a.cc:2 has 101 columns"));
  std::string accents;
  for (int i = 0; i < 100; ++i) accents += "\xC3\xA9";
  EXPECT_THAT(size_breaches({"a.cc", accents}), IsEmpty());
}

std::vector<std::string> words(const std::string& path, const std::string& text) {
  return word_breaches({path, text});
}

TEST(StyleRulesTest, FindsBannedWordsInCode) {
  EXPECT_THAT(words("server/a.cc", "int a;\n  throw b;\n"), ElementsAre("server/a.cc:2 has throw"));
  EXPECT_THAT(words("server/a.cc", "std::mutex m;"), ElementsAre("server/a.cc:1 has std::mutex"));
  EXPECT_THAT(words("tests/a.cc", "std::lock_guard g(m);"),
              ElementsAre("tests/a.cc:1 has std::lock_guard"));
  EXPECT_THAT(words("server/a.h", "std::atomic<int> i;"),
              ElementsAre("server/a.h:1 has std::atomic"));
  EXPECT_THAT(words("tests/a.cc", "std::this_thread::sleep_for(1s);"),
              ElementsAre("tests/a.cc:1 has sleep_for"));
  EXPECT_THAT(words("tests/a.cc", "::usleep(5);"), ElementsAre("tests/a.cc:1 has usleep("));
}

TEST(StyleRulesTest, SignalsAndClocksStayInsideRuntime) {
  const std::pair<const char*, const char*> words_of[] = {
      {"EINTR", "if (errno == EINTR) return;"},
      {"retry_on_signal", "runtime::retry_on_signal(f);"},
      {"steady_clock", "using std::chrono::steady_clock;"},
      {"system_clock", "auto t = std::chrono::system_clock::now();"}};
  for (const auto& [word, code] : words_of) {
    EXPECT_THAT(words("server/wal/a.cc", code),
                ElementsAre(std::string("server/wal/a.cc:1 has ") + word));
    for (const char* place : {"runtime/a.cc", "bench/a.cc", "tests/a.cc"}) {
      EXPECT_THAT(words(place, code), IsEmpty());
    }
  }
}

TEST(StyleRulesTest, LetsWordsBeWhereTheyBelong) {
  EXPECT_THAT(words("runtime/mutex.h", "std::mutex m;"), IsEmpty());
  EXPECT_THAT(words("runtime/a.h", "std::atomic<int> i;"), IsEmpty());
  EXPECT_THAT(words("server/a.cc", "#include <CLI/CLI.hpp>\nthrow CLI::ValidationError(x);"),
              IsEmpty());
  EXPECT_THAT(words("server/a.cc", "bool prepare_to_sleep();\nint sleep_ms() const;"), IsEmpty());
  EXPECT_THAT(words("server/a.cc",
                    "// We throw nothing, and never sleep(1).\n"
                    "/* std::mutex */ f(\"throw\", 'x', R\"(throw)\");"),
              IsEmpty());
}

TEST(StyleRulesTest, FindsABareTodo) {
  EXPECT_THAT(words("server/a.cc", "\n// TODO: later"), ElementsAre("server/a.cc:2 has TODO"));
  EXPECT_THAT(words("server/a.cc", "// TODO(someone): later"),
              ElementsAre("server/a.cc:1 has TODO"));
  EXPECT_THAT(words("server/a.cc", "// TODO(perf): measure"), IsEmpty());
  EXPECT_THAT(words("server/a.cc", "f(\"TODO\");"), IsEmpty());
}

TEST(StyleRulesTest, FindsVaguePhrasesInComments) {
  const auto phrases = [](const std::string& text) { return vague_phrases({"server/a.h", text}); };
  EXPECT_THAT(phrases("int a;\n// Somebody waits.\nint b;  // for nobody\n"),
              ElementsAre("server/a.h:2 has Somebody", "server/a.h:3 has nobody"));
  EXPECT_THAT(phrases("// Who has it keeps it.\n"), ElementsAre("server/a.h:1 has Who"));
  EXPECT_THAT(phrases("// It keeps what was\n// told to it.\n"),
              ElementsAre("server/a.h:1 has what was told"));
  EXPECT_THAT(phrases("// A client who has a slot, whose owner is told of it.\n"
                      "const char* somebody = \"nobody\";\n"),
              IsEmpty());
}

TEST(StyleRulesTest, FindsDeadFiles) {
  const std::vector<SourceFile> tree{
      {"server/a.cc", ""},
      {"server/a.h", ""},
      {"server/dead.h", ""},
      {"server/CMakeLists.txt", "lib(SOURCES a.cc HEADERS a.h)"},
      {"tests/x_test.cc", "#include \"tests/used.h\"\n#include \"server/dead.h\"\n"},
      {"tests/used.h", ""},
      {"tests/unused.h", ""},
      {"tests/y_test.cc", ""},
      {"tests/CMakeLists.txt", "test(x SOURCES x_test.cc)"}};
  EXPECT_THAT(dead_files(tree), ElementsAre("server/dead.h is in no CMakeLists.txt",
                                            "tests/unused.h is in no CMakeLists.txt",
                                            "tests/y_test.cc is in no CMakeLists.txt"));
}

TEST(StyleRulesTest, FindsAMissingAndALongReadme) {
  EXPECT_THAT(readme_breaches("a/README.md", ""), ElementsAre("a/README.md is missing"));
  std::string text;
  for (int i = 0; i < 60; ++i) text += "x\n";
  EXPECT_THAT(readme_breaches("a/README.md", text), IsEmpty());
  EXPECT_THAT(readme_breaches("a/README.md", text + "x\n"),
              ElementsAre("a/README.md has 61 lines"));
}

TEST(SourceTreeTest, TellsCodeFromCommentsAndQuotes) {
  const std::string text =
      "int a = 1'000; // c1 \"q\"\nf(\"x // no\", '\"', '\\'');\n/* c2\nc3 */ g();\n";
  EXPECT_EQ(code_only(text), "int a = 1'000; \nf(, , );\n\n g();\n");
  EXPECT_EQ(comments_only(text), "// c1 \"q\"\n\n/* c2\nc3 */\n");
}

TEST(SourceTreeTest, FindsIncludes) {
  EXPECT_THAT(includes_of("#include \"a/b.h\"  // why\n#include <vector>\n// #include <x>\n"),
              ElementsAre("\"a/b.h\"", "<vector>"));
}

}  // namespace
}  // namespace tests
