"""KMS: its name, and the resource each operation acts on."""

from __future__ import annotations

from pilvi.kit.service import Service

kms = Service("kms", acts={})
