# What `cpack -G DEB` puts into the package. Included by the top CMakeLists.txt.
