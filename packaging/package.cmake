# What `cpack -G DEB` puts into the package. Included by the top CMakeLists.txt.
include(GNUInstallDirs)

# The Debian package installs below /usr with its configuration in /etc, whatever the prefix of the build.
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR OFF)

if(TARGET hostlens)
  install(TARGETS hostlens RUNTIME DESTINATION bin)
endif()
install(FILES ${PROJECT_SOURCE_DIR}/systemd/hostlens.service DESTINATION lib/systemd/system)
install(FILES ${PROJECT_SOURCE_DIR}/systemd/hostlens.sysusers DESTINATION lib/sysusers.d
  RENAME hostlens.conf)
install(FILES ${PROJECT_SOURCE_DIR}/packaging/hostlens.yaml DESTINATION /etc/hostlens)
install(FILES ${PROJECT_SOURCE_DIR}/packaging/debian/copyright DESTINATION share/doc/hostlens)

find_program(GZIP gzip REQUIRED)
set(manual ${PROJECT_BINARY_DIR}/generated/hostlens.1.gz)
set(manual_source ${PROJECT_SOURCE_DIR}/packaging/hostlens.1)
# -n: no time stamp, so that the same sources make the same package.
add_custom_command(OUTPUT ${manual} COMMAND ${GZIP} -9nc ${manual_source} > ${manual}
  DEPENDS ${manual_source} VERBATIM)
add_custom_target(hostlens_manual ALL DEPENDS ${manual})
install(FILES ${manual} DESTINATION share/man/man1)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME hostlens)
set(CPACK_PACKAGE_VENDOR Hostlens)
set(CPACK_PACKAGE_CONTACT "Hostlens maintainers <maintainers@hostlens.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "requests, traces and metrics of unmodified servers, by eBPF")
set(CPACK_PACKAGE_DESCRIPTION
  "Hostlens watches the HTTP traffic of processes on this host with small eBPF
programs:
no SDK, no restart, no sidecar, no kernel module. It serves Prometheus metrics
and sends OpenTelemetry traces and metrics.")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/package)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers, init-system-helpers, adduser")
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${PROJECT_SOURCE_DIR}/packaging/debian/conffiles
  ${PROJECT_SOURCE_DIR}/packaging/debian/postinst
  ${PROJECT_SOURCE_DIR}/packaging/debian/prerm
  ${PROJECT_SOURCE_DIR}/packaging/debian/postrm)
include(CPack)
