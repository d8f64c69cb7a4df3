#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/result.h"
#include "server/console/session_state.h"
#include "server/console/types.h"
#include "server/stats/snapshot.h"

namespace server::console {

// What a relation is read of.
struct ReadContext {
  const stats::Snapshot& snapshot;
  const SessionState& session;
  std::int64_t now = 0;  // of the statement, in microseconds since 2000-01-01
};

struct Column {
  std::string_view name;
  Type type;
};
using Row = std::vector<Value>;

// A table of what the server knows: a view of PostgreSQL's, a function that returns rows, or one of
// walcast's own. It may be read by SQL or by any other window.
//   Owner: Catalog.  Thread: any; it never changes.
class Relation {
 public:
  explicit Relation(std::string_view name, std::vector<Type> arguments = {}, bool function = false)
      : name_(name), arguments_(std::move(arguments)), is_function_(function) {}
  virtual ~Relation() = default;

  std::string_view name() const { return name_; }
  // It is called with as many arguments, or fewer.
  std::span<const Type> arguments() const { return arguments_; }
  bool is_function() const { return is_function_; }

  // Those that PostgreSQL has in that major version.
  virtual std::vector<Column> columns(int version) const = 0;
  // Each with the values of columns(), in their order. An argument that is missing is null.
  virtual runtime::Result<std::vector<Row>> rows(const ReadContext& context, int version,
                                                 std::span<const Value> arguments) const = 0;

 private:
  std::string_view name_;
  std::vector<Type> arguments_;
  bool is_function_;
};

// A relation each of whose rows is an Item of the snapshot. Each column is defined once: its name,
// its type, its value, and the major versions of PostgreSQL that have it.
template <typename Item>
class TableOf final : public Relation {
 public:
  struct Definition {
    std::string_view name;
    Type type;
    Value (*value)(const Item& item, const ReadContext& context);
    int since = 0;
    int before = std::numeric_limits<int>::max();
    bool in(int version) const { return version >= since && version < before; }
  };
  using Items = std::function<std::vector<Item>(const ReadContext& context,
                                                std::span<const Value> arguments)>;

  // `arguments` are those of a function; a view has none.
  TableOf(std::string_view name, Items items, std::vector<Definition> definitions,
          std::optional<std::vector<Type>> arguments = {})
      : Relation(name, arguments.value_or(std::vector<Type>()), arguments.has_value()),
        items_(std::move(items)),
        definitions_(std::move(definitions)) {}

  std::vector<Column> columns(int version) const override {
    std::vector<Column> columns;
    for (const Definition& definition : definitions_) {
      if (definition.in(version)) columns.push_back({definition.name, definition.type});
    }
    return columns;
  }

  runtime::Result<std::vector<Row>> rows(const ReadContext& context, int version,
                                         std::span<const Value> arguments) const override {
    std::vector<Row> rows;
    for (const Item& item : items_(context, arguments)) {
      Row& row = rows.emplace_back();
      for (const Definition& definition : definitions_) {
        if (definition.in(version)) row.push_back(definition.value(item, context));
      }
    }
    return rows;
  }

 private:
  Items items_;
  std::vector<Definition> definitions_;
};

// A relation of PostgreSQL's that has columns here and no rows.
class EmptyTable final : public Relation {
 public:
  EmptyTable(std::string_view name, std::vector<Column> columns, bool function = false)
      : Relation(name, {}, function), columns_(std::move(columns)) {}

  std::vector<Column> columns(int) const override { return columns_; }
  runtime::Result<std::vector<Row>> rows(const ReadContext&, int,
                                         std::span<const Value>) const override {
    return std::vector<Row>();
  }

 private:
  std::vector<Column> columns_;
};

// Values of columns. What is unknown is null.
inline Value null() { return {}; }
inline Value integer(std::int64_t value) { return Value(value); }
inline Value count_of(std::uint64_t value) { return Value(static_cast<std::int64_t>(value)); }
inline Value flag(bool value) { return Value(std::int64_t{value}); }
inline Value text(std::string_view value) { return Value(std::string(value)); }
inline Value text_or_null(std::string_view value) { return value.empty() ? null() : text(value); }
inline Value position(wal::Lsn lsn) { return lsn.valid() ? Value(stored(lsn)) : null(); }
// 0 is null.
Value time(runtime::WallMicros wall);
Value interval(runtime::Duration duration);
Value seconds(runtime::Duration duration);

}  // namespace server::console
