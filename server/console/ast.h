#pragma once

// A SELECT as the parser has read it (src/include/nodes/parsenodes.h).

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace server::console {

struct Expression;
struct Query;
using ExpressionRef = std::unique_ptr<Expression>;
using QueryRef = std::unique_ptr<Query>;

// A type as a cast names it.
struct TypeName {
  std::string name;  // in lower case, of several words perhaps
  bool array = false;
  std::size_t begin = 0;  // where it stands in the statement, in bytes
};

// One node of an expression. Which members mean something depends on its kind.
struct Expression {
  enum class Kind {
    kColumn,  // names: the column, behind its table's
    kStar,    // names: a table's, or none
    kString,  // text
    kNumber,  // text
    kNull,
    kBool,       // flag
    kParameter,  // number, from 1
    kCast,       // arguments[0], type
    kOperator,   // text, one or two arguments
    kAnd,
    kOr,
    kNot,
    kIsNull,      // flag: it is not to be
    kIsBool,      // text: true, false or unknown; flag: it is not to be
    kDistinct,    // IS DISTINCT FROM; flag: it is not to be
    kLike,        // text: like or ilike; flag: NOT; a third argument escapes
    kBetween,     // flag: NOT; three arguments
    kIn,          // flag: NOT; the first of arguments in the others, or in query
    kAny,         // text: the operator; flag: ALL; arguments[0] with arguments[1], or query
    kExists,      // query
    kSubquery,    // query
    kArrayQuery,  // query
    kArray,       // arguments
    kElement,     // arguments[0][arguments[1]]
    kCase,      // WHEN and THEN in turn, then ELSE if flag; arguments of text "with": a value first
    kFunction,  // names, arguments
    kExtract,   // text: the field; arguments[0]
    kAtZone,    // arguments: a time, a zone
    kRow,       // arguments
  };
  Kind kind;
  std::size_t begin = 0;  // in the statement, in bytes
  std::vector<std::string> names = {};
  std::string text = {};
  bool flag = false;
  std::size_t number = 0;
  TypeName type = {};
  std::vector<ExpressionRef> arguments = {};
  QueryRef query = {};
  // Of a function.
  bool distinct = false;
  bool star = false;                             // count(*)
  ExpressionRef filter = {};                     // FILTER (WHERE ...)
  std::vector<std::string> argument_names = {};  // name => value; empty where there is none
};

struct SelectItem {
  ExpressionRef value;
  std::optional<std::string> name;  // AS
};

struct OrderItem {
  ExpressionRef value;
  bool descending = false;
  std::optional<bool> nulls_first;
};

// A table, function, subquery or join in FROM.
struct FromItem {
  enum class Kind { kTable, kFunction, kQuery, kJoin };
  Kind kind = Kind::kTable;
  std::size_t begin = 0;
  std::vector<std::string> names;  // of a table, with its schema
  ExpressionRef function;
  QueryRef query;
  std::string alias;                 // empty: none
  std::vector<std::string> columns;  // AS t(a, b)
  // Of a join.
  std::string join;  // inner, left, right, full, cross
  std::unique_ptr<FromItem> left;
  std::unique_ptr<FromItem> right;
  ExpressionRef on;
  std::vector<std::string> using_columns;
  bool natural = false;
};

// SELECT ... FROM ..., or VALUES.
struct Select {
  bool distinct = false;
  std::vector<SelectItem> items;
  std::vector<FromItem> from;
  ExpressionRef where;
  std::vector<ExpressionRef> group_by;
  ExpressionRef having;
  std::vector<std::vector<ExpressionRef>> values;  // of VALUES, which has nothing else
};

// UNION and its like between two.
struct SetOperation {
  std::string operation;  // union, intersect, except
  bool all = false;
  QueryRef left;
  QueryRef right;
};

struct CommonTable {
  std::string name;
  std::size_t begin = 0;
  std::vector<std::string> columns;
  QueryRef query;
};

struct Query {
  std::size_t begin = 0;
  bool recursive = false;
  std::vector<CommonTable> with;
  std::unique_ptr<Select> select;  // or
  std::unique_ptr<SetOperation> sets;
  std::vector<OrderItem> order_by;
  ExpressionRef limit;
  ExpressionRef offset;
};

}  // namespace server::console
