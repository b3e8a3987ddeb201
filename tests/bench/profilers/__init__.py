# SPDX-License-Identifier: Apache-2.0
"""Profilers side by side: see tests/bench/README.md."""
