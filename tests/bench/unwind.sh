#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How many stacks of real programs come out whole: tests/bench/unwind/ starts each under load, `hostlens profile` records it,
# and one Markdown table is printed. With --stops N, N stacks of each are compared with libdwfl's, frame by frame. Options:
# --seconds N, --hz N, --stops N, names of programs, --help. Needs root; programs that are not installed are left out and named.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. packaging/steps.sh
. tests/bench/prepare.sh

prepare unwind "hostlens stack_oracle" "$@"
PYTHONPATH=tests/bench python3 -B -m unwind "$@"
