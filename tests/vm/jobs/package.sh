#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In the guest, under systemd: the Debian package from installation to purge.
# shellcheck disable=SC2317  # most functions are called by name, through eventually and check
# shellcheck source=tests/vm/jobs/checks.sh
. /job/checks.sh

unit=hostlens.service

main_pid() {
  systemctl show -p MainPID --value $unit
}

# By parenthood: the program that is executed anew by descriptor has no name of its own.
worker_pid() {
  pgrep -P "$(main_pid)" | head -1
}

is_active() {
  [ "$(systemctl is-active "$unit")" = active ]
}

# status_of PID FIELD
status_of() {
  awk -v field="$2:" '$1 == field { print $2 }' "/proc/$1/status"
}

# Programs behind the descriptors of supervisor and worker.
programs() {
  cat "/proc/$(main_pid)"/fdinfo/* "/proc/$(worker_pid)"/fdinfo/* 2>/dev/null |
    awk '$1 == "prog_id:" { print $2 }' | sort -un
}

# none_loaded IDS: the kernel knows none of these programs any more.
none_loaded() {
  local id
  [ -n "$1" ] || return 1  # they were never seen
  for id in $1; do
    if bpftool prog show id "$id" >/dev/null 2>&1; then return 1; fi
  done
}

all_loaded() {
  local id
  for id in $1; do
    bpftool prog show id "$id" >/dev/null 2>&1 || return 1
  done
}

counts() {
  /job/metrics.py "${@:2}" >/tmp/count 2>/tmp/count.why && [ "$(cat /tmp/count)" = "$1" ]
}

# counts_exactly NAME N [LABEL=VALUE]...
counts_exactly() {
  if eventually 15 counts "${@:2}"; then ok "$1"; else fail "$1" "$(cat /tmp/count /tmp/count.why), not $2"; fi
}

# get N PATH: N requests, each on an own connection.
get() {
  local number
  for number in $(seq "$1"); do
    curl -s -o /dev/null "http://127.0.0.1${2//%/$number}"
  done
}

errors_in_journal() {
  journalctl -q -u $unit -p err -o cat
}

installs() {
  if dpkg -i /job/hostlens.deb >/results/dpkg.log 2>&1; then
    ok installs
  else
    fail installs "$(tail -3 /results/dpkg.log | tr '\n' ' ')"
    finish
  fi
  if eventually 60 is_active; then
    ok becomes_ready_after_installation
  else
    fail becomes_ready_after_installation "$(systemctl is-active $unit): $(journalctl -q -u $unit -o cat | tail -5 | tr '\n' ' ')"
    finish
  fi
  check is_of_type_notify "the unit is not" test "$(systemctl show -p Type --value $unit)" = notify
  dpkg -L hostlens >/tmp/files
}

is_confined() {
  local main worker score
  main=$(main_pid)
  worker=$(worker_pid)
  if [ -z "$worker" ]; then
    fail has_a_worker "the supervisor has no child"
    finish
  fi
  check worker_has_an_own_user "uid $(status_of "$worker" Uid)" \
    test "$(status_of "$worker" Uid)" = "$(id -u hostlens)"
  check worker_has_no_capability "effective $(status_of "$worker" CapEff), permitted $(status_of "$worker" CapPrm)" \
    test "$(status_of "$worker" CapEff)$(status_of "$worker" CapPrm)" = 00000000000000000000000000000000
  check worker_gains_no_privilege "NoNewPrivs is 0" test "$(status_of "$worker" NoNewPrivs)" = 1
  check supervisor_gains_no_privilege "NoNewPrivs is 0" test "$(status_of "$main" NoNewPrivs)" = 1
  check system_calls_are_filtered "Seccomp is not 2" \
    test "$(status_of "$main" Seccomp)$(status_of "$worker" Seccomp)" = 22
  check supervisor_lacks_other_capabilities "bounding set $(status_of "$main" CapBnd)" \
    test "$(status_of "$main" CapBnd)" != "$(status_of 1 CapBnd)"
  check file_system_is_read_only "the mount name space is the host's" \
    test "$(readlink /proc/"$main"/ns/mnt)" != "$(readlink /proc/1/ns/mnt)"
  score=$(systemd-analyze security --no-pager --offline=true /lib/systemd/system/$unit 2>/dev/null |
    sed -nE 's/.*Overall exposure level[^:]*: ([0-9.]+).*/\1/p')
  check exposure_is_3_or_less "systemd-analyze says ${score:-nothing}" \
    awk -v score="${score:-10}" 'BEGIN { exit !(score <= 3.0) }'
}

