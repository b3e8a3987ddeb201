# SPDX-License-Identifier: Apache-2.0
"""What the agent costs: see tests/bench/README.md."""
