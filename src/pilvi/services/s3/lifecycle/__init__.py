"""Lifecycle: rules by which objects are moved, expire and go, and uploads are forgotten.

`documents` is what may be put, `judging` what becomes of a version, `walking` how a bucket is gone through,
`telling` what answers say of it. `nightly` runs them.
"""
