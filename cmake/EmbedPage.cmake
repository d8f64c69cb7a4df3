# cmake -DDIRECTORY=... -DOUTPUT=... -P EmbedPage.cmake
# Puts the page's styles and script into its document, and the document into a C++ source. A literal
# may have 64 kB, so the text is cut.
file(READ ${DIRECTORY}/index.html document)
file(READ ${DIRECTORY}/page.css styles)
file(READ ${DIRECTORY}/page.js script)
string(REPLACE "@STYLES@" "${styles}" document "${document}")
string(REPLACE "@SCRIPT@" "${script}" document "${document}")
string(LENGTH "${document}" length)
set(literals "")
set(begin 0)
while(begin LESS length)
  string(SUBSTRING "${document}" ${begin} 8000 piece)
  string(APPEND literals "    R\"walcast(${piece})walcast\"\n")
  math(EXPR begin "${begin} + 8000")
endwhile()
file(WRITE ${OUTPUT} "#include \"server/http/page.h\"

namespace server::http {

std::string_view page() {
  static constexpr std::string_view kPage =
${literals}      ;
  return kPage;
}

}  // namespace server::http
")
