#include "bench/live/live_command.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "bench/live/live_options.h"
#include "bench/live/live_run.h"
#include "bench/results/live_json.h"
#include "bench/results/live_page.h"
#include "bench/results/live_text.h"
#include "runtime/fd.h"
#include "runtime/file.h"
#include "runtime/log.h"
#include "runtime/print.h"

namespace bench::live {

namespace {

constexpr const char* kStandardOutput = "-";

// A file for a report, which is there before the run that it is about: a run is long, and a path
// that cannot be written is known at once.
//   Owner: run_live().  Thread: its.
class ReportFile {
 public:
  static runtime::Result<ReportFile> open(const std::string& path) {
    ReportFile file;
    file.path_ = path;
    if (!path.empty()) {
      file.file_ = TRY(runtime::open_for_writing(path, runtime::OpenMode::kEmpty));
    }
    return file;
  }

  bool is_wanted() const { return !path_.empty(); }
  runtime::Result<void> write(const std::string& text) const {
    auto left = std::as_bytes(std::span(text));
    while (!left.empty()) {
      const std::size_t written =
          TRY(runtime::write_some_at(file_, path_, text.size() - left.size(), left));
      left = left.subspan(written);
    }
    return {};
  }

 private:
  std::string path_;  // empty: none is wanted
  runtime::UniqueFd file_;
};

struct Reports {
  bool json_is_printed = false;
  ReportFile json;
  ReportFile html;
};

runtime::Result<Reports> open_reports(const LiveOptions& options) {
  Reports reports{.json_is_printed = options.json_file == kStandardOutput, .json = {}, .html = {}};
  if (!reports.json_is_printed) reports.json = TRY(ReportFile::open(options.json_file));
  reports.html = TRY(ReportFile::open(options.html_file));
  return reports;
}

// Whether all was written. One report that fails does not keep the others.
bool report(const Reports& reports, const results::LiveResult& result) {
  bool all = true;
  const auto note = [&all](const runtime::Result<void>& written) {
    if (written) return;
    all = false;
    runtime::log::error("{}", written.error().what);
  };
  if (reports.json.is_wanted()) note(reports.json.write(results::to_json(result)));
  if (reports.html.is_wanted()) note(reports.html.write(results::to_page(result)));
  note(runtime::print(
      stdout, reports.json_is_printed ? results::to_json(result) : results::to_text(result)));
  return all;
}

int fail(const runtime::Error& error) {
  runtime::log::fatal("{}", error.what);
  return EXIT_FAILURE;
}

}  // namespace

int run_live(int argc, const char* const* argv) {
  auto parsed = parse_live_options(argc, argv);
  if (const auto* status = std::get_if<walbench::ExitStatus>(&parsed)) return status->value;
  auto& options = std::get<LiveOptions>(parsed);
  if (::isatty(STDERR_FILENO) != 0) options.fleet.progress = true;
  const auto reports = open_reports(options);
  if (!reports) return fail(reports.error());
  LiveRun run(options);
  const auto result = run.run();
  if (!result) return fail(result.error());
  return report(*reports, *result) && result->succeeded() ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace bench::live
