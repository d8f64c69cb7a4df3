#include "runtime/in_order.h"

#include <tbb/global_control.h>
#include <tbb/parallel_pipeline.h>
#include <tbb/task_arena.h>

#include "runtime/check.h"
#include "runtime/tsan.h"

namespace runtime {

void run_in_order(std::size_t count, const InOrder& options,
                  const std::function<void(std::size_t)>& work,
                  const std::function<void(std::size_t)>& take) {
  CHECK(options.threads > 0 && options.in_flight > 0);
  // As many threads as were asked for, also where there are fewer cores.
  const tbb::global_control threads(tbb::global_control::max_allowed_parallelism, options.threads);
  tbb::task_arena arena(static_cast<int>(options.threads));
  // The library orders what the filters do, which the thread sanitizer does not see.
  std::size_t next = 0;
  const auto in_turn = [&next](const auto& body) {
    tsan_acquire(&next);
    body();
    tsan_release(&next);
  };
  const auto first = [&](tbb::flow_control& flow) {
    std::size_t item = count;
    in_turn([&] { item = next < count ? next++ : count; });
    if (item == count) flow.stop();
    return item;
  };
  const auto middle = [&](std::size_t item) {
    in_turn([&] { work(item); });
    return item;
  };
  const auto last = [&](std::size_t item) { in_turn([&] { take(item); }); };
  using tbb::filter_mode;
  const auto filters = tbb::make_filter<void, std::size_t>(filter_mode::serial_in_order, first) &
                       tbb::make_filter<std::size_t, std::size_t>(filter_mode::parallel, middle) &
                       tbb::make_filter<std::size_t, void>(filter_mode::serial_in_order, last);
  arena.execute([&] { tbb::parallel_pipeline(options.in_flight, filters); });
  tsan_acquire(&next);
}

}  // namespace runtime
