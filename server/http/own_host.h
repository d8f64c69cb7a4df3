#pragma once

#include <string_view>

namespace server::http {

// Whether a request's header Host names this machine in a way that no other site's name can: an
// address, or localhost. A page of another site that has its own name lead here (DNS rebinding)
// says that name.
bool is_own_host(std::string_view host);

}  // namespace server::http
