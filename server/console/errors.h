#pragma once

// Errors of SQL, with their SQLSTATEs (src/backend/utils/errcodes.txt).

#include "runtime/result.h"
#include "server/wire/errors.h"

namespace server::console {

inline constexpr runtime::ErrorKind kStringTooLong{"string_data_right_truncation", "22001"};
inline constexpr runtime::ErrorKind kOutOfRange{"numeric_value_out_of_range", "22003"};
inline constexpr runtime::ErrorKind kBadDatetime{"invalid_datetime_format", "22007"};
inline constexpr runtime::ErrorKind kDatetimeOverflow{"datetime_field_overflow", "22008"};
inline constexpr runtime::ErrorKind kDivisionByZero{"division_by_zero", "22012"};
inline constexpr runtime::ErrorKind kBadText{"invalid_text_representation", "22P02"};
inline constexpr runtime::ErrorKind kBadBinary{"invalid_binary_representation", "22P03"};
inline constexpr runtime::ErrorKind kBadEscape{"invalid_escape_sequence", "22025"};
inline constexpr runtime::ErrorKind kBadRegex{"invalid_regular_expression", "2201B"};
inline constexpr runtime::ErrorKind kNegativeLimit{"invalid_row_count_in_limit_clause", "2201W"};
inline constexpr runtime::ErrorKind kNegativeOffset{"invalid_row_count_in_result_offset_clause",
                                                    "2201X"};
inline constexpr runtime::ErrorKind kNegativeSubstring{"substring_error", "22011"};
inline constexpr runtime::ErrorKind kReadOnly{"read_only_sql_transaction", "25006"};
inline constexpr runtime::ErrorKind kActiveTransaction{"active_sql_transaction", "25001"};
inline constexpr runtime::ErrorKind kNoTransaction{"no_active_sql_transaction", "25P01"};
inline constexpr runtime::ErrorKind kFailedTransaction{"in_failed_sql_transaction", "25P02"};
inline constexpr runtime::ErrorKind kTooManyRows{"cardinality_violation", "21000"};
inline constexpr runtime::ErrorKind kAmbiguousColumn{"ambiguous_column", "42702"};
inline constexpr runtime::ErrorKind kUndefinedColumn{"undefined_column", "42703"};
inline constexpr runtime::ErrorKind kDuplicateAlias{"duplicate_alias", "42712"};
inline constexpr runtime::ErrorKind kAmbiguousFunction{"ambiguous_function", "42725"};
inline constexpr runtime::ErrorKind kGrouping{"grouping_error", "42803"};
inline constexpr runtime::ErrorKind kDatatypeMismatch{"datatype_mismatch", "42804"};
inline constexpr runtime::ErrorKind kCannotCoerce{"cannot_coerce", "42846"};
inline constexpr runtime::ErrorKind kUndefinedFunction{"undefined_function", "42883"};
inline constexpr runtime::ErrorKind kUndefinedTable{"undefined_table", "42P01"};
inline constexpr runtime::ErrorKind kUndefinedParameter{"undefined_parameter", "42P02"};
inline constexpr runtime::ErrorKind kBadColumnReference{"invalid_column_reference", "42P10"};
inline constexpr runtime::ErrorKind kIndeterminateType{"indeterminate_datatype", "42P18"};
inline constexpr runtime::ErrorKind kStatementTooComplex{"statement_too_complex", "54001"};

}  // namespace server::console
