# Embeds the web files of this folder: cmake -D output=FILE -P embed.cmake. Included by
# userspace/CMakeLists.txt, where it adds the step that runs it to hostlens_exporters.
set(folder ${CMAKE_CURRENT_LIST_DIR})
set(files page.html page.css page.js looks.css picture.svg picture.css picture.js)

# Base64 of the SHA-256 of a text, which CMake has in hexadecimal only.
function(hash_source result text)
  string(SHA256 hex "${text}")
  set(alphabet "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  set(base64)
  string(APPEND hex "0000")  # 32 bytes and 2 zero bits: 43 characters and a padding
  foreach(i RANGE 42)
    math(EXPR bit "${i} * 6")
    math(EXPR digit "${bit} / 4")
    math(EXPR shift "12 - 6 - ${bit} % 4")
    string(SUBSTRING "${hex}" ${digit} 3 digits)
    math(EXPR index "(0x${digits} >> ${shift}) & 63")
    string(SUBSTRING "${alphabet}" ${index} 1 character)
    string(APPEND base64 ${character})
  endforeach()
  set(${result} "${base64}=" PARENT_SCOPE)
endfunction()

if(CMAKE_SCRIPT_MODE_FILE)
  foreach(file IN LISTS files)
    string(REPLACE "." "_" name ${file})
    file(READ ${folder}/${file} ${name})
    hash_source(${name}_hash "${${name}}")
  endforeach()
  configure_file(${folder}/assets.cpp.in ${output} @ONLY)
else()
  set(output ${PROJECT_BINARY_DIR}/generated/flame_graph_assets.cpp)
  list(TRANSFORM files PREPEND ${folder}/ OUTPUT_VARIABLE inputs)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -D output=${output} -P ${folder}/embed.cmake
    DEPENDS ${inputs} ${folder}/assets.cpp.in ${folder}/embed.cmake
    COMMENT "embedding the flame graph's page" VERBATIM)
  target_sources(hostlens_exporters PRIVATE ${output})
endif()
