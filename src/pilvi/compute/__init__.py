"""Execution environments: sandboxes that run functions."""
