#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
set -uo pipefail

usage() {
  cat <<'USAGE'
usage: sudo packaging/quickstart.sh [--keep] [--for SECONDS]

Installs what is needed (apt), builds build/release/bin/hostlens, starts a small workload (nginx -> shop -> stock) with
Hostlens on it, shows its requests and one trace, and ends everything again. The second run takes seconds.

  --keep         leave workload and agent running until Ctrl-C
  --for SECONDS  how long the live table is shown (default 20)
  --help         this text
USAGE
}

keep=no
duration=20
while [ $# -gt 0 ]; do
  case $1 in
    --keep) keep=yes ;;
    --for)
      duration=${2:-}
      if ! [[ $duration =~ ^[1-9][0-9]{0,5}$ ]]; then
        echo "quickstart.sh: --for needs a number of seconds" >&2
        exit 2
      fi
      shift
      ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done

cd "$(dirname "$0")/.." || exit 1
. packaging/steps.sh

reason=$(missing_capture)
if [ -n "$reason" ]; then
  complain "$reason"
  exit 3
fi

# Readable by nginx's workers, which are not root.
folder=$(mktemp -d "${TMPDIR:-/tmp}/hostlens.XXXXXX") && chmod 755 "$folder" || exit 1
hostlens=build/release/bin/hostlens
agent_pid=''
load_pid=''
top_pid=''

# The workload ends with the agent; this is for the case that the agent had to be killed.
stop_workload() {
  local pid
  pid=$(cat "$folder/pid" 2>/dev/null) || return
  if { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -qF "$folder"; then
    kill -TERM "$pid"
    while [ -d "/proc/$pid" ]; do sleep 0.1; done
  fi
}

end() {
  local pid
  trap '' INT TERM HUP
  stop_step
  for pid in $top_pid $load_pid $agent_pid; do stop_process "$pid"; done
  stop_workload
  allow_starting_services
  rm -rf "$folder"
}
trap end EXIT
trap 'echo; exit 130' INT
trap 'exit 143' TERM HUP

build() {
  # Unit tests are not needed here; a tree that has them already keeps them.
  if [ ! -e build/release/build.ninja ]; then
    run_step "configuring" "$folder/configure.log" cmake --preset release -DHOSTLENS_TESTS=OFF || return
  fi
  run_step "building hostlens" "$folder/build.log" ninja -C build/release hostlens
}

free_port() {
  python3 - <<'PYTHON'
import socket
for port in (9464, 0):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(probe.getsockname()[1])
        break
PYTHON
}

# Ready when nginx listens and the agent answers: 20 s at most.
start_workload() {
  local tries=200
  "$hostlens" run --listen "$address" -- python3 packaging/workload/workload.py "$folder" \
    >"$folder/agent.log" 2>&1 </dev/null &
  agent_pid=$!
  while [ ! -s "$folder/port" ] || ! curl -fs --noproxy '*' -o "$folder/ready" "http://$address/readyz"; do
    if ! kill -0 "$agent_pid" 2>/dev/null || [ $((tries -= 1)) -le 0 ]; then
      complain "the agent or the workload did not start:"
      tail -n 20 "$folder/agent.log" >&2
      return 1
    fi
    sleep 0.1
  done
  python3 packaging/workload/load.py "$(cat "$folder/port")" >"$folder/load.log" 2>&1 </dev/null &
  load_pid=$!
}

# sleep_while_up SECONDS [PID]: returns early when the agent (status 1) or PID (status 0) has ended.
sleep_while_up() {
  local end_at=$((SECONDS + $1))
  while [ $SECONDS -lt $end_at ]; do
    if ! kill -0 "$agent_pid" 2>/dev/null; then
      complain "the agent has ended:"
      tail -n 20 "$folder/agent.log" >&2
      return 1
    fi
    [ -z "${2:-}" ] || kill -0 "$2" 2>/dev/null || return 0
    sleep 0.2
  done
}

show() {
  if [ -t 1 ]; then
    "$hostlens" top --address "$address" <&0 &
    top_pid=$!
    sleep_while_up "$duration" $top_pid || return
    stop_process $top_pid 2
    top_pid=
  else
    sleep_while_up "$duration" || return
  fi
  # Through a pipe it prints one table and ends.
  "$hostlens" top --address "$address" | cat
  printf '\nOne request through all three services:\n'
  "$hostlens" top --trace --address "$address" | cat
  printf '\nThe same for machines:\n'
  printf "  curl '%s'\n" "http://$address/metrics" "http://$address/api/v1/requests" \
    "http://$address/api/v1/traces?limit=5" "http://$address/api/v1/status"
}

install_packages "$folder" build workload || exit 1
build || exit 1
address=127.0.0.1:$(free_port)
start_workload || exit 1
say "nginx -> shop -> stock on http://127.0.0.1:$(cat "$folder/port"), observed for $duration s"
show || exit 1
if [ $keep = yes ]; then
  printf '  %s\n\n' "$hostlens top --address $address"
  say "running until Ctrl-C"
  while sleep_while_up 3600; do :; done
  exit 1
fi
say "ending everything; --keep leaves it running"
