#include "bench/results/live_json.h"

#include <nlohmann/json.hpp>

namespace bench::results {

namespace {

using Json = nlohmann::ordered_json;

Json number_or_null(const std::optional<double>& number) { return number ? Json(*number) : Json(); }

Json json_of(const Percentiles& of) {
  return {{"count", of.count},
          {"p50", number_or_null(of.p50_us)},
          {"p90", number_or_null(of.p90_us)},
          {"p99", number_or_null(of.p99_us)},
          {"p99.9", number_or_null(of.p999_us)},
          {"p99.99", number_or_null(of.p9999_us)},
          {"max", of.max_us}};
}

Json json_of(const Window& window) {
  return {{"at", window.at},
          {"count", window.count},
          {"p50", window.p50_us},
          {"p99", window.p99_us},
          {"max", window.max_us}};
}

Json json_of(const CurvePoint& point);
Json json_of(const StandbyClass& of);
Json json_of(const Throughput& point);
Json json_of(const Lag& lag);
Json json_of(const RealStandby::Stage& stage);
Json json_of(const RealStandby& standby);
Json json_of(const Setup::Group& group);

template <typename T>
Json array_of(const std::vector<T>& values) {
  Json array = Json::array();
  for (const T& value : values) array.push_back(json_of(value));
  return array;
}

Json json_of(const CurvePoint& point) { return Json::array({point.fraction, point.us}); }

Json json_of(const Delays& delays) {
  return {{"all_us", json_of(delays.all)},
          {"curve_us", array_of(delays.curve)},
          {"windows_us", array_of(delays.windows)}};
}

Json json_of(const StandbyClass& of) {
  return {{"name", of.name}, {"standbys", of.standbys}, {"arrival", json_of(of.arrival)}};
}

Json json_of(const Throughput& point) {
  return {{"at", point.at}, {"commits", point.commits}, {"deliveries", point.deliveries}};
}

Json json_of(const Lag& lag) {
  return {{"at", lag.at},
          {"median_bytes", lag.median_bytes},
          {"max_bytes", lag.max_bytes},
          {"stragglers", lag.stragglers}};
}

Json json_of(const RealStandby::Stage& stage) {
  return {{"stage", stage.name},
          {"from_due_us", json_of(stage.from_due)},
          {"from_local_flush_us", json_of(stage.from_local_flush)},
          {"lag_bytes_max", stage.lag_bytes_max}};
}

Json json_of(const RealStandby& standby) {
  return {{"name", standby.name}, {"stages", array_of(standby.stages)}};
}

Json json_of(const ServerCost& cost) {
  Json json{{"pids", cost.pids},
            {"processes", cost.processes},
            {"cpu_seconds", cost.cpu_seconds},
            {"cpu_us_per_commit", cost.cpu_us_per_commit},
            {"cpu_us_per_delivery", cost.cpu_us_per_delivery},
            {"cpu_seconds_per_gb", cost.cpu_seconds_per_gb},
            {"voluntary_switches", cost.voluntary_switches},
            {"involuntary_switches", cost.involuntary_switches}};
  json["pss_bytes_per_standby"] = number_or_null(cost.pss_bytes_per_standby);
  return json;
}

Json json_of(const Setup::Group& group) {
  Json does = Json::object();
  for (const auto& [key, value] : group.does) does[key] = value;
  return {{"name", group.name}, {"standbys", group.standbys}, {"does", does}};
}

Json json_of(const Setup& setup) {
  return {{"time", setup.time},
          {"command", setup.command},
          {"walbench", setup.walbench_version},
          {"server", setup.server},
          {"primary", setup.primary},
          {"machine", setup.machine},
          {"processors", setup.processors},
          {"standbys", setup.standbys},
          {"scenario", setup.scenario.empty() ? Json() : Json(setup.scenario)},
          {"seed", setup.scenario.empty() ? Json() : Json(setup.seed)},
          {"groups", array_of(setup.groups)},
          {"sslmode", setup.sslmode},
          {"rate", setup.rate},
          {"writers", setup.writers},
          {"commit_bytes", setup.commit_bytes},
          {"script", setup.script},
          {"window_seconds", setup.window_seconds}};
}

Json standbys_of(const LiveResult& result) {
  Json array = Json::array();
  for (const StandbyDelays& standby : result.standbys) {
    array.push_back({{"index", standby.index},
                     {"class", result.classes[standby.class_index].name},
                     {"count", standby.count},
                     {"p50_us", standby.p50_us},
                     {"p99_us", standby.p99_us},
                     {"max_us", standby.max_us}});
  }
  return array;
}

}  // namespace

std::string to_json(const LiveResult& result) {
  Json json{
      {"schema", kLiveSchema},
      {"setup", json_of(result.setup)},
      {"seconds", result.seconds},
      {"commits", result.commits},
      {"commits_asked", result.commits_asked},
      {"commits_per_second", result.commits_per_second},
      {"wal_bytes_per_commit", result.wal_bytes_per_commit},
      {"deliveries", result.deliveries},
      {"deliveries_expected", result.deliveries_expected},
      {"wal_bytes", result.wal_bytes},
      {"failed_standbys", result.failed_standbys},
      {"was_stopped", result.was_stopped},
      {"clock_set_by_seconds", result.clock_set_by_seconds},
      {"writer_failure", result.writer_failure.empty() ? Json() : Json(result.writer_failure)},
      {"commit", json_of(result.commit)},
      {"classes", array_of(result.classes)},
      {"throughput", array_of(result.throughput)},
      {"lag", array_of(result.lag)}};
  json["others_cpu"] = number_or_null(result.others_cpu);
  json["server"] = result.server ? json_of(*result.server) : Json();
  json["real_standbys"] = Json();
  if (result.real) {
    json["real_standbys"] = {{"resolution_us", result.real->resolution_us},
                             {"looks", result.real->looks},
                             {"unwatched", result.real->unwatched},
                             {"standbys", array_of(result.real->standbys)}};
  }
  json["standbys"] = standbys_of(result);
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace bench::results
