#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# For jobs: one line per check, `ok NAME`, `FAIL NAME: why` or `skip NAME: why`. Sourced; nothing else to see.
failures=0

ok() {
  echo "ok $1"
}

fail() {
  echo "FAIL $1: $2"
  failures=$((failures + 1))
}

skip() {
  echo "skip $1: $2"
}

# check NAME WHY COMMAND...: WHY is what is said when the command fails.
check() {
  local name=$1 why=$2
  shift 2
  if "$@"; then ok "$name"; else fail "$name" "$why"; fi
}

# eventually SECONDS COMMAND...: tries every 100 ms of the guest's time.
eventually() {
  local rounds=$(($1 * 10))
  shift
  while ! "$@"; do
    rounds=$((rounds - 1))
    [ $rounds -gt 0 ] || return 1
    sleep 0.1
  done
}

finish() {
  [ $failures -eq 0 ]
  exit
}
