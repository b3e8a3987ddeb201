#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tests inside virtual machines with Debian's own kernels. Prints a line per check (ok, FAIL with the reason,
# skip with the reason) and at the end `N passed, N failed, N skipped`.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
build=$top/build/release
results=$top/build/vm/results

usage() {
  cat <<END
usage: tests/vm/run.sh [--kernel 6.1|6.12|all] [bpf|package|all]
  bpf      tests/bpf on a kernel where every hook can be used
  package  the .deb under systemd: install, observe, crash, stop, purge
Default: --kernel all all. Wants a release build; what the guest left is in build/vm/results/KERNEL-JOB/.
END
}

kernels="6.1 6.12"
jobs="bpf package"
while [ $# -gt 0 ]; do
  case $1 in
    --kernel)
      case ${2-} in
        6.1 | 6.12) kernels=$2 ;;
        all) ;;
        *) usage >&2 && exit 2 ;;
      esac
      shift
      ;;
    bpf | package) jobs=$1 ;;
    all) ;;
    --help | -h) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done

lines=$(mktemp)
trap 'rm -f "$lines"' EXIT

say() {
  echo "$1" | tee -a "$lines"
}

# The shared libraries of a program that are not the C library's, as --file options in `files`.
with_libraries() {
  local library
  while read -r library; do
    files+=(--file "$library:/job/lib/$(basename "$library")")
  done < <(ldd "$1" | awk '$3 ~ /^\// && $1 !~ /^lib(c|m|pthread|dl|rt)\.so/ { print $3 }')
}

# The files of a job in `files`; or in `reason` why it cannot run. False when that is a failure.
collect() {
  files=(--file "$here/jobs/checks.sh")
  reason=
  case $1 in
    bpf)
      if [ -x "$build/bin/bpf_tests" ]; then
        files+=(--file "$build/bin/bpf_tests" --file "$build/bin/profiled_chains" --file "$build/bin/profiled_static"
          --file "$build/bin/libprofiled_library.so")
        with_libraries "$build/bin/bpf_tests"
      else
        reason="build/release/bin/bpf_tests is not built"
      fi
      ;;
    package)
      if [ -x "$build/bin/hostlens" ]; then
        package || return
        files+=(--file "$deb:/job/hostlens.deb" --file "$here/jobs/metrics.py" --file "$here/jobs/lossy_network.py")
        nameless || return
      else
        reason="build/release/bin/hostlens is not built"
      fi
      ;;
  esac
}

# Makes the Debian package anew: its path in `deb`.
package() {
  rm -f "$build"/package/*.deb
  mkdir -p "$results"
  if ! (cd "$build" && cpack -G DEB >"$results/cpack.log" 2>&1); then
    reason="cpack failed, see build/vm/results/cpack.log"
    return 1
  fi
  deb=$(ls "$build"/package/*.deb) && return
  reason="cpack made no package, see build/vm/results/cpack.log"
  return 1
}

# A program without symbols, and what a server of debug files has of it, in `files`.
nameless() {
  local id program=$build/bin/profiled_chains
  if ! objcopy --only-keep-debug "$program" "$results/chains.debug" || ! strip -s -o "$results/chains" "$program"; then
    reason="no program without symbols could be made of $program"
    return 1
  fi
  id=$(readelf -n "$program" | sed -n 's/.*Build ID: //p')
  files+=(--file "$results/chains" --file "$results/chains.debug:/srv/debug/buildid/$id/debuginfo")
}

run_job() {
  local kernel=$1 job=$2 status prefix="vm/$1/$2" options=()
  if ! collect "$job"; then
    say "FAIL $prefix/package: $reason"
    return
  fi
  if [ -n "$reason" ]; then
    say "skip $prefix: $reason"
    return
  fi
  [ "$job" != package ] || options+=(--systemd)
  rm -rf "${results:?}/$kernel-$job"
  /usr/bin/python3 "$here/guest.py" run --kernel "$kernel" --limit 900 --results "$results/$kernel-$job" \
    "${options[@]}" "${files[@]}" "$here/jobs/$job.sh" > >(
    sed -u -E "s|^(ok\|FAIL\|skip) |&$prefix/|" | tee -a "$lines"
  ) 2>&1 &
  guest=$!
  wait $guest
  status=$?
  wait  # for the reader of its output
  case $status in
    0) say "ok $prefix/kernel_log_is_clean" ;;
    77) say "skip $prefix: this host cannot run guests (above)" ;;
    124) say "FAIL $prefix/ends: the guest ran into its time limit" ;;
    126) say "FAIL $prefix/kernel_log_is_clean: see build/vm/results/$kernel-$job/kernel.log" ;;
    1) ;; # a check failed and was printed
    *) say "FAIL $prefix/ends: status $status" ;;
  esac
}

guest=
trap 'kill "$guest" 2>/dev/null; exit 130' INT TERM
for kernel in $kernels; do
  for job in $jobs; do
    run_job "$kernel" "$job"
  done
done

passed=$(grep -c '^ok ' "$lines")
failed=$(grep -c '^FAIL ' "$lines")
skipped=$(grep -c '^skip ' "$lines")
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
