#pragma once

#include <algorithm>
#include <map>
#include <span>
#include <variant>

#include "server/auth/role.h"
#include "server/auth/verifier.h"

namespace server::auth {

// How many iterations most of the roles' SCRAM verifiers have; PostgreSQL's count for a new one if
// there are none.
inline int usual_iterations(std::span<const Role* const> roles) {
  std::map<int, std::size_t> counts;
  for (const Role* const role : roles) {
    const auto* const scram = std::get_if<ScramVerifier>(&role->verifier);
    if (scram != nullptr) ++counts[scram->iterations];
  }
  const auto most =
      std::max_element(counts.begin(), counts.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == counts.end() ? kUsualIterations : most->first;
}

}  // namespace server::auth
