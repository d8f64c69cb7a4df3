#include "server/console/portal.h"

#include <utility>

#include "server/console/execution.h"

namespace server::console {

Portal::Portal(std::unique_ptr<Execution> execution) : execution_(std::move(execution)) {}
Portal::~Portal() = default;
std::span<const ResultColumn> Portal::columns() const { return execution_->statement().columns; }
std::span<const Format> Portal::formats() const { return execution_->formats(); }
runtime::Result<Fetched> Portal::fetch(std::int64_t rows_max, std::size_t bytes_max,
                                       const RowSink& sink) {
  return execution_->fetch(rows_max, bytes_max, sink);
}

}  // namespace server::console
