"""Access points: further names for a bucket, each with a policy of its own.

`rules/point_names.py` reads how requests name one, `records` keeps them, `rules` says what may be asked through one,
`sides` tells the permission step what stands in its way. S3 Control makes them (`control/access_points.py`).
AWS: S3 User Guide, "Managing access to shared datasets with access points".
"""
