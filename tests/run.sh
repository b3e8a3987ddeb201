#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
set -uo pipefail

all_tiers="style unit fuzz ui asan vm bpf integration"

usage() {
  cat <<USAGE
usage: sudo tests/run.sh [--all] [--only TIER[,TIER]...] [--fuzz-runs N] [--list] [--help]

Installs what is needed (apt), builds and runs the tests; the last line is "N passed, N failed, N skipped". Results stay
in build/results: one JUnit file or table per tier, and the logs of the builds.

  --all          every kernel in vm, every version of Python that there is, oracles that are built from source, unit
                 tests of the release build as well, the whole of asan
  --only TIERS   of: $all_tiers
  --fuzz-runs N  inputs per fuzz target (default 20000, or those of 8 seconds if these are fewer)
  --list         what each tier does
USAGE
}

list() {
  cat <<'LIST'
style        shellcheck over the scripts, clang-format over userspace/ and tests/
unit         every folder of userspace/ by itself, under AddressSanitizer and UndefinedBehaviorSanitizer
fuzz         each libFuzzer target from its seeds, so many inputs, under ASan and UBSan
ui           pages that are looked at, in a headless Chromium
asan         the whole agent under AddressSanitizer and UndefinedBehaviorSanitizer
vm           the Debian package under systemd in a virtual machine, on other kernels
bpf          probes loaded into this kernel, their hooks triggered
integration  the whole agent against real servers and receivers
LIST
}

every=no
tiers=$all_tiers
fuzz_runs=20000
fuzz_seconds=8
while [ $# -gt 0 ]; do
  case $1 in
    --all) every=yes ;;
    --only) tiers=${2:-}; tiers=${tiers//,/ }; shift ;;
    --fuzz-runs) fuzz_runs=${2:-}; fuzz_seconds=0; shift ;;
    --list) list; exit 0 ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
if ! [[ $fuzz_runs =~ ^[1-9][0-9]{0,9}$ ]] || [ -z "$tiers" ]; then
  usage >&2
  exit 2
fi
for tier in $tiers; do
  case " $all_tiers " in
    *" $tier "*) ;;
    *) echo "run.sh: no tier \"$tier\"; there are: $all_tiers" >&2; exit 2 ;;
  esac
done

cd "$(dirname "$0")/.." || exit 1
. packaging/steps.sh

# Nothing of the caller's surroundings: results, temporary files and settings are this run's own.
results=$PWD/build/results
rm -rf "$results"
mkdir -p "$results/tmp"
chmod 1777 "$results/tmp"
for name in $(compgen -e | grep -E '^(OTEL_|HOSTLENS_|GTEST_|CTEST_|PYTEST_|PYTHON|ASAN_|UBSAN_|TSAN_)'); do
  unset "$name"
done
export LC_ALL=C.UTF-8 TZ=UTC TMPDIR=$results/tmp PYTHONDONTWRITEBYTECODE=1
export no_proxy=localhost,127.0.0.1,::1 NO_PROXY=localhost,127.0.0.1,::1
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=true

end() {
  trap '' INT TERM HUP
  stop_step
  [ -z "$vm_pid" ] || stop_process "$vm_pid"
  allow_starting_services
  rm -rf "$results/tmp"
}
trap end EXIT
trap 'echo; exit 130' INT
trap 'exit 143' TERM HUP

[ $every = no ] || export HOSTLENS_EVERY=yes
vm_pid=''

# record TIER passed|failed|skipped NAME [REASON]: a result that no JUnit file tells.
record() { printf '%s\t%s\t%s\n' "$2" "$3" "${4:-}" >>"$results/$1.tsv"; }

# build TIER PRESET [TARGET]...: false when there is nothing to run. The code is what is packaged; of debug information there
# is less, which is a quarter of the time.
build() {
  local tier=$1 preset=$2 options=(-DHOSTLENS_TESTS=ON)
  shift 2
  [ "$preset" != release ] || options+=("-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O2 -g1 -DNDEBUG")
  if run_step "$tier: configuring $preset" "$results/$tier-configure.log" cmake --preset "$preset" "${options[@]}" &&
    run_step "$tier: building $preset" "$results/$tier-build.log" ninja -C "build/$preset" "$@"; then
    return 0
  fi
  record "$tier" failed build "see build/results/$tier-build.log"
  return 1
}

