"""Quotas. AWS: Organizations User Guide, "Quotas and service limits for AWS Organizations"."""

from __future__ import annotations

DAY_MS = 86_400_000

ACCOUNTS_MAX = 1000
"""Of one organisation, with open invitations. AWS begins at 10 and grants up to 10,000 on request."""
UNITS_MAX = 1000
DEPTH_MAX = 5
"""Levels of organizational units below the root."""
POLICIES_MAX = 1000
"""Of each type."""
TAGS_MAX = 50
PAGE_SIZE = 20

CHARACTERS_MAX = {"SERVICE_CONTROL_POLICY": 10_240, "RESOURCE_CONTROL_POLICY": 5_120}
"""Of a policy's text as it was given. SCPs had half of both of these until May 2026."""
ATTACHED_MAX = {"SERVICE_CONTROL_POLICY": 10, "RESOURCE_CONTROL_POLICY": 5}
"""Of a type, at one root, unit or account."""

HANDSHAKE_OPEN_MS = 15 * DAY_MS
HANDSHAKE_TOLD_MS = 30 * DAY_MS
"""For so long after it is over, a handshake can still be described."""
HANDSHAKES_MAX = 10_000
"""Of one organisation, those that are over included."""
REQUEST_TOLD_MS = 90 * DAY_MS
"""For so long a request for a new account can be described."""

GUARDRAILS_KEPT = 10_000
"""Accounts whose guardrails a process keeps in memory, those without any included."""
