#include "bench/results/compare_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/results/comparison.h"
#include "bench/results/run_file.h"
#include "runtime/log.h"
#include "runtime/print.h"

namespace bench::results {

namespace {

constexpr int kWorseStatus = 2;
constexpr int kNoVerdictStatus = 3;

struct CompareOptions {
  std::vector<std::string> files;
  std::vector<std::string> base;
  std::vector<std::string> other;
  bool json = false;
  bool check = false;
};

void add_to(CLI::App& app, CompareOptions& options) {
  app.add_option("files", options.files, "Two runs: the base, and the new one")->expected(2);
  auto* base = app.add_option("--base", options.base, "Runs of the base")->expected(1, -1);
  auto* other = app.add_option("--new", options.other, "Runs of the new one")->expected(1, -1);
  base->needs(other)->excludes("files");
  other->needs(base)->excludes("files");
  app.add_flag("--json", options.json, "Print one JSON object");
  app.add_flag("--check", options.check,
               "End with status 2 if the new one is worse, and 3 if a run has lost standbys or"
               " deliveries, or lacks a measure");
}

runtime::Result<std::vector<Run>> read_runs(const std::vector<std::string>& paths) {
  std::vector<Run> runs;
  for (const std::string& path : paths) runs.push_back(TRY(read_run(path)));
  return runs;
}

int status_of(const Comparison& comparison) {
  if (comparison.is_worse()) return kWorseStatus;
  return comparison.complete && !comparison.lines.empty() ? EXIT_SUCCESS : kNoVerdictStatus;
}

runtime::Result<Comparison> compare_files(const CompareOptions& options) {
  const std::vector<Run> base = TRY(read_runs(options.base));
  const std::vector<Run> other = TRY(read_runs(options.other));
  return compare(base, other);
}

int fail(const runtime::Error& error) {
  runtime::log::fatal("{}", error.what);
  return EXIT_FAILURE;
}

}  // namespace

int run_compare(int argc, const char* const* argv) {
  CompareOptions options;
  CLI::App app("Whether runs of walbench live differ, by their JSON files", "walbench compare");
  add_to(app, options);
  try {
    app.parse(argc, argv);
    if (options.files.empty() && options.base.empty()) throw CLI::RequiredError("two runs");
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  if (!options.files.empty()) {
    options.base = {options.files[0]};
    options.other = {options.files[1]};
  }
  const auto comparison = compare_files(options);
  if (!comparison) return fail(comparison.error());
  const std::string text = options.json ? to_json(*comparison) : to_text(*comparison);
  if (const auto printed = runtime::print(stdout, text); !printed) return fail(printed.error());
  return options.check ? status_of(*comparison) : EXIT_SUCCESS;
}

}  // namespace bench::results
