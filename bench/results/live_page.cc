#include "bench/results/live_page.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "bench/results/live_plots.h"
#include "bench/results/live_text.h"
#include "bench/results/page_style.h"
#include "bench/results/plot.h"
#include "bench/walbench/report.h"
#include "runtime/format.h"

namespace bench::results {

using runtime::format;
using walbench::format_bytes;
using walbench::format_micros;

namespace {

void add_tile(std::string& page, const std::string& value, const char* name) {
  page += format("<div class='tile'><b>{}</b><span>{}</span></div>\n", escape_html(value), name);
}

void add_tiles(std::string& page, const LiveResult& result) {
  page += "<div class='tiles'>\n";
  if (!result.classes.empty()) {
    const Percentiles& all = result.classes.front().arrival.all;
    add_tile(page, delay_text(all.p50_us), "p50, COMMIT due to arrival");
    add_tile(page, delay_text(all.p99_us), "p99");
    add_tile(page, delay_text(all.p9999_us), "p99.99");
    add_tile(page, format_micros(all.max_us), "worst");
  }
  add_tile(page, format("{:.1f} / {:g}", result.commits_per_second, result.setup.rate),
           "commits per second, of those asked for");
  add_tile(page, format("{}", result.deliveries), "deliveries");
  if (result.server.has_value()) {
    add_tile(page, format("{:.2f} us", result.server->cpu_us_per_delivery),
             "server CPU per delivery");
    if (result.server->pss_bytes_per_standby) {
      add_tile(page, format_bytes(*result.server->pss_bytes_per_standby), "PSS per standby");
    }
  }
  page += "</div>\n";
}

void add_table(std::string& page, const Table& table) {
  page += "<div class='card wide'><table>\n";
  for (std::size_t i = 0; i < table.size(); ++i) {
    const char* cell = i == 0 ? "th" : "td";
    page += "<tr>";
    for (const std::string& text : table[i]) {
      page += format("<{0}>{1}</{0}>", cell, escape_html(text));
    }
    page += "</tr>\n";
  }
  page += "</table></div>\n";
}

void add_setup(std::string& page, const LiveResult& result) {
  const Setup& setup = result.setup;
  const std::string what =
      setup.script.empty()
          ? format("one message of {}", format_bytes(static_cast<double>(setup.commit_bytes)))
          : "the statements of " + setup.script;
  const std::vector<std::pair<const char*, std::string>> rows{
      {"when", setup.time},
      {"command", setup.command},
      {"standbys", format("{} on {}, sslmode {}", setup.standbys, setup.server, setup.sslmode)},
      {"transactions",
       format("{} and a stamp, by {} sessions, {:g} per second", what, setup.writers, setup.rate)},
      {"measured", format("{:.1f} s, in windows of {:g} s", result.seconds, setup.window_seconds)},
      {"written to", setup.primary},
      {"machine", format("{}, {} processors", setup.machine, setup.processors)},
      {"other work", result.others_cpu
                         ? format("{:.2f} processors were busy with it", *result.others_cpu)
                         : "not known"},
      {"walbench", setup.walbench_version}};
  page += "<div class='card wide'><table>\n";
  for (const auto& [name, text] : rows) {
    page += format("<tr><td>{}</td><td class='text'>{}</td></tr>\n", name, escape_html(text));
  }
  page += "</table></div>\n";
}

}  // namespace

std::string to_page(const LiveResult& result) {
  std::string page = "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>\n";
  page += "<meta name='viewport' content='width=device-width, initial-scale=1'>\n";
  page += format("<title>walbench: {} standbys on {}</title>\n", result.setup.standbys,
                 escape_html(result.setup.server));
  page += "<style>";
  page += kPageStyle;
  page += "</style></head><body>\n<h1>From COMMIT to standby</h1>\n";
  page += format("<p class='lead'>{}</p>\n", escape_html(summary_of(result)));
  for (const std::string& warning : warnings_of(result)) {
    page += format("<p class='warning'>{}</p>\n", escape_html(warning));
  }
  add_tiles(page, result);
  page += "<div class='plots'>\n";
  for (const Plot& plot : plots_of(result)) {
    page += format("<section class='card'><h2>{}</h2><p>{}</p>\n{}</section>\n",
                   escape_html(plot.title), escape_html(plot.remark), to_svg(plot));
  }
  page += "</div>\n";
  add_table(page, delays_table(result));
  if (result.real.has_value()) add_table(page, stages_table(result));
  if (const std::string remark = remark_on_delays(result); !remark.empty()) {
    page += format("<p>{}</p>\n", escape_html(remark));
  }
  if (result.server.has_value()) add_table(page, server_table(result));
  add_setup(page, result);
  page +=
      "<footer>Each delay begins when its COMMIT was due by the rate, not when it could be sent, so"
      " that a wait counts for every commit behind it. It ends when the kernel of the standby's"
      " host had the WAL. Percentiles are right to within one part in 64; a single standby's to"
      " within one in 16.</footer>\n</body></html>\n";
  return page;
}

}  // namespace bench::results