# programs PRESET PATTERN: those that the build makes, by a pattern of sed.
programs() { ninja -C "build/$1" -t targets all | sed -n "s|^bin/\($2\): .*|\1|p" | sort -u; }

# ended TIER NAME STATUS XML LOG: a program that wrote no results, or failed without a failed test in them: it crashed, hung, or a
# sanitizer complained after the last test.
ended() {
  if [ ! -s "$4" ] || { [ "$3" -ne 0 ] && ! grep -qE '<(failure|error)[ >]' "$4"; }; then
    record "$1" failed "$2" "status $3 and no failed test, see build/results/${5##"$results"/}"
  fi
}

# one_unit TIER PROGRAM: all tests of a folder in one process.
one_unit() {
  local tier=$1 program=$2 name=${2##*/} status=0
  timeout 300 "$program" --gtest_output="xml:$results/$tier.$name.xml" >"$results/$tier/$name.log" 2>&1 || status=$?
  ended "$tier" "$name" $status "$results/$tier.$name.xml" "$results/$tier/$name.log"
}

# all_units TIER PROGRAM...: two at a time.
all_units() {
  local tier=$1 running=0
  shift
  mkdir -p "$results/$tier"
  for program in "$@"; do
    [ $running -lt 2 ] || { wait -n; running=$((running - 1)); }
    echo "$program"
    one_unit "$tier" "$program" &
    running=$((running + 1))
  done
  wait
}

# units TIER PRESET: builds and runs them.
units() {
  local tier=$1 preset=$2 names
  build "$tier" "$preset" build.ninja || return
  mapfile -t names < <(programs "$preset" 'unit_.*')
  build "$tier" "$preset" "${names[@]}" &&
    run_step "$tier: running" "$results/$tier.log" all_units "$tier" "${names[@]/#/build/$preset/bin/}"
}

check() {
  local name=$1 log=$results/style-$1.log
  shift
  if "$@" >"$log" 2>&1; then
    record style passed "$name"
  else
    record style failed "$name" "$(grep -c . "$log") lines in build/results/${log##*/}, the first: $(head -n 1 "$log")"
  fi
}

tier_style() {
  local files
  mapfile -t files < <(grep -rlE '^#!/bin/(ba)?sh' --include='*.sh' packaging systemd tests .ci; grep -rlE '^#!/bin/(ba)?sh' packaging/debian .ci)
  check shellcheck shellcheck -x "${files[@]}"
  # Not bpf/: its macros read better as the kernel's own code does.
  mapfile -t files < <(find userspace tests -name '*.cpp' -o -name '*.h')
  check clang-format clang-format-16 --dry-run -Werror "${files[@]}"
}

tier_unit() {
  run_step "unit: building pprof" "$results/pprof.log" tests/oracles/build.sh --pprof ||
    record unit skipped pprof "Go's pprof could not be built, see build/results/pprof.log"
  units unit fuzz
  [ $every = no ] || units unit.release release
}

# All tests in one process: the probes are loaded once for each group of them.
tier_bpf() {
  local status=0
  build bpf release bpf_tests || return
  run_step "bpf: running" "$results/bpf.log" timeout 600 build/release/bin/bpf_tests --gtest_output="xml:$results/bpf.xml" || status=$?
  ended bpf bpf_tests $status "$results/bpf.xml" "$results/bpf.log"
}

oracles_are_built=no

# integration TIER LOG PROGRAM OPTION...: tests of tests/integration with this program as the agent.
integration() {
  local tier=$1 log=$2 program=$3 options=() status=0
  shift 3
  if [ $oracles_are_built = no ]; then
    oracles_are_built=yes
    [ $every = no ] || options=(--all)
    run_step "$tier: building oracles" "$results/oracles.log" tests/oracles/build.sh "${options[@]}" ||
      record "$tier" skipped oracles "not all could be built, see build/results/oracles.log"
  fi
  run_step "$log: running $program" "$results/$log.log" env HOSTLENS="$PWD/$program" /usr/bin/python3 -m pytest \
    -p no:cacheprovider -ra -o junit_family=xunit2 --junitxml="$results/$log.xml" "$@" tests/integration || status=$?
  ended "$tier" pytest $status "$results/$log.xml" "$results/$log.log"
}

# Tests that wait more than they work run some at a time.
together=(--dist loadfile -m "not alone")

# Not those that measure: a slower agent, whose memory is the sanitizers', tells nothing more about these. Nor, by default, those
# that bring it nothing from outside that other files do not.
tier_asan() {
  local but="not test_fixtures and not test_harness and not within_a_minute"
  [ $every != no ] || but="$but and not half_a_minute and not test_health and not test_host and not test_top and not test_reload and not test_cri"
  build asan fuzz hostlens || return
  integration asan asan build/fuzz/bin/hostlens -n 3 "${together[@]}" -k "$but"
}

# New inputs go into a folder of this run; the seeds in the tree stay as they are.
fuzz_one() {
  local name=$1 folder=$results/fuzz/$1
  mkdir -p "$folder/corpus"
  if build/fuzz/bin/"$name" -runs="$fuzz_runs" -max_total_time=$fuzz_seconds -seed=1 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$folder/" "$folder/corpus" "tests/fixtures/fuzz/${name%_fuzzer}" >"$folder/log" 2>&1; then
    record fuzz passed "$name"
  else
    record fuzz failed "$name" "see build/results/fuzz/$name"
  fi
}

fuzz_all() {
  local running=0
  for name in "$@"; do
    [ $running -lt 2 ] || { wait -n; running=$((running - 1)); }
    echo "$name"
    fuzz_one "$name" &
    running=$((running + 1))
  done
  wait
}

tier_fuzz() {
  build fuzz fuzz build.ninja || return
  local names
  mapfile -t names < <(programs fuzz '.*_fuzzer')
  build fuzz fuzz "${names[@]}" || return
  run_step "fuzz: running" "$results/fuzz.log" fuzz_all "${names[@]}"
}

tier_ui() {
  local status=0
  build ui release flame_graph_files || return
  run_step "ui: running" "$results/ui.log" /usr/bin/python3 -m pytest -o junit_family=xunit2 \
    --junitxml="$results/ui.xml" tests/ui || status=$?
  ended ui pytest $status "$results/ui.xml" "$results/ui.log"
}

tier_integration() {
  build integration release hostlens || return
  integration integration integration build/release/bin/hostlens -n 4 "${together[@]}"
  integration integration integration.alone build/release/bin/hostlens -m alone
}

# 6.1 is the oldest kernel there, and the one with another variant of the probe. It takes long and one CPU, so it runs beside tiers
# that measure nothing.
begin_vm() {
  [ -z "$vm_pid" ] || return 0
  build vm release hostlens hostlens_manual bpf_tests || return
  local what=(--kernel 6.1 package)
  [ $every = no ] || what=(--kernel all all)
  say "vm: begins, and goes on beside what follows"
  # Before the compilers: what it tests has limits of time.
  nice -n -10 tests/vm/run.sh "${what[@]}" >"$results/vm.log" 2>&1 </dev/null &
  vm_pid=$!
}

tier_vm() {
  local status=0
  begin_vm || return
  run_step "vm: waiting for its end" "$results/vm-wait.log" tail --pid="$vm_pid" -f "$results/vm.log"
  wait "$vm_pid" || status=$?
  vm_pid=
  /usr/bin/python3 tests/summary.py --from-log "$results/vm.log" --status $status >>"$results/vm.tsv"
}

reason=$(missing_capture)
[ -z "$reason" ] || complain "$reason; tests that need it are skipped"
sets="build test"
[[ " $tiers " != *" vm "* ]] || sets="$sets vm"
# shellcheck disable=SC2086  # a list of words
if [ "$(id -u)" != 0 ]; then
  [ -z "$(packaging/dependencies.sh --missing $sets)" ] || complain "packages are missing; run as root to install them"
else
  install_packages "$results" $sets || record install failed packages "see above"
fi

for tier in $all_tiers; do
  [[ " $tiers " == *" $tier "* ]] || continue
  [[ $tier != @(unit|fuzz|ui|asan) || " $tiers " != *" vm "* ]] || begin_vm
  begin=$SECONDS
  "tier_$tier"
  echo $((SECONDS - begin)) >"$results/$tier.seconds"
done
/usr/bin/python3 tests/summary.py "$results"
