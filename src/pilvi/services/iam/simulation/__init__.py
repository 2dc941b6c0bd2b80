"""The policy simulator: what is asked of it, and how its answers are told. `languages/policy/simulation.py` decides."""
