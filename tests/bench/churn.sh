#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a storm of short-lived programs costs continuous profiles of the host: 200 execs a second of 500 different binaries for a
# minute; CPU, memory, tables, samples and losses every five seconds, before, meanwhile and afterwards. Options: --help.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. packaging/steps.sh
. tests/bench/prepare.sh

prepare churn "hostlens" "$@"
PYTHONPATH=tests/bench python3 -B -m churn "$@"
