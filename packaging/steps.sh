# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by packaging/quickstart.sh and tests/run.sh: long steps with their progress, packages by apt.
# A step runs in the background and the shell polls, so that traps act at once; `step_pid` is its process.

step_pid=''
step_must_finish=no

say() { printf '[%4ds] %s\n' "$SECONDS" "$*"; }
complain() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# run_step TITLE LOG COMMAND...: its output goes to LOG. On a terminal one line shows how far it is, elsewhere a line
# every ten seconds. When it fails, the end of LOG is shown.
run_step() {
  local title=$1 log=$2 begin=$SECONDS shown=$SECONDS last status=0
  shift 2
  [ -t 1 ] || say "$title"
  "$@" >"$log" 2>&1 </dev/null &
  step_pid=$!
  while kill -0 "$step_pid" 2>/dev/null; do
    if [ -t 1 ]; then
      last=$(tail -n 1 "$log" | tr -dc '[:print:]')
      printf '\r\033[K[%4ds] %s  %.*s' "$SECONDS" "$title" $((${COLUMNS:-80} - ${#title} - 12)) "$last"
    elif [ $((SECONDS - shown)) -ge 10 ]; then
      shown=$SECONDS
      say "  $(tail -n 1 "$log" | tr -dc '[:print:]' | cut -c 1-90)"
    fi
    sleep 0.2
  done
  wait "$step_pid" || status=$?
  step_pid=
  if [ -t 1 ]; then
    printf '\r\033[K'
    say "$title: $((SECONDS - begin)) s"
  fi
  if [ "$status" -ne 0 ]; then
    complain "$title failed with status $status; the end of its output:"
    tail -n 40 "$log" >&2
  fi
  return "$status"
}

# stop_process PID [SECONDS]: SIGTERM, then SIGKILL to a child of this shell.
stop_process() {
  local tries=$((${2:-10} * 10))
  kill -TERM "$1" 2>/dev/null || { wait "$1" 2>/dev/null; return 0; }
  while kill -0 "$1" 2>/dev/null && [ $((tries -= 1)) -gt 0 ]; do sleep 0.1; done
  kill -KILL "$1" 2>/dev/null
  wait "$1" 2>/dev/null
  return 0
}

# For traps: ends the step that runs now. A half-unpacked package would harm the machine: dpkg is let finish.
stop_step() {
  [ -n "$step_pid" ] || return 0
  if [ $step_must_finish = yes ]; then
    printf '\n'
    say "letting dpkg finish"
    wait "$step_pid" 2>/dev/null
  else
    stop_process "$step_pid"
  fi
  step_pid=
}

policy=/usr/sbin/policy-rc.d
own_policy=no

# Installing nginx must not start a server on port 80.
forbid_starting_services() {
  [ -e $policy ] && return
  own_policy=yes
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 755 $policy
}

allow_starting_services() {
  [ $own_policy = no ] || rm -f $policy
  own_policy=no
}

apt_install() {
  # shellcheck disable=SC2086  # a list of words
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -y --no-install-recommends "$@" install $missing
}

# install_packages FOLDER SET...: what packaging/dependencies.sh lists and this machine lacks. Logs into FOLDER.
install_packages() {
  local folder=$1 had_nginx=no status=0
  shift
  missing=$(packaging/dependencies.sh --missing "$@") || return
  [ -n "$missing" ] || return 0
  if ! command -v apt-get >/dev/null; then
    complain "this is no Debian; install what corresponds to these packages: $(echo "$missing" | tr "\n" " ")"
    return 1
  fi
  if ! apt_install --simulate >"$folder/simulate.log" 2>&1; then
    run_step "apt-get update" "$folder/update.log" apt-get -o DPkg::Lock::Timeout=300 update || return
  fi
  local count
  count=$(echo "$missing" | wc -l)
  if ! run_step "downloading $count packages" "$folder/download.log" apt_install --download-only; then
    # The lists may be older than the archive.
    run_step "apt-get update" "$folder/update.log" apt-get -o DPkg::Lock::Timeout=300 update || return
    run_step "downloading $count packages" "$folder/download.log" apt_install --download-only || return
  fi
  command -v nginx >/dev/null && had_nginx=yes
  forbid_starting_services
  step_must_finish=yes
  run_step "installing $count packages" "$folder/install.log" apt_install || status=$?
  step_must_finish=no
  allow_starting_services
  if [ $had_nginx = no ] && [ -d /run/systemd/system ] && [ -x /usr/sbin/nginx ]; then
    systemctl --quiet disable nginx.service 2>/dev/null && say "nginx.service was installed and stays disabled"
  fi
  return "$status"
}

# missing_capture: why this machine cannot load the probes; nothing when it can.
missing_capture() {
  if [ "$(id -u)" != 0 ]; then
    echo "root is needed to load eBPF programs"
  elif [ ! -r /sys/kernel/btf/vmlinux ]; then
    echo "this kernel has no BTF (/sys/kernel/btf/vmlinux); Debian's has"
  fi
}
