#include "tests/tidy/structure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tidy/functions.h"

namespace tests {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kMedianLinesMax = 6;

TEST(StructureTest, NoClassIsCutOverTwoSources) {
  EXPECT_THAT(split_classes(read_source_tree()), IsEmpty());
}

TEST(StructureTest, IncludesMakeNoCircleInsideAFolder) {
  EXPECT_THAT(include_circles(read_source_tree()), IsEmpty());
}

TEST(StructureTest, TheTopFloorIsNotCrowded) {
  EXPECT_THAT(crowded_folders(read_source_tree()), IsEmpty());
}

TEST(StructureTest, FunctionsAreShort) {
  const auto tree = read_source_tree();
  EXPECT_THAT(long_functions(tree), IsEmpty());
  EXPECT_LE(median_function_lines(tree), kMedianLinesMax);
}

TEST(StructureRulesTest, FindsAClassInTwoSources) {
  const SourceFile header{"server/a/x.h", "class X {\n  void f();\n  void h() {}\n};\n"};
  const SourceFile first{"server/a/x.cc", "void X::f() {\n}\n"};
  EXPECT_THAT(split_classes({header, first}), IsEmpty());
  EXPECT_THAT(split_classes({header, first, {"server/a/x2.cc", "Result<X> X::g() {}\n"}}),
              ElementsAre("server/a X is in server/a/x.cc and server/a/x2.cc"));
  EXPECT_THAT(split_classes({first, {"server/a/y.cc", "X::Part::Part() : a_(1) {}\n"}}),
              ElementsAre("server/a X is in server/a/x.cc and server/a/y.cc"));
  EXPECT_THAT(split_classes({first, {"server/a/y.cc", "bool X::operator==(X o) const {}\n"}}),
              ElementsAre("server/a X is in server/a/x.cc and server/a/y.cc"));
}

TEST(StructureRulesTest, ClassesOfOneNameMayBeTwoClasses) {
  const SourceFile first{"server/a/x.cc", "void X::f() {}\n"};
  EXPECT_THAT(split_classes({first, {"server/b/x.cc", "void X::f() {}\n"}}), IsEmpty());
  EXPECT_THAT(split_classes({first, {"server/a/y.cc", "struct X {};\nvoid X::f() {}\n"}}),
              IsEmpty());
  EXPECT_THAT(split_classes({first, {"tests/a/x_test.cc", "void X::g() {}\n"}}), IsEmpty());
  EXPECT_THAT(split_classes({first, {"server/a/y.cc", "void f() {\n  X::g();\n}\n"}}), IsEmpty());
}

TEST(StructureRulesTest, FindsACircleOfIncludes) {
  const SourceFile a{"server/a.h", "#include \"server/b.h\"\n"};
  const SourceFile b{"server/b.h", "#include \"server/c.h\"\n"};
  EXPECT_THAT(include_circles({a, b, {"server/c.h", "#include <a>\n#include \"x/a.h\"\n"}}),
              IsEmpty());
  EXPECT_THAT(include_circles({a, b, {"server/c.h", "#include \"server/a.h\"\n"}}),
              ElementsAre("server/a includes server/b includes server/c includes server/a"));
  EXPECT_THAT(include_circles({a, {"server/b.cc", "#include \"server/a.h\"\n"}}),
              ElementsAre("server/a includes server/b includes server/a"));
  EXPECT_THAT(include_circles({a, {"server/a.cc", "#include \"server/a.h\"\n"}}), IsEmpty());
}

TEST(StructureRulesTest, FindsALongFunction) {
  std::string statements;
  for (int i = 0; i < 58; ++i) statements += "  f();\n";
  EXPECT_THAT(long_functions({{"server/a.cc", "void g() {\n" + statements + "}\n"}}), IsEmpty());
  const std::string longer = "\nvoid g() {\n" + statements + "  f();\n}\n";
  EXPECT_THAT(long_functions({{"server/a.cc", longer}}),
              ElementsAre("server/a.cc:2 has a function of 61 lines"));
  EXPECT_THAT(long_functions({{"tests/a.cc", longer}}), IsEmpty());
}

TEST(StructureRulesTest, TheMedianIsOfAllFunctions) {
  const SourceFile one{"server/a.h", "struct A {\n  int f() { return 1; }\n};\n"};
  const SourceFile two{"server/a.cc", "void g() {\n  a();\n}\nvoid h() {\n  a();\n  b();\n}\n"};
  EXPECT_EQ(median_function_lines({one, two}), 3u);
}

TEST(StructureRulesTest, FindsACrowdedTopFloor) {
  std::vector<SourceFile> tree(14, {"server/a.cc", ""});
  tree.push_back({"server/CMakeLists.txt", ""});
  tree.push_back({"server/wal/a.cc", ""});
  EXPECT_THAT(crowded_folders(tree), IsEmpty());
  tree.push_back({"server/b.h", ""});
  EXPECT_THAT(crowded_folders(tree), ElementsAre("server/ itself has 15 headers and sources"));
}

std::vector<std::string> heads(const std::string& text) {
  std::vector<std::string> found;
  for (const Function& function : functions_of({"a.cc", text})) found.push_back(function.head);
  return found;
}

TEST(FunctionsTest, FindsDefinitionsAndNothingElse) {
  EXPECT_THAT(
      heads("namespace a {\nclass B final : public C {\n public:\n  int f() const { return 1; }\n"
            "  void g();\n  std::vector<int> v_{1, 2};\n};\n}\n"),
      ElementsAre("int f() const "));
  EXPECT_THAT(heads("A::A(int a) : a_(a), b_{a}, c_([] { g(); }) { h(); }\n"),
              ElementsAre("A::A(int a) : a_(a), b_, c_([] ) "));
  EXPECT_THAT(heads("const auto f = [](int a) { return a; };\nconstexpr A kA[]{{1}, {2}};\n"
                    "enum class E { kA };\nstruct S { int a = f(); };\n"),
              IsEmpty());
  EXPECT_THAT(heads("bool operator==(A a, A b) { return true; }\n"),
              ElementsAre("bool operator==(A a, A b) "));
  EXPECT_THAT(heads("struct A f(int a) { return {}; }\nclass CAPABILITY(\"x\") L { };\n"),
              ElementsAre("struct A f(int a) "));
  EXPECT_THAT(heads("#define M(x) {\\\n  x(\nvoid f() { if (a) { b(); } }\n// void g() {}\n"),
              ElementsAre("void f() "));
}

TEST(FunctionsTest, CountsLinesFromTheHeadOn) {
  const auto found =
      functions_of({"a.cc", "\nint f(int a,\n      int b) {\n  return 1;\n}\n\nint g() {}\n"});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].line, 2u);
  EXPECT_EQ(found[0].lines, 4u);
  EXPECT_EQ(found[1].line, 7u);
  EXPECT_EQ(found[1].lines, 1u);
}

TEST(FunctionsTest, KnowsTheClassOfAMember) {
  const auto class_of_head = [](const std::string& head) { return class_of({.head = head}); };
  EXPECT_EQ(class_of_head("void Session::f() "), "Session");
  EXPECT_EQ(class_of_head("Result<Primary::Texts> Primary::row(char c) "), "Primary");
  EXPECT_EQ(class_of_head("Session::~Session() "), "Session");
  EXPECT_EQ(class_of_head("bool Session::Part::operator()(int a) "), "Session");
  EXPECT_EQ(class_of_head("server::wal::Lsn f(Session::Part p) "), "");
  EXPECT_EQ(class_of_head("Session::Part f(int a) "), "");
}

}  // namespace
}  // namespace tests
