# Where everything goes, and the Debian package.  Below the prefix:
#   bin/ svcs svcadm svccfg svcprop vmkeep     sbin/ vmkeepd     lib/vmkeep/ what only vmkeepd runs
#   lib/systemd/system/ units                  share/man/        share/vmkeep/manifest/ shipped manifests
#   share/bash-completion/, share/zsh/         share/doc/vmkeep/
# and below /etc (VMKEEP_SYSCONFDIR) what an administrator may change.
include(GNUInstallDirs)

# Packing packs what was built and builds nothing: tests/boot must not start a build in the middle of the tests.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY TRUE)

# `cmake --install BUILD --component compat` puts them there too, and nothing else.
option(VMKEEP_COMPAT_PATHS "Also the paths where scripts and manifests of old look for things (vmkeep-legacy(7))" OFF)
set(VMKEEP_SYSCONFDIR /etc CACHE PATH "Where the configuration of the host is")
set(VMKEEP_UNITDIR lib/systemd/system CACHE PATH "Where systemd looks for units, below the prefix")

install(TARGETS vmkeep svccfg RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS vmkeepd RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS vmkeep-guard vmkeep-hold vmkeep-simulated-vm vmkeep-simulator RUNTIME DESTINATION lib/vmkeep)

# A link that is made where the files are put, not where they are built; below the prefix, or absolute.  Further
# arguments are install()'s.
function(install_link target link)
  set(from "\${CMAKE_INSTALL_PREFIX}/${link}")
  if(IS_ABSOLUTE ${link})
    set(from ${link})
  endif()
  install(CODE "
    set(link \"\$ENV{DESTDIR}${from}\")
    cmake_path(GET link PARENT_PATH folder)
    file(MAKE_DIRECTORY \"\${folder}\")
    file(CREATE_LINK ${target} \"\${link}\" SYMBOLIC)
    message(STATUS \"Installing: \${link} -> ${target}\")" ${ARGN})
endfunction()
foreach(name svcs svcadm svcprop)
  install_link(vmkeep ${CMAKE_INSTALL_BINDIR}/${name})
endforeach()

# Paths in the units are those of the installed system.
foreach(folder BINDIR SBINDIR)
  set(${folder} ${CMAKE_INSTALL_FULL_${folder}})
endforeach()
set(SYSCONFDIR ${VMKEEP_SYSCONFDIR})
set(MANIFESTS ${CMAKE_INSTALL_FULL_DATADIR}/vmkeep/manifest)
foreach(unit vmkeepd.service vmkeep.service)
  configure_file(dist/systemd/${unit}.in ${CMAKE_BINARY_DIR}/dist/${unit} @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/dist/${unit} DESTINATION ${VMKEEP_UNITDIR})
endforeach()
configure_file(dist/default.in ${CMAKE_BINARY_DIR}/dist/default/vmkeep COPYONLY)
configure_file(dist/logrotate.in ${CMAKE_BINARY_DIR}/dist/logrotate/vmkeep COPYONLY)
install(FILES ${CMAKE_BINARY_DIR}/dist/default/vmkeep DESTINATION ${VMKEEP_SYSCONFDIR}/default)
install(FILES ${CMAKE_BINARY_DIR}/dist/logrotate/vmkeep DESTINATION ${VMKEEP_SYSCONFDIR}/logrotate.d)

# As Debian wants them: compressed, without a time stamp.
find_program(GZIP gzip REQUIRED)
function(install_compressed source name folder)
  set(compressed ${CMAKE_BINARY_DIR}/dist/${name}.gz)
  add_custom_command(OUTPUT ${compressed} COMMAND ${GZIP} -9nc ${source} > ${compressed} DEPENDS ${source} VERBATIM)
  set_property(GLOBAL APPEND PROPERTY VMKEEP_COMPRESSED ${compressed})
  install(FILES ${compressed} DESTINATION ${folder})
endfunction()
file(GLOB pages CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/man/*.[1578])
foreach(page ${pages})
  cmake_path(GET page FILENAME name)
  cmake_path(GET page EXTENSION LAST_ONLY section)
  string(SUBSTRING ${section} 1 1 section)
  install_compressed(${page} ${name} ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
install_compressed(${CMAKE_SOURCE_DIR}/CHANGELOG.md changelog ${CMAKE_INSTALL_DATADIR}/doc/vmkeep)
get_property(compressed GLOBAL PROPERTY VMKEEP_COMPRESSED)
add_custom_target(documents ALL DEPENDS ${compressed})

install(FILES README.md docs/smf-differences.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/vmkeep)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/vmkeep RENAME copyright)
if(IS_DIRECTORY ${CMAKE_SOURCE_DIR}/share/manifest)
  install(DIRECTORY share/manifest/ DESTINATION ${CMAKE_INSTALL_DATADIR}/vmkeep/manifest)
endif()
if(IS_DIRECTORY ${CMAKE_SOURCE_DIR}/share/scenarios)
  install(DIRECTORY share/scenarios DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/vmkeep/examples)
endif()
if(EXISTS ${CMAKE_SOURCE_DIR}/share/completion/bash)
  install(FILES share/completion/bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME vmkeep)
  foreach(name svcs svcadm svccfg svcprop)
    install_link(vmkeep ${CMAKE_INSTALL_DATADIR}/bash-completion/completions/${name})
  endforeach()
endif()
if(EXISTS ${CMAKE_SOURCE_DIR}/share/completion/zsh)
  install(FILES share/completion/zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions RENAME _vmkeep)
endif()

# The shell library of methods, and the paths of old (man/vmkeep-legacy.7).
set(BINDIR ${CMAKE_INSTALL_FULL_BINDIR})
configure_file(share/shell/smf_include.sh.in ${CMAKE_BINARY_DIR}/dist/smf_include.sh @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/dist/smf_include.sh DESTINATION ${CMAKE_INSTALL_DATADIR}/vmkeep)

set(compat COMPONENT compat)
if(NOT VMKEEP_COMPAT_PATHS)
  list(APPEND compat EXCLUDE_FROM_ALL)
endif()
# /lib is /usr/lib and /sbin is /usr/sbin wherever Debian packages go today.
install(FILES ${CMAKE_BINARY_DIR}/dist/smf_include.sh DESTINATION lib/svc/share ${compat})
install(FILES src/manifest/service_bundle.dtd DESTINATION ${CMAKE_INSTALL_DATADIR}/lib/xml/dtd
        RENAME service_bundle.dtd.1 ${compat})
install_link(../../../${CMAKE_INSTALL_BINDIR}/vmkeep lib/svc/method/vbox.sh ${compat})
install_link(../../share/vmkeep/manifest lib/svc/manifest ${compat})
install_link(vmkeep ${CMAKE_INSTALL_BINDIR}/ctstat ${compat})
foreach(name svcadm svccfg)
  install_link(../${CMAKE_INSTALL_BINDIR}/${name} ${CMAKE_INSTALL_SBINDIR}/${name} ${compat})
endforeach()
install_link(/bin/sh ${CMAKE_INSTALL_SBINDIR}/sh ${compat})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME vmkeep)
set(CPACK_PACKAGE_VENDOR "The vmkeep authors")
set(CPACK_PACKAGE_CONTACT "The vmkeep authors <vmkeep@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "keeps virtual machines running as services")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Each VirtualBox VM is an instance of a service, with dependencies, properties, an
owner, a log and a state that one can ask about. vmkeep starts VMs at boot in
order, saves or stops them with the host, sees a dead VM at once, brings it back,
and gives up with a reason when that does not help. It brings the Service
Management Facility for this: manifests, svcs, svcadm, svccfg and svcprop.")
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "init-system-helpers (>= 1.54~)")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS logrotate)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS virtualbox)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
file(WRITE ${CMAKE_BINARY_DIR}/dist/conffiles "/etc/default/vmkeep\n/etc/logrotate.d/vmkeep\n")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/dist/debian/postinst ${CMAKE_SOURCE_DIR}/dist/debian/prerm
    ${CMAKE_SOURCE_DIR}/dist/debian/postrm ${CMAKE_BINARY_DIR}/dist/conffiles)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
    WORLD_READ WORLD_EXECUTE)
include(CPack)
