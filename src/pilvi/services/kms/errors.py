"""Errors of KMS, named by their AWS code."""

from __future__ import annotations

from pilvi.base.errors import AwsError, ValidationException

__all__ = ["ValidationException"]


class NotFoundException(AwsError):
    code = "NotFoundException"
    message = "{detail}"


class KeyNotFound(NotFoundException):
    message = "Key '{arn}' does not exist"


class AliasNotFound(NotFoundException):
    message = "Alias {arn} is not found."


class InvalidKeyId(NotFoundException):
    message = "Invalid keyId '{id}'"


class InvalidArnException(AwsError):
    code = "InvalidArnException"
    message = "Invalid arn {text}"


class AccessDeniedException(AwsError):
    code = "AccessDeniedException"
    message = (
        "User: {who} is not authorized to perform: {action} on resource: {arn} because no resource-based policy"
        " allows the {action} action"
    )


class CiphertextNotAccessible(AccessDeniedException):
    message = (
        "User: {who} is not authorized to perform: {action} on the resource associated with this ciphertext because"
        " the resource does not exist in this Region, no resource-based policies allow access, or a resource-based"
        " policy explicitly denies access"
    )


class DisabledException(AwsError):
    code = "DisabledException"
    message = "{arn} is disabled."


class KMSInvalidStateException(AwsError):
    code = "KMSInvalidStateException"
    message = "{arn} is {state}."


class MaterialPendingRotation(KMSInvalidStateException):
    message = (
        "New key material (id: {new}) cannot be imported into KMS key {arn}, because another key material"
        " (id: {pending}) is pending rotation."
    )


class NoMaterialPendingRotation(KMSInvalidStateException):
    message = "No available key material pending rotation for the key: {arn}."


class InvalidKeyUsageException(AwsError):
    code = "InvalidKeyUsageException"
    message = "{arn} key usage is {usage} which is not valid for {operation}."


class IncompatibleAlgorithm(InvalidKeyUsageException):
    message = "Algorithm {algorithm} is incompatible with key spec {spec}."


class IncorrectKeyException(AwsError):
    code = "IncorrectKeyException"
    message = "The key ID in the request does not identify a CMK that can perform this operation."


class InvalidCiphertextException(AwsError):
    code = "InvalidCiphertextException"
    message = ""


class KMSInvalidSignatureException(AwsError):
    code = "KMSInvalidSignatureException"
    message = ""


class KMSInvalidMacException(AwsError):
    code = "KMSInvalidMacException"
    message = ""


class DryRunOperationException(AwsError):
    code = "DryRunOperationException"
    message = "The request would have succeeded, but the DryRun option is set."


class UnsupportedOperationException(AwsError):
    code = "UnsupportedOperationException"
    message = "{detail}"


class AlreadyExistsException(AwsError):
    code = "AlreadyExistsException"
    message = "{detail}"


class InvalidAliasNameException(AwsError):
    code = "InvalidAliasNameException"
    message = "{detail}"


class NotAuthorizedException(AwsError):
    """For names below `alias/aws/`, which are AWS's own."""

    code = "NotAuthorizedException"
    message = ""


class LimitExceededException(AwsError):
    code = "LimitExceededException"
    message = "{detail}"


class TagException(AwsError):
    code = "TagException"
    message = "{detail}"


class MalformedPolicyDocumentException(AwsError):
    code = "MalformedPolicyDocumentException"
    message = "{detail}"


class InvalidMarkerException(AwsError):
    code = "InvalidMarkerException"
    message = "Could not deserialize marker '{marker}'"


class InvalidGrantTokenException(AwsError):
    code = "InvalidGrantTokenException"
    message = "The grant token is invalid."


class IncorrectKeyMaterialException(AwsError):
    code = "IncorrectKeyMaterialException"
    message = "{detail}"


class InvalidImportTokenException(AwsError):
    code = "InvalidImportTokenException"
    message = "The import token is invalid, or belongs to another KMS key."


class ExpiredImportTokenException(AwsError):
    code = "ExpiredImportTokenException"
    message = "The import token has expired: get a new one with GetParametersForImport."
