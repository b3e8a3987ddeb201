#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In the guest of instructions.sh: one mode, measured once. /job/mode.sh sets MODE and REQUESTS.
#   none   no agent        stats  as agent, with the kernel's own measurement of BPF programs
#   agent  as it runs      bpf    probes attached, both processes of the agent stopped
set -u
# shellcheck source=/dev/null
. /job/mode.sh

# Server and client do not preempt each other: by the default policy they fall into one of two rhythms, 16
# requests per switch or one, and the second costs a third more. Which one is chance, and an agent moves it.
batch() {
  chrt --batch 0 "$@"
}

die() {
  echo "instructions: $*"
  exit 1
}

serve() {
  mkdir -p /tmp/www
  head -c 1024 /dev/zero | tr '\0' x >/tmp/www/1k
  cat >/tmp/nginx.conf <<END
worker_processes 1;
pid /tmp/nginx.pid;
error_log /tmp/nginx.log;
events { worker_connections 64; }
http {
  access_log off;
  keepalive_requests 1000000;
  server { listen 127.0.0.1:8080; root /tmp/www; }
}
END
  batch nginx -c /tmp/nginx.conf || die "nginx does not start"
}

observe() {
  useradd --system --no-create-home hostlens
  cat >/tmp/hostlens.yaml <<END
listen: 127.0.0.1:9464
targets: {include: [{executable: nginx}, {executable: observed_cost}]}
limits: {data_ring: $1}
END
  /job/hostlens agent --config /tmp/hostlens.yaml >/results/agent.log 2>&1 &
  supervisor=$!
  for _ in $(seq 300); do
    curl -s -o /dev/null http://127.0.0.1:9464/metrics && break
    sleep 0.1
  done
  agent="$supervisor $(pgrep -P $supervisor)"
  [ "$agent" != "$supervisor " ] || die "the agent does not answer: $(tail -3 /results/agent.log)"
  sleep 3  # what an agent does once at its start; asleep, so it costs no instructions
}

# Nanoseconds on the CPU of all threads of the agent.
agent_ns() {
  local pid sum=0 ns
  for pid in $agent; do
    while read -r ns _; do sum=$((sum + ns)); done < <(cat "/proc/$pid/task"/*/schedstat)
  done
  echo $sum
}

# Runs and nanoseconds of all BPF programs.
bpf_stats() {
  bpftool prog show -j | python3 -c '
import json, sys
programs = json.load(sys.stdin)
print(sum(p.get("run_cnt", 0) for p in programs), sum(p.get("run_time_ns", 0) for p in programs))'
}

idle_ticks() {
  awk '$1 == "cpu" { print $5 }' /proc/stat
}

load() {
  RESULT=/tmp/run /job/syscall_cost run chrt --batch 0 h2load --h1 -n "$REQUESTS" -c 16 http://127.0.0.1:8080/1k >/results/load.txt
}

counted() {
  curl -s http://127.0.0.1:9464/metrics | awk '
    /^http_server_request_duration_seconds_count\{.*http_route="\/1k"/ { sum += $2 } END { printf "%d", sum }'
}

agent=
serve
case $MODE in
  none) ;;
  agent | stats) observe 8MiB ;;
  bpf)
    observe 64MiB
    # shellcheck disable=SC2086
    kill -STOP $agent
    ;;
esac
# Pages of the file and code paths that only a first request takes.
batch h2load --h1 -n 160 -c 16 http://127.0.0.1:8080/1k >/dev/null
if [ "$MODE" = agent ] || [ "$MODE" = stats ]; then sleep 2; fi
[ "$MODE" != stats ] || sysctl -q -w kernel.bpf_stats_enabled=1

agent_before=$(agent_ns)
read -r runs_before bpf_before <<<"$(bpf_stats)"
idle_before=$(idle_ticks)
load || die "h2load failed: $(tail -3 /results/load.txt)"
idle_after=$(idle_ticks)
agent_after=$(agent_ns)
read -r runs_after bpf_after <<<"$(bpf_stats)"
grep -q "$REQUESTS succeeded, 0 failed" /results/load.txt || die "$(grep requests: /results/load.txt)"
sleep 2
agent_later=$(agent_ns)

{
  cat /tmp/run
  echo "requests $REQUESTS"
  echo "idle_ticks $((idle_after - idle_before))"
  echo "agent $((agent_after - agent_before))"
  echo "agent_afterwards $((agent_later - agent_after))"
  echo "bpf_runs $((runs_after - runs_before))"
  echo "bpf $((bpf_after - bpf_before))"
  if [ "$MODE" = agent ] || [ "$MODE" = stats ]; then echo "counted $(($(counted) - 160))"; fi
  /job/syscall_cost calls
  cp /job/syscall_cost /job/observed_cost
  /job/observed_cost calls | sed 's/^/observed_/'
} >/results/figures
cat /results/figures
# shellcheck disable=SC2086
[ -z "$agent" ] || kill -KILL $agent
