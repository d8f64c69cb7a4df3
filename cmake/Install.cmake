# What `cmake --install` puts where, and the man pages: target `man`, which `all` does not have.
include(GNUInstallDirs)
find_program(PYTHON3 python3)

set(man_directory ${PROJECT_BINARY_DIR}/man)
set(man_pages ${man_directory}/walcast.1 ${man_directory}/walcast.conf.5 ${man_directory}/walbench.1)
add_custom_command(OUTPUT ${man_pages}
  COMMAND ${PYTHON3} -B ${PROJECT_SOURCE_DIR}/packaging/man/make_man.py
    ${CMAKE_RUNTIME_OUTPUT_DIRECTORY} ${man_directory}
  DEPENDS walcast walbench ${PROJECT_SOURCE_DIR}/packaging/man/make_man.py
  COMMENT "Man pages of what the programs say of themselves" VERBATIM)
add_custom_target(man DEPENDS ${man_pages})

install(TARGETS walcast walbench RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${man_directory}/walcast.1 ${man_directory}/walbench.1
  DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 OPTIONAL)
install(FILES ${man_directory}/walcast.conf.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 OPTIONAL)
install(FILES packaging/systemd/walcast.service packaging/systemd/walcast@.service
  packaging/systemd/walcast.socket DESTINATION lib/systemd/system)
foreach(program walcast walbench)
  install(FILES packaging/completion/walcast
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME ${program})
endforeach()
install(FILES packaging/walcast.conf DESTINATION ${CMAKE_INSTALL_SYSCONFDIR}/walcast)
