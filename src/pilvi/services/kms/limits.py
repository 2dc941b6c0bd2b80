"""Quotas. AWS: KMS Developer Guide, "Quotas"."""

from __future__ import annotations
