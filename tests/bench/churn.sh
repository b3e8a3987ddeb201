#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a storm of short-lived programs costs continuous profiles of the host: 200 execs a second of 500 different binaries for a
# minute; CPU, memory, tables, samples and losses every five seconds, before, meanwhile and afterwards. Options: --help.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. packaging/steps.sh

for word in "$@"; do
  case $word in
    --help | -h) PYTHONPATH=tests/bench exec python3 -B -m churn --help ;;
  esac
done

reason=$(missing_capture)
if [ -n "$reason" ]; then
  complain "$reason"
  exit 3
fi
logs=$(mktemp -d "${TMPDIR:-/tmp}/hostlens-bench.XXXXXX") || exit 1
trap 'trap "" INT TERM; stop_step; rm -rf "$logs"' EXIT
trap 'echo; exit 130' INT
trap 'exit 143' TERM HUP

[ -e build/release/build.ninja ] || run_step "configuring" "$logs/configure.log" cmake --preset release || exit 1
run_step "building hostlens" "$logs/build.log" ninja -C build/release hostlens || exit 1
PYTHONPATH=tests/bench python3 -B -m churn "$@"
