"""Small languages that people write: pure functions."""
