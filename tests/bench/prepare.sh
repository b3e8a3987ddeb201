#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What benches do before they measure; sourced from the top of the tree, behind packaging/steps.sh.

# prepare MODULE "TARGET..." [WORD]...: prints the help of tests/bench/MODULE if a word asks for it, else builds the release
# targets, and removes its own files at the end of the script. Ends the script where nothing can be captured.
prepare() {
  local module=$1 targets=$2 word reason
  shift 2
  for word in "$@"; do
    case $word in
      --help | -h) PYTHONPATH=tests/bench exec python3 -B -m "$module" --help ;;
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
  # shellcheck disable=SC2086  # a list of words
  run_step "building $targets" "$logs/build.log" ninja -C build/release $targets || exit 1
}
