#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Profilers side by side over programs in six languages whose shares are known: CPU, memory, whole stacks, named frames and the
# error of the shares, of `hostlens profile`, the agent, perf and bcc. Those that are not installed are left out and named. --help.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. packaging/steps.sh
. tests/bench/prepare.sh

prepare profilers "hostlens" "$@"
PYTHONPATH=tests/bench python3 -B -m profilers "$@"
