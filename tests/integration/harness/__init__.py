# SPDX-License-Identifier: Apache-2.0
"""What the integration tests start and read: the agent, servers, load, independent receivers."""
