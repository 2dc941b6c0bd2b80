"""Errors of IAM and STS, named by their AWS code."""

from __future__ import annotations

from pilvi.base.errors import AwsError, ValidationError

__all__ = [
    "AccessDenied",
    "DeleteConflict",
    "EntityAlreadyExists",
    "InvalidAuthenticationCode",
    "InvalidInput",
    "LimitExceeded",
    "MalformedPolicyDocument",
    "NoSuchEntity",
    "ValidationError",
]


class NoSuchEntity(AwsError):
    code = "NoSuchEntity"
    message = "{detail}"
    status = 404


class EntityAlreadyExists(AwsError):
    code = "EntityAlreadyExists"
    message = "{detail}"
    status = 409


class DeleteConflict(AwsError):
    code = "DeleteConflict"
    message = "Cannot delete entity, must {first} first."
    status = 409


class PolicyInUse(DeleteConflict):
    message = "{detail}"


class InUse(DeleteConflict):
    message = "{detail}"


class LimitExceeded(AwsError):
    code = "LimitExceeded"
    message = "Cannot exceed quota for {quota}: {limit}"
    status = 409


class PolicyTooLarge(LimitExceeded):
    message = "Maximum policy size of {limit} bytes exceeded for {kind} {name}"


class TooManyVersions(LimitExceeded):
    message = (
        "A managed policy can have up to {limit} versions. Before you create a new version, you must"
        " delete an existing version."
    )


class MalformedPolicyDocument(AwsError):
    code = "MalformedPolicyDocument"
    message = "{detail}"


class PolicyNotAttachable(AwsError):
    code = "PolicyNotAttachable"
    message = "Cannot attach a Service Role Policy to a Customer Role."


class UnmodifiableEntity(AwsError):
    code = "UnmodifiableEntity"
    message = (
        "Cannot perform the operation on the protected role '{name}' - this role is only modifiable"
        " by AWS"
    )


class InvalidParameterValue(AwsError):
    code = "InvalidParameterValue"
    message = "{detail}"


class PackedPolicyTooLarge(AwsError):
    code = "PackedPolicyTooLarge"
    message = "{detail}"


class InvalidIdentityToken(AwsError):
    code = "InvalidIdentityToken"
    message = "{detail}"


class ExpiredIdentityToken(AwsError):
    code = "ExpiredTokenException"
    message = "{detail}"


class IDPCommunicationError(AwsError):
    code = "IDPCommunicationError"
    message = "{detail}"


class InvalidAuthorizationMessage(AwsError):
    code = "InvalidAuthorizationMessageException"
    message = "Message could not be decoded."


class InvalidClientTokenId(AwsError):
    """Temporary credentials that may not be used here at all."""

    code = "InvalidClientTokenId"
    message = "The security token included in the request is invalid."
    status = 403


class InvalidInput(AwsError):
    code = "InvalidInput"
    message = "{detail}"


class AccessDenied(AwsError):
    code = "AccessDenied"
    message = "{detail}"
    status = 403


class MfaCodeInvalid(AccessDenied):
    message = "MultiFactorAuthentication failed with invalid MFA one time pass code. "


class MfaDeviceUnknown(AccessDenied):
    message = (
        "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial"
        " number is valid and associated with this user."
    )


class InvalidAuthenticationCode(AwsError):
    code = "InvalidAuthenticationCode"
    message = "Authentication code for device is not valid."
    status = 403


class PasswordPolicyViolation(AwsError):
    code = "PasswordPolicyViolation"
    message = "{detail}"


class InvalidUserType(AwsError):
    code = "InvalidUserType"
    message = "Only IAM Users can change their own password"


class OldPasswordWrong(AccessDenied):
    message = "The old password was incorrect."


class EntityTemporarilyUnmodifiable(AwsError):
    code = "EntityTemporarilyUnmodifiable"
    message = "{detail}"
    status = 409


class MalformedCertificate(AwsError):
    code = "MalformedCertificate"
    message = "{detail}"


class InvalidCertificate(AwsError):
    code = "InvalidCertificate"
    message = "The certificate is not valid at this time."


class DuplicateCertificate(AwsError):
    code = "DuplicateCertificate"
    message = "The same certificate is already associated with an IAM user in the account."
    status = 409


class KeyPairMismatch(AwsError):
    code = "KeyPairMismatch"
    message = "Private key and public key certificate do not match."


class InvalidPublicKey(AwsError):
    code = "InvalidPublicKey"
    message = "The public key is malformed, or no RSA key of at least 2048 bits."


class DuplicateSSHPublicKey(AwsError):
    code = "DuplicateSSHPublicKey"
    message = "The SSH public key is already associated with the specified IAM user."


class UnrecognizedPublicKeyEncoding(AwsError):
    code = "UnrecognizedPublicKeyEncoding"
    message = "The public key encoding format is unsupported or unrecognized."


class ReportNotPresent(AwsError):
    code = "ReportNotPresent"
    message = "No report is present. Use GenerateCredentialReport to generate one."
    status = 410


class ReportInProgress(AwsError):
    code = "ReportInProgress"
    message = "Report generation is in progress. Try again later."
    status = 404


class ReportExpired(AwsError):
    code = "ReportExpired"
    message = "The report has expired. Use GenerateCredentialReport to generate another one."
    status = 410


def not_authorized(caller_arn: str, action: str, resource: str) -> AccessDenied:
    return AccessDenied(
        detail=f"User: {caller_arn} is not authorized to perform: {action} on resource: {resource}"
    )
