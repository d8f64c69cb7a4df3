#pragma once

#include <string>

namespace server::auth {

// What a client that is in may do for others than itself. Found out once, by its login: a reload
// changes nothing of it.
struct Grants {
  // Rules have asked the client for its name. Otherwise it may do all, since no name means more
  // than another.
  bool has_proven = false;
  bool is_admin = false;   // a superuser
  bool console = true;     // it may ask the server for what it does, by SQL
  bool bears_name = true;  // its role may bear the application_name that it has given
  std::string rule = {};   // by which it came in, as the log names that; empty: there are none
};

}  // namespace server::auth
