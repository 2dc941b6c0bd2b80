"""Policies of tables and streams: what is kept of them, what they may say, and the permission step's look at them."""
