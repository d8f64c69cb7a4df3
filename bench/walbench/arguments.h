#pragma once

// What the command lines of walbench have in common: how units are written, and what is said of a
// fleet. Units are PostgreSQL's.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "bench/walbench/options.h"

namespace bench::walbench {

// "64kB": a number of bytes. A number alone is of bytes too, if that is allowed.
enum class BareNumber { kRefused, kAllowed };
CLI::Validator size_with_unit(BareNumber bare);
// "1MB/s": a number of bytes.
CLI::Validator bytes_per_second();
// "200/s": a number.
CLI::Validator times_per_second();

CLI::Option* add_lsn(CLI::App& app, const char* name, std::optional<server::wal::Lsn>& lsn,
                     const char* help);
// At least a microsecond, and at most a year, so that no sum with a point in time overflows. A
// number alone is of seconds, as for wal_receiver_status_interval.
CLI::Option* add_duration(CLI::App& app, const char* name, std::uint64_t& micros, const char* help);
runtime::Duration from_micros(std::uint64_t micros);

// The options of a fleet, on any command line of walbench that has one.
//   Owner: the function that reads a command line.  Thread: one.
//   Borrows: the options, which it fills; both outlive the app that it adds to.
class FleetArguments {
 public:
  // Whether there is a writer, which can be asked what its primary's oldest transaction is.
  enum class Writer { kNone, kThere };

  FleetArguments(Options& options, Writer writer) : options_(options), writer_(writer) {}

  void add_to(CLI::App& app);
  // Of these, which server and how one logs in there.
  void add_server(CLI::App& app);
  // After the command line was parsed; what is wrong with it, if anything is.
  std::optional<std::string> finish();

 private:
  void add_standbys(CLI::App& app);
  void add_groups(CLI::App& app);
  std::optional<std::string> make_groups();
  std::optional<std::string> read_scenario();
  std::optional<std::string> check_group(const behaviour::Group& group) const;

  Options& options_;
  const Writer writer_;
  std::size_t standbys_ = 0;  // 0: one, or as the scenario says
  std::size_t slow_standbys_ = 0;
  std::uint64_t slow_bytes_per_second_ = 1 << 20;
  std::optional<std::uint64_t> seed_;
  std::uint32_t timeline_ = 0;
  std::uint64_t status_interval_ = 1'000'000;
};

}  // namespace bench::walbench
