# SPDX-License-Identifier: Apache-2.0
"""A storm of programs beside the agent: see tests/bench/README.md."""
