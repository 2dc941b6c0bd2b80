"""Errors of KMS, named by their AWS code."""

from __future__ import annotations
