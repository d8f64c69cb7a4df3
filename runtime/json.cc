#include "runtime/json.h"

#include <nlohmann/json.hpp>

namespace runtime {

std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(/*indent=*/-1, /*indent_char=*/' ', /*ensure_ascii=*/false,
                                   nlohmann::json::error_handler_t::replace);
}

}  // namespace runtime
