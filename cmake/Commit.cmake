cmake_minimum_required(VERSION 3.25)

# Writes OUTPUT, the file that knows which commit is built, if that has changed:
#   cmake -DSOURCE=... -DOUTPUT=... [-DCOMMIT=...] -P Commit.cmake
# COMMIT is for sources that are no clone of the repository, such as a package's.
if(NOT COMMIT)
  execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=7 --exclude=*
    OUTPUT_VARIABLE COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT COMMIT)
  set(COMMIT unknown)
endif()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT "#include \"server/config/version.h\"

namespace server::config {

std::string_view commit() { return \"@COMMIT@\"; }

}  // namespace server::config
")
