# What `make install` and `make package` put on a machine: the program, its manual page, completions.
include(GNUInstallDirs)

set(extras ${PROJECT_BINARY_DIR}/share)
set(made)
foreach(pair "completion bash;puna" "completion zsh;_puna" "completion fish;puna.fish" "man;puna.1")
  list(GET pair 0 words)
  list(GET pair 1 name)
  separate_arguments(words)
  add_custom_command(OUTPUT ${extras}/${name}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${extras}
    COMMAND puna ${words} > ${extras}/${name}
    DEPENDS puna VERBATIM)
  list(APPEND made ${extras}/${name})
endforeach()
add_custom_target(extras DEPENDS ${made})

install(TARGETS puna RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${extras}/puna DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
# zsh looks into one folder for packages and another for what a person installs.
install(CODE "
  if(CMAKE_INSTALL_PREFIX STREQUAL \"/usr\")
    set(zsh vendor-completions)
  else()
    set(zsh site-functions)
  endif()
  file(INSTALL \"${extras}/_puna\" DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATADIR}/zsh/\${zsh}\")")
install(FILES ${extras}/puna.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES ${extras}/puna.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The authors of Puna")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Serves Llama chat models: engine, OpenAI-compatible API and chat page")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
  "One program: a CPU engine with continuous batching, an HTTP API that OpenAI's clients know, a chat page in the
browser and a chat in the terminal. Models are folders in Hugging Face layout, GGUF files, or fetched from the hub.")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)
include(CPack)
