#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the agent costs in instructions, in a guest where one nanosecond is one instruction: 20,000 GETs of 1 KiB
# from nginx over 16 connections, and single system calls. Repeats are identical, so one percent shows.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
out=$top/build/vm/instructions

usage() {
  cat <<END
usage: tests/bench/instructions.sh [--kernel 6.1|6.12|all] [--requests N] [--repeats N] [--json FILE]
  [--modes "none bpf agent stats"]
Wants build/release/bin/hostlens. Default: 6.12, 20000 requests, 2 repeats, all modes. About half a minute per
boot on a free CPU; stats is run once.
END
}

kernels=6.12 requests=20000 repeats=2 json=$out/instructions.json modes="none bpf agent stats"
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage && exit 0 ;;
    --kernel) kernels=${2-} && [ "$kernels" != all ] || kernels="6.1 6.12" ;;
    --requests) requests=${2-} ;;
    --repeats) repeats=${2-} ;;
    --json) json=${2-} ;;
    --modes) modes=${2-} ;;
    *) usage >&2 && exit 2 ;;
  esac
  [ $# -ge 2 ] || { usage >&2 && exit 2; }
  shift 2
done

program=$top/build/release/bin/hostlens
if [ "$modes" != none ] && [ ! -x "$program" ]; then
  echo "skip instructions: build/release/bin/hostlens is not built"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
rm -rf "$out"
mkdir -p "$out"
cc -O2 -static -o "$work/syscall_cost" "$here/syscall_cost.c"
files=(--file "$work/syscall_cost:/job/syscall_cost" --file "$work/mode.sh:/job/mode.sh")
if [ "$modes" != none ]; then
  strip -o "$work/hostlens" "$program"
  files+=(--file "$work/hostlens:/job/hostlens")
fi

for kernel in $kernels; do
  for mode in $modes; do
    for repeat in $(seq "$repeats"); do
      [ "$mode" != stats ] || [ "$repeat" -eq 1 ] || continue
      printf 'MODE=%s\nREQUESTS=%s\n' "$mode" "$requests" >"$work/mode.sh"
      echo "instructions: Linux $kernel, $mode, $repeat of $repeats" >&2
      status=0
      /usr/bin/python3 "$top/tests/vm/guest.py" run --icount --kernel "$kernel" --limit 900 \
        --results "$out/$kernel/$mode-$repeat" "${files[@]}" "$here/instructions_job.sh" >"$work/said" || status=$?
      if [ $status -ne 0 ]; then
        cat "$work/said"
        exit $status
      fi
    done
  done
done
/usr/bin/python3 "$here/instructions_report.py" "$out" "$json"
echo "written: ${json#"$top"/}"
