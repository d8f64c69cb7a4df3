#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "runtime/result.h"
#include "server/console/answer.h"

namespace server::console {

class Execution;  // a statement that runs

// A statement with its parameters, on its way through its rows.
//   Owner: the session that bound it.  Thread: the console's; it ends there too.
//   Borrows: the engine and the session's state, which outlive it.
//   Invariant: all its rows are of one snapshot, that of the first fetch.
class Portal {
 public:
  explicit Portal(std::unique_ptr<Execution> execution);
  ~Portal();

  std::span<const ResultColumn> columns() const;
  std::span<const Format> formats() const;  // one for each column

  // The next rows: at most `rows_max` of them (0: all), and no more once `bytes_max` of values have
  // gone (0: all). After the end there are none, and the tag is of none, as in PostgreSQL. An error
  // ends the portal: 57014 at the limit of time or a cancel, 53200 at that of memory.
  runtime::Result<Fetched> fetch(std::int64_t rows_max, std::size_t bytes_max, const RowSink& sink);

 private:
  std::unique_ptr<Execution> execution_;
};

}  // namespace server::console
