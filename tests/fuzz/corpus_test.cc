// Plays every file of the corpora, and a few hundred changed ones of each, to the fuzzers: what
// fuzzing has found stays found, under every compiler, without libFuzzer.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/check.h"
#include "runtime/fd.h"
#include "tests/fuzz/seeds.h"
#include "tests/support/random_seed.h"

extern "C" {
int fuzz_auth_file(const std::uint8_t* data, std::size_t size);
int fuzz_built_wal(const std::uint8_t* data, std::size_t size);
int fuzz_command(const std::uint8_t* data, std::size_t size);
int fuzz_console(const std::uint8_t* data, std::size_t size);
int fuzz_framer(const std::uint8_t* data, std::size_t size);
int fuzz_hba(const std::uint8_t* data, std::size_t size);
int fuzz_history(const std::uint8_t* data, std::size_t size);
int fuzz_ident(const std::uint8_t* data, std::size_t size);
int fuzz_records(const std::uint8_t* data, std::size_t size);
int fuzz_role_row(const std::uint8_t* data, std::size_t size);
int fuzz_scram(const std::uint8_t* data, std::size_t size);
int fuzz_session(const std::uint8_t* data, std::size_t size);
int fuzz_slot_file(const std::uint8_t* data, std::size_t size);
int fuzz_sql(const std::uint8_t* data, std::size_t size);
int fuzz_standby(const std::uint8_t* data, std::size_t size);
int fuzz_startup(const std::uint8_t* data, std::size_t size);
int fuzz_tls(const std::uint8_t* data, std::size_t size);
int fuzz_units(const std::uint8_t* data, std::size_t size);
}

namespace tests {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

struct Fuzzer {
  std::string_view name;
  int (*run)(const std::uint8_t* data, std::size_t size);
  int mutations = 200;  // of each file; fewer where one takes long
};

constexpr Fuzzer kFuzzers[]{{"auth_file", fuzz_auth_file},
                            {"built_wal", fuzz_built_wal},
                            {"command", fuzz_command},
                            {"console", fuzz_console, 20},
                            {"framer", fuzz_framer},
                            {"hba", fuzz_hba},
                            {"history", fuzz_history},
                            {"ident", fuzz_ident},
                            {"records", fuzz_records},
                            {"role_row", fuzz_role_row},
                            {"scram", fuzz_scram},
                            {"session", fuzz_session, 5},
                            {"slot_file", fuzz_slot_file},
                            {"sql", fuzz_sql, 20},
                            {"standby", fuzz_standby},
                            {"startup", fuzz_startup},
                            {"tls", fuzz_tls, 20},
                            {"units", fuzz_units}};

constexpr std::size_t kFileBytesMax = 4096;
constexpr std::size_t kFilesMax = 64;

fs::path corpus_of(std::string_view fuzzer) { return fs::path(WALCAST_CORPUS_DIR) / fuzzer; }

Bytes read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  CHECK(file.good());
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> files_of(std::string_view fuzzer) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(corpus_of(fuzzer))) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<Bytes> inputs_of(std::string_view fuzzer) {
  std::vector<Bytes> inputs;
  for (const fs::path& file : files_of(fuzzer)) inputs.push_back(read_file(file));
  return inputs;
}

// Runs a fuzzer, and keeps the input in a file in case it ends the process.
class Player {
 public:
  explicit Player(const Fuzzer& fuzzer)
      : fuzzer_(fuzzer),
        path_((fs::temp_directory_path() / "walcast-fuzz-XXXXXX").string()),
        file_(::mkstemp(path_.data())) {
    CHECK(file_.valid());
    std::cout << "The input is in " << path_ << std::endl;
  }
  ~Player() { ::unlink(path_.c_str()); }

  void play(const Bytes& input) {
    const auto size = static_cast<ssize_t>(input.size());
    CHECK(::ftruncate(file_.get(), size) == 0);
    CHECK(::pwrite(file_.get(), input.data(), input.size(), 0) == size);
    fuzzer_.run(input.data(), input.size());
  }

 private:
  const Fuzzer& fuzzer_;
  std::string path_;
  runtime::UniqueFd file_;
};

// The changes that libFuzzer makes, in the plainest form.
class Mutator {
 public:
  Mutator(const std::vector<Bytes>& inputs, std::uint64_t seed) : inputs_(inputs), random_(seed) {}

