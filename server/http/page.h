#pragma once

#include <string>
#include <string_view>

namespace server::http {

// The page at /: one document with its styles and its script, which asks for nothing from
// elsewhere. It is page/index.html, page/page.css and page/page.js, put together at the build.
std::string_view page();

// The Content-Security-Policy by which a browser runs the scripts and uses the styles that stand in
// the document, and no others, and asks no other server.
std::string page_policy(std::string_view document);

}  // namespace server::http
