#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: every test of tests/bpf. What this kernel must be able to do may not be skipped.
# shellcheck source=tests/vm/jobs/checks.sh
. /job/checks.sh

LD_LIBRARY_PATH=/job/lib /job/bpf_tests --gtest_color=no >/results/bpf_tests.log 2>&1
status=$?

# One line per test: verdict, name and what was said between its start and its end.
verdicts() {
  awk '
    /^\[ RUN / { said = ""; next }
    /^\[ +(OK|FAILED|SKIPPED) \] .* \([0-9]+ ms\)$/ {
      sub(/^\[ +/, ""); sub(/ \]/, ""); sub(/ \([0-9]+ ms\)$/, "")
      sub(/,? where .*/, "")
      print $1, $2, said
      next
    }
    { said = said " " $0 }
  ' /results/bpf_tests.log
}

has_tracepoints() {
  grep -q sock_send_length /sys/kernel/tracing/available_events
}

reported=0
while read -r verdict name said; do
  reported=$((reported + 1))
  case $verdict in
    OK) ok "$name" ;;
    FAILED) fail "$name" "$said" ;;
    SKIPPED)
      case $name:$said in
        */tracepoint:*"no variant attaches"*)
          if has_tracepoints; then fail "$name" "$said"; else skip "$name" "before 6.3 there are no such tracepoints"; fi
          ;;
        *"attaches"* | *"refuses"* | *"root"*) fail "$name" "this kernel can do it: $said" ;;
        *) skip "$name" "$said" ;;
      esac
      ;;
  esac
done < <(verdicts)

ran=$(awk '/tests from .* ran\./ { print $2 }' /results/bpf_tests.log)
check bpf_tests.ends_by_itself "status $status after $reported tests: $(tail -1 /results/bpf_tests.log)" \
  test "${ran:-0}" -gt 0 -a "${ran:-0}" -eq $reported
finish
