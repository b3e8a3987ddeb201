#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the agent costs on this machine: builds what is needed, then tests/bench/overhead/ measures and prints one table.
# --host: of the kernel signals, on programs that switch, call and read (overhead/host.py). --profile: of continuous profiles
# (overhead/profile.py). The other options are those of the measurement: --pairs N, --seconds N, --json FILE, --help. Needs root.
set -uo pipefail

json=
words=()
module=overhead
while [ $# -gt 0 ]; do
  # Relative to the caller's folder.
  if [ "$1" = --json ] && [ $# -gt 1 ]; then
    json=$(realpath -m -- "$2")
    words+=(--json "$json")
    shift
  elif [ "$1" = --host ]; then
    module=overhead.host
  elif [ "$1" = --profile ]; then
    module=overhead.profile
  else
    words+=("$1")
  fi
  shift
done

cd "$(dirname "$0")/../.." || exit 1
. packaging/steps.sh

for word in "${words[@]}"; do
  case $word in
    --help | -h) PYTHONPATH=tests/bench exec python3 -B -m $module --help ;;
  esac
done

reason=$(missing_capture)
if [ -n "$reason" ]; then
  complain "$reason"
  exit 3
fi

logs=$(mktemp -d "${TMPDIR:-/tmp}/hostlens-bench.XXXXXX") || exit 1
trap 'trap "" INT TERM; stop_step; allow_starting_services; rm -rf "$logs"' EXIT
trap 'echo; exit 130' INT
trap 'exit 143' TERM HUP

mkdir -p build/bench
install_packages "$logs" build test bench || exit 1
[ -e build/release/build.ninja ] || run_step "configuring" "$logs/configure.log" cmake --preset release || exit 1
run_step "building hostlens" "$logs/build.log" ninja -C build/release hostlens || exit 1
run_step "building the load generator" "$logs/load.log" \
  go build -C tests/fixtures/load -o "$PWD/build/bench/load" . || exit 1
run_step "building the system call loop" "$logs/loop.log" \
  cc -O2 -Wall -Werror -o build/bench/system_calls tests/bench/system_calls.c || exit 1
PYTHONPATH=tests/bench python3 -B -m $module "${words[@]}"
