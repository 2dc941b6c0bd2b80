"""`make bench`: the main operations under load, beside a peer (moto's server) in the same run.

Machines are shared and noisy, so the ratio to the peer is what counts; absolute figures are shown for
orientation. Requests are signed beforehand; the server verifies every signature.
"""