observes() {
  local variant expected=fexit
  if grep -q sock_send_length /sys/kernel/tracing/available_events; then expected=tracepoint; fi
  hostlens doctor --json >/results/doctor.json
  hostlens doctor >/results/doctor.txt
  variant=$(python3 -c 'import json; print(json.load(open("/results/doctor.json"))["probes"]["socket_variant"])')
  check "doctor_names_the_${expected}_variant" "doctor says ${variant:-nothing}" test "$variant" = $expected

  sed -i 's/^  include: \[\]$/  include:\n    - unit: nginx\n    - command_line: "*lossy_network.py client"/' /etc/hostlens/hostlens.yaml
  check configuration_is_valid "see results" hostlens config check /etc/hostlens/hostlens.yaml
  systemctl start nginx
  echo hello >/var/www/html/hello.txt
  check reloads "systemctl reload failed" systemctl reload $unit
  eventually 10 reloaded
  get 20 /hello.txt
  get 7 '/nothing/%'
  curl -s -o /dev/null -X POST -d x=1 http://127.0.0.1/hello.txt
  counts_exactly counts_every_get 20 service_name=nginx http_request_method=GET http_route=/hello.txt \
    http_response_status_code=200
  counts_exactly counts_every_miss 7 service_name=nginx http_response_status_code=404
  counts_exactly counts_the_refused_post 1 service_name=nginx http_request_method=POST \
    http_response_status_code=405
  counts_exactly counts_nothing_else 28
  curl -s http://127.0.0.1:9464/metrics >/results/metrics.txt
}

reloaded() {
  journalctl -q -u "$unit" -o cat | grep -qi reload
}

survives_a_dead_worker() {
  local worker before ids
  worker=$(worker_pid)
  ids=$(programs)
  check probes_are_loaded "no program behind the supervisor's descriptors" test -n "$ids"
  journal=$(errors_in_journal)
  check journal_has_no_errors "$(head -c 300 <<<"$journal" | tr '\n' ' ')" test -z "$journal"
  kill -9 "$worker"
  if eventually 20 has_other_worker "$worker"; then ok worker_is_restarted; else fail worker_is_restarted "no worker"; fi
  check probes_stay_when_the_worker_dies "programs are gone" all_loaded "$ids"
  check supervisor_stays_when_the_worker_dies "restarts: $(systemctl show -p NRestarts --value $unit)" \
    test "$(systemctl show -p NRestarts --value $unit)" = 0
  eventually 20 curl -s -o /dev/null http://127.0.0.1:9464/metrics
  before=$(/job/metrics.py service_name=nginx http_route=/hello.txt)
  get 11 /hello.txt
  counts_exactly counts_with_a_new_worker $((before + 11)) service_name=nginx http_route=/hello.txt
}

has_other_worker() {
  local now
  now=$(worker_pid)
  [ -n "$now" ] && [ "$now" != "$1" ]
}

has_other_main() {
  is_active && [ "$(main_pid)" != "$1" ]
}

leaves_nothing_when_it_dies() {
  local main worker ids
  main=$(main_pid)
  worker=$(worker_pid)
  ids=$(programs)
  kill -9 "$main"
  # Well before the unit's RestartSec is over: nothing may hold the programs, the worker least of all.
  if eventually 2 none_loaded "$ids"; then
    ok no_program_outlives_the_supervisor
  else
    fail no_program_outlives_the_supervisor "still loaded"
  fi
  check worker_dies_with_the_supervisor "it is alive" test ! -d "/proc/$worker"
  if eventually 30 has_other_main "$main"; then ok systemd_restarts_it; else fail systemd_restarts_it "$(systemctl is-active $unit)"; fi
  get 5 /hello.txt
  counts_exactly counts_after_the_restart 5 service_name=nginx http_route=/hello.txt
}

