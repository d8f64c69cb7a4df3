// Functions of times (timestamp.c).

#include <cmath>

#include "runtime/format.h"
#include "server/console/errors.h"
#include "server/console/function.h"
#include "server/console/times.h"
#include "server/wire/text.h"

namespace server::console {

namespace {

std::int64_t integer_of(const Value& value) { return std::get<std::int64_t>(value); }

runtime::Result<Value> now(CallContext& context, Arguments) { return Value(context.now); }

std::int64_t clock_time() { return to_timestamp(runtime::SystemClock().wall_now()); }

std::string lower_of(const Value& value) {
  std::string word = std::get<std::string>(value);
  for (char& c : word) c = wire::lower(c);
  return word;
}

runtime::Result<Value> field_or_error(const Field& field, std::string_view name,
                                      std::string_view type) {
  if (field.known) return Value(field.value);
  return runtime::Error{
      .kind = &runtime::kInvalidParameterValue,
      .what = runtime::format("unit \"{}\" not recognized for type {}", name, type)};
}

runtime::Result<Value> extract_from_time(CallContext&, Arguments a) {
  const std::string name = lower_of(a[0]);
  return field_or_error(extract_time(name, integer_of(a[1])), name, "timestamp with time zone");
}
runtime::Result<Value> extract_from_interval(CallContext&, Arguments a) {
  const std::string name = lower_of(a[0]);
  return field_or_error(extract_interval(name, integer_of(a[1])), name, "interval");
}

// The span of a unit that is of one length; 0 for any other.
std::int64_t unit_micros(std::string_view unit) {
  if (unit == "microseconds") return 1;
  if (unit == "milliseconds") return 1000;
  if (unit == "second") return kMicrosPerSecond;
  if (unit == "minute") return 60 * kMicrosPerSecond;
  if (unit == "hour") return 3600 * kMicrosPerSecond;
  return unit == "day" ? kMicrosPerDay : 0;
}

runtime::Result<Value> truncate_time(CallContext&, Arguments a) {
  const std::string name = lower_of(a[0]);
  const std::int64_t unit = unit_micros(name);
  if (unit == 0) return field_or_error({}, name, "timestamp with time zone");
  const std::int64_t time = integer_of(a[1]);
  const std::int64_t rest = time % unit;
  return Value(time - (rest < 0 ? rest + unit : rest));
}

runtime::Result<Value> to_time(CallContext&, Arguments a) {
  const double epoch = std::get<double>(a[0]);
  constexpr double kSecondsMax = 9e12;
  if (!(std::abs(epoch) < kSecondsMax)) {
    return runtime::Error{.kind = &kDatetimeOverflow,
                          .what = runtime::format("timestamp out of range: \"{}\"", epoch)};
  }
  return Value(to_timestamp(std::llround(epoch * kMicrosPerSecond)));
}

// There is one zone here: UTC and its other names.
runtime::Result<Value> at_zone(CallContext&, Arguments a) {
  const std::string name = lower_of(a[0]);
  if (name == "utc" || name == "gmt" || name == "z" || name == "etc/utc") return a[1];
  return runtime::Error{.kind = &wire::kFeatureNotSupported,
                        .what = "time zones other than UTC are not supported by walcast's console"};
}

runtime::Result<Value> justify(CallContext&, Arguments a) { return a[0]; }

}  // namespace

std::vector<Function> time_functions() {
  constexpr Type kTime = Type::kTimestamptz;
  constexpr Type kSpan = Type::kInterval;
  constexpr Type kT = Type::kText;
  std::vector<Function> functions{
      {"clock_timestamp",
       {},
       kTime,
       [](CallContext&, Arguments) -> runtime::Result<Value> { return Value(clock_time()); }},
      {"localtimestamp", {}, Type::kTimestamp, now},
      {"current_date",
       {},
       Type::kDate,
       [](CallContext& context, Arguments) -> runtime::Result<Value> {
         const std::int64_t rest = context.now % kMicrosPerDay;
         return Value(context.now / kMicrosPerDay - (rest < 0 ? 1 : 0));
       }},
      {"extract", {kT, kTime}, Type::kNumeric, extract_from_time},
      {"extract", {kT, kSpan}, Type::kNumeric, extract_from_interval},
      {"date_part", {kT, kTime}, Type::kFloat8, extract_from_time},
      {"date_part", {kT, kSpan}, Type::kFloat8, extract_from_interval},
      {"date_trunc", {kT, kTime}, kTime, truncate_time},
      {"to_timestamp", {Type::kFloat8}, kTime, to_time},
      {"timezone", {kT, kTime}, Type::kTimestamp, at_zone},
      {"timezone", {kT, Type::kTimestamp}, kTime, at_zone},
      {"justify_hours", {kSpan}, kSpan, justify},
      {"justify_interval", {kSpan}, kSpan, justify},
      {"age",
       {kTime, kTime},
       kSpan,
       [](CallContext&, Arguments a) -> runtime::Result<Value> {
         return Value(integer_of(a[0]) - integer_of(a[1]));
       }},
  };
  for (const std::string_view name :
       {"now", "current_timestamp", "transaction_timestamp", "statement_timestamp"}) {
    functions.push_back({name, {}, kTime, now});
  }
  return functions;
}

}  // namespace server::console
