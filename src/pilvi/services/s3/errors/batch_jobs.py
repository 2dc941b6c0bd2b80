"""Errors about batch jobs."""

from __future__ import annotations

from pilvi.services.s3.errors.general import S3Error


class NoSuchJob(S3Error):
    code = "NoSuchJob"
    message = "The specified job does not exist."
    status = 404


class JobStatusException(S3Error):
    code = "JobStatusException"
    message = "A job that is {status} cannot become {wanted}."


class IdempotencyException(S3Error):
    code = "IdempotencyException"
    message = "The client request token was already used with another request."


class InvalidNextTokenException(S3Error):
    code = "InvalidNextTokenException"
    message = "The continuation token provided is incorrect."


class TooManyRequestsException(S3Error):
    code = "TooManyRequestsException"
    message = "There are too many jobs in the account and region."
    status = 429


class TooManyTagsException(S3Error):
    code = "TooManyTagsException"
    message = "A job cannot have more than {most} tags."
