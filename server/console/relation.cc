#include "server/console/relation.h"

#include "server/console/times.h"

namespace server::console {

Value time(runtime::WallMicros wall) { return wall == 0 ? null() : Value(to_timestamp(wall)); }

Value interval(runtime::Duration duration) {
  return Value(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

Value seconds(runtime::Duration duration) {
  return Value(std::chrono::duration<double>(duration).count());
}

}  // namespace server::console
