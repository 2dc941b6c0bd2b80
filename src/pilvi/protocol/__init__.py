"""Bytes to typed dicts and back, for all of AWS's protocols, compiled from botocore's models. No I/O."""