  Bytes mutate(Bytes input) {
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) change(input);
    return input;
  }

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }
  std::uint8_t byte() {
    constexpr std::uint8_t kTelling[]{0, 1, 7, 8, 0x7F, 0x80, 0xFE, 0xFF};
    return below(2) == 0 ? kTelling[below(std::size(kTelling))]
                         : static_cast<std::uint8_t>(random_());
  }

  void change(Bytes& input) {
    const std::size_t at = below(input.size() + 1);
    const std::size_t count = std::min(input.size() - at, 1 + below(8));
    const auto place = input.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end = place + static_cast<std::ptrdiff_t>(count);
    switch (below(6)) {
      case 0:
        if (count > 0) *place ^= static_cast<std::uint8_t>(1 << below(8));
        break;
      case 1:
        std::generate(place, end, [this] { return byte(); });
        break;
      case 2:
        input.insert(place, 1 + below(8), byte());
        break;
      case 3:
        input.erase(place, end);
        break;
      case 4:
        input.resize(at);
        break;
      case 5:
        splice(input, at);
        break;
    }
  }

  // What follows is from another input, or from elsewhere in this one.
  void splice(Bytes& input, std::size_t at) {
    const Bytes& other = inputs_[below(inputs_.size())];
    const std::size_t from = below(other.size() + 1);
    const std::size_t size = below(other.size() - from + 1);
    input.resize(at);
    input.insert(input.end(), other.begin() + static_cast<std::ptrdiff_t>(from),
                 other.begin() + static_cast<std::ptrdiff_t>(from + size));
  }

  const std::vector<Bytes>& inputs_;
  std::mt19937_64 random_;
};

class FuzzCorpusTest : public testing::TestWithParam<Fuzzer> {};
INSTANTIATE_TEST_SUITE_P(, FuzzCorpusTest, testing::ValuesIn(kFuzzers),
                         [](const auto& fuzzer) { return std::string(fuzzer.param.name); });

TEST_P(FuzzCorpusTest, EveryFilePlays) {
  Player player(GetParam());
  for (const fs::path& file : files_of(GetParam().name)) {
    std::cout << file.filename().string() << std::endl;
    player.play(read_file(file));
  }
  player.play({});
}

TEST_P(FuzzCorpusTest, ChangedFilesPlay) {
  const std::vector<Bytes> inputs = inputs_of(GetParam().name);
  Player player(GetParam());
  Mutator mutator(inputs, tests::random_seed());
  for (const Bytes& input : inputs) {
    for (int i = 0; i < GetParam().mutations; ++i) player.play(mutator.mutate(input));
  }
}

TEST_P(FuzzCorpusTest, IsSmall) {
  EXPECT_LE(files_of(GetParam().name).size(), kFilesMax);
  for (const fs::path& file : files_of(GetParam().name)) {
    EXPECT_LE(fs::file_size(file), kFileBytesMax) << file;
  }
}

TEST(FuzzersTest, AllThatAreBuiltArePlayed) {
  std::vector<std::string> built;
  std::istringstream names(WALCAST_FUZZERS);
  for (std::string name; names >> name;) built.push_back(name);
  std::vector<std::string> played;
  for (const Fuzzer& fuzzer : kFuzzers) played.emplace_back(fuzzer.name);
  EXPECT_EQ(built, played);
}

// WALCAST_WRITE_SEEDS=1 writes them.
TEST(FuzzSeedsTest, AreInTheCorpora) {
  const bool write = std::getenv("WALCAST_WRITE_SEEDS") != nullptr;
  for (const Seed& seed : all_seeds()) {
    const fs::path path = corpus_of(seed.fuzzer) / seed.name;
    const auto* raw = reinterpret_cast<const char*>(seed.bytes.data());
    if (write) {
      fs::create_directories(path.parent_path());
      std::ofstream(path, std::ios::binary)
          .write(raw, static_cast<std::streamsize>(seed.bytes.size()));
    }
    ASSERT_TRUE(fs::exists(path)) << path;
    const Bytes file = read_file(path);
    EXPECT_EQ(std::string(file.begin(), file.end()), std::string(raw, seed.bytes.size())) << path;
  }
}

}  // namespace
}  // namespace tests
