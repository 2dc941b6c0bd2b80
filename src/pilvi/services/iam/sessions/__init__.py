"""Issuing credentials: what is asked with a request for a session, what is checked of it, and the keys themselves."""