# has_sample NAME LABEL=VALUE... VALUE: /metrics has the series with these labels and this value.
has_sample() {
  local name=$1 value=${*: -1} lines label
  lines=$(curl -s http://127.0.0.1:9464/metrics | grep "^$name{")
  for label in "${@:2:$#-2}"; do
    lines=$(grep -F "${label%%=*}=\"${label#*=}\"" <<<"$lines")
  done
  grep -qE " $value( [0-9.]+)?$" <<<"$lines"
}

nginx_was_restarted() {
  [ "$(systemctl show -p NRestarts --value nginx)" = 1 ]
}

# The states of units against systemd's own words, by the worker, which has no privilege.
tells_units() {
  local main
  mkdir -p /run/systemd/system/nginx.service.d
  printf '[Service]\nRestart=always\nRestartSec=100ms\n' >/run/systemd/system/nginx.service.d/restart.conf
  printf '[Service]\nExecStart=/bin/false\n' >/run/systemd/system/boom.service
  systemctl daemon-reload
  systemctl start boom.service
  main=$(systemctl show -p MainPID --value nginx)
  kill -9 "$main"
  eventually 20 nginx_was_restarted
  if eventually 40 has_sample hostlens_unit_state unit=boom.service state=failed 1; then
    ok tells_a_failed_unit
  else
    fail tells_a_failed_unit "$(curl -s http://127.0.0.1:9464/metrics | grep -E 'hostlens_unit|"unit"' | head -c 400 | tr '\n' ' ')"
  fi
  check the_failed_unit_is_not_active "it is" has_sample hostlens_unit_state unit=boom.service state=active 0
  get 1 /hello.txt
  if eventually 40 has_sample hostlens_unit_restarts_total unit=nginx.service \
    "$(systemctl show -p NRestarts --value nginx)"; then
    ok counts_restarts_as_systemd_does
  else
    fail counts_restarts_as_systemd_does "$(curl -s http://127.0.0.1:9464/metrics | grep hostlens_unit_restarts | tr '\n' ' ')"
  fi
  check tells_an_active_unit "see results" has_sample hostlens_unit_state unit=nginx.service state=active 1
  curl -s http://127.0.0.1:9464/metrics >/results/units.txt
  rm -r /run/systemd/system/nginx.service.d /run/systemd/system/boom.service
}

# The unit's MemoryHigh slows a check's command that wants too much until its time is up; the agent goes on.
survives_a_greedy_check() {
  local main worker before
  main=$(main_pid)
  worker=$(worker_pid)
  sed -i 's|^checks: \[\]$|checks:\n  - {name: greedy, type: command, command: [/usr/bin/python3, -c, "bytes(1) * 3 * 10**8"], interval: 30s, timeout: 25s, failures: 1}|' \
    /etc/hostlens/hostlens.yaml
  check a_check_can_be_configured "$(hostlens config check /etc/hostlens/hostlens.yaml 2>&1 | head -3)" \
    hostlens config check /etc/hostlens/hostlens.yaml
  systemctl reload $unit
  if eventually 90 greedy_failed; then ok a_greedy_check_fails; else fail a_greedy_check_fails "$(hostlens health | tr '\n' ' ')"; fi
  check a_greedy_check_was_held_back "$(tr '\n' ' ' </sys/fs/cgroup/system.slice/$unit/memory.events)" \
    grep -q '^high [1-9]' /sys/fs/cgroup/system.slice/$unit/memory.events
  before=$(/job/metrics.py service_name=nginx http_route=/hello.txt)
  get 9 /hello.txt
  counts_exactly counts_beside_a_greedy_check $((before + 9)) service_name=nginx http_route=/hello.txt
  check a_greedy_check_harms_the_agent_not "main $main, now $(main_pid); worker $worker, now $(worker_pid)" \
    test "$(main_pid) $(worker_pid) $(systemctl is-active $unit)" = "$main $worker active"
}

greedy_failed() {
  hostlens health --json | python3 -c 'import json, sys
signals = json.load(sys.stdin)["signals"]
sys.exit(not any(row["signal"] == "check:greedy" and row["state"] == "failing" for row in signals))'
}

# Of one page for all figures: the next may be a publication later.
take_profile() {
  curl -s http://127.0.0.1:9464/metrics >/results/profile.txt
}

# profile_total NAME [LABEL]...: the sum of a metric's samples of nginx with these labels, "label=\"value\"" each.
profile_total() {
  local name=$1 label lines
  shift
  lines=$(grep "^hostlens_profile_${name}_total{" /results/profile.txt | grep 'service_name="nginx"')
  for label in "$@"; do lines=$(grep -F "$label" <<<"$lines"); done
  awk '{ total += $NF } END { printf "%d", total }' <<<"$lines"
}

# Without a debug symbol in sight, by a worker without any capability.
# With Debian's kernel.perf_event_paranoid, which forbids perf events to the service.
profiles_the_service() {
  local end=$((SECONDS + 180)) whole all
  check perf_events_are_refused "kernel.perf_event_paranoid is $(sysctl -n kernel.perf_event_paranoid)" \
    test "$(sysctl -n kernel.perf_event_paranoid)" -ge 3
  while take_profile; [ "$(profile_total samples)" -lt 30 ] && [ $SECONDS -lt $end ]; do
    curl -s -o /dev/null 'http://127.0.0.1/hello.txt?[1-1000]'
  done
  whole=$(profile_total samples 'outcome="complete"')
  all=$(profile_total samples)
  check samples_the_service "$all samples" test "$all" -ge 30
  check most_stacks_are_whole "$whole of $all" test $((whole * 10)) -ge $((all * 9))
  check names_functions_of_libraries "see results" test "$(profile_total frames 'kind="native"' 'named="true"')" -gt 0
}

# The worker has no file system to write to but the unit's cache, and asks over the network: both past the unit's sandbox.
names_by_a_debug_server() {
  local started=()
  /usr/bin/python3 -m http.server --bind 127.0.0.1 --directory /srv/debug 8002 >/results/debug-server.txt 2>&1 &
  started+=($!)
  /job/chains at_once < <(sleep 900) &
  started+=($!)
  sed -i 's|^  include:$|&\n    - command_line: "/job/chains *"|; s|^    urls: \[\]$|    urls: ["http://127.0.0.1:8002"]|' /etc/hostlens/hostlens.yaml
  check a_debug_server_can_be_configured "$(hostlens config check /etc/hostlens/hostlens.yaml 2>&1 | head -3)" \
    hostlens config check /etc/hostlens/hostlens.yaml
  check restarts "$(systemctl is-active $unit)" systemctl restart $unit
  if eventually 120 names_a_function; then
    ok names_what_a_debug_server_has
  else
    fail names_what_a_debug_server_has "$(tail -3 /results/debug-server.txt | tr '\n' ' ')"
  fi
  check keeps_what_came_in_the_units_cache "there is nothing" \
    test -n "$(find /var/cache/hostlens/debuginfod -type f -size +0)"
  kill "${started[@]}"
}

names_a_function() {
  curl -s http://127.0.0.1:9464/metrics >/results/debug-names.txt
  grep '^hostlens_profile_cpu_time_' /results/debug-names.txt | grep -qF 'function="spin"'
}

stops() {
  local ids begin
  ids=$(programs)
  begin=$(date +%s)
  check stops "systemctl stop failed" systemctl stop $unit
  check stops_within_15_seconds "$(($(date +%s) - begin)) s" test $(($(date +%s) - begin)) -le 15
  check stops_with_success "result $(systemctl show -p Result --value $unit)" \
    test "$(systemctl show -p Result --value $unit)" = success
  check no_program_outlives_a_stop "still loaded" eventually 2 none_loaded "$ids"
}

starts_again_and_is_purged() {
  local left=() file
  systemctl start $unit
  check starts_again "$(systemctl is-active $unit)" is_active
  if dpkg -P hostlens >/results/purge.log 2>&1; then
    ok purges
  else
    fail purges "$(tail -3 /results/purge.log | tr '\n' ' ')"
  fi
  check no_process_is_left "there is one" test -z "$(pgrep -f /usr/bin/hostlens)"
  while read -r file; do
    # Folders that other packages have too stay; what is called hostlens may not.
    if [ ! -d "$file" ] || [[ $file == *hostlens* ]]; then
      [ -e "$file" ] && left+=("$file")
    fi
  done </tmp/files
  for file in /var/lib/hostlens /etc/systemd/system/*/"$unit" "/etc/systemd/system/$unit"; do
    [ -e "$file" ] || [ -L "$file" ] && left+=("$file")
  done
  check no_file_is_left "${left[*]}" test ${#left[@]} -eq 0
  # Debian leaves it to the package whether system users stay; this one owns nothing, so it goes.
  if getent passwd hostlens >/dev/null; then fail no_user_is_left "it is there"; else ok no_user_is_left; fi
  if systemctl cat $unit >/dev/null 2>&1; then fail no_unit_is_left "it is there"; else ok no_unit_is_left; fi
}

installs
is_confined
observes
survives_a_dead_worker
leaves_nothing_when_it_dies
tells_units
if ! /job/lossy_network.py; then failures=$((failures + 1)); fi
survives_a_greedy_check
profiles_the_service
names_by_a_debug_server
stops
starts_again_and_is_purged
journalctl -q -o short-monotonic >/results/journal.txt
finish
