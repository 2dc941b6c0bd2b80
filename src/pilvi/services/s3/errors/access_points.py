"""Errors about access points."""

from __future__ import annotations

from pilvi.services.s3.errors.general import S3Error


class BucketHasAccessPointsAttached(S3Error):
    code = "BucketHasAccessPointsAttached"
    message = "Bucket has access points attached and cannot be deleted."


class NoSuchAccessPoint(S3Error):
    code = "NoSuchAccessPoint"
    message = "The specified accesspoint does not exist"
    status = 404

    def __init__(self, name: str) -> None:
        super().__init__({"AccessPointName": name})


class NoSuchAccessPointPolicy(S3Error):
    code = "NoSuchAccessPointPolicy"
    message = "The specified accesspoint policy does not exist"
    status = 404

    def __init__(self, name: str) -> None:
        super().__init__({"AccessPointName": name})


class AccessPointAlreadyOwnedByYou(S3Error):
    code = "AccessPointAlreadyOwnedByYou"
    message = (
        "Your previous request to create the named accesspoint succeeded and you already own it."
    )
    status = 409


class TooManyAccessPoints(S3Error):
    code = "TooManyAccessPoints"
    message = "You have attempted to create more access points than allowed"
