#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The one list of Debian packages. Prints those of the sets named, or of all; --missing: only those that
# are not installed. Sets: build, test, bench, workload, vm.
set -eu

build="build-essential cmake ninja-build ccache pkg-config clang-16 llvm-16 bpftool libbpf-dev libelf-dev libdw-dev
libiberty-dev liblzma-dev zlib1g-dev libspdlog-dev libfmt-dev libyaml-cpp-dev libcli11-dev nlohmann-json3-dev libre2-dev
libcurl4-openssl-dev libnghttp2-dev libssl-dev libmicrohttpd-dev libprotobuf-dev protobuf-compiler libsystemd-dev libcap-dev
libseccomp-dev uuid-dev
dpkg-dev file"
test="libgtest-dev libgmock-dev libbenchmark-dev clang-format-16 clang-tidy-16 libclang-rt-16-dev lld-16 nginx-light
apache2-bin apache2-utils gunicorn nodejs python3 python3-pip python3-pytest python3-pytest-xdist python3-prometheus-client python3-grpcio openssl golang-go
openjdk-17-jdk-headless curl wrk shellcheck procps iproute2
libbpf-tools linux-perf fio stress-ng chromium chromium-driver python3-selenium fonts-dejavu-core libc6-dbg debuginfod binutils
xz-utils"
bench="linux-perf"
workload="nginx-light python3 curl procps"
vm="qemu-system-x86 debootstrap cpio xz-utils python3 dpkg-dev"

only_missing=no
sets=
for word in "$@"; do
  case $word in
    --missing) only_missing=yes ;;
    build | test | bench | workload | vm) sets="$sets $word" ;;
    *)
      echo "usage: dependencies.sh [--missing] [build|test|bench|workload|vm]..." >&2
      exit 2
      ;;
  esac
done

# A runtime from elsewhere serves as well as Debian's.
is_installed() {
  case $1 in
    golang-go) command -v go >/dev/null && return ;;
    nodejs) command -v node >/dev/null && return ;;
    openjdk-*) command -v javac >/dev/null && return ;;
    linux-perf) command -v perf >/dev/null && return ;;
    nginx-light) command -v nginx >/dev/null && return ;;
  esac
  [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | cut -c1-2)" = ii ]
}

for set in ${sets:-build test bench workload vm}; do
  case $set in
    build) echo "$build" ;;
    test) echo "$test" ;;
    bench) echo "$bench" ;;
    workload) echo "$workload" ;;
    vm) echo "$vm" ;;
  esac
done | tr -s ' ' '\n' | sort -u | while read -r package; do
  if [ -n "$package" ] && { [ $only_missing = no ] || ! is_installed "$package"; }; then
    echo "$package"
  fi
done
