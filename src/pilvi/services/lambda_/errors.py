"""Errors of Lambda, named by their AWS code."""

from __future__ import annotations

from typing import Any

from pilvi.base.errors import AwsError


class LambdaError(AwsError):
    """Lambda's modelled errors also say whose fault it was (`Type`)."""

    def __init__(
        self,
        *,
        members: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        **fields: object,
    ) -> None:
        super().__init__(
            members={"Type": "Service" if self.status >= 500 else "User", **(members or {})},
            headers=headers,
            **fields,
        )


class ResourceNotFoundException(LambdaError):
    code = "ResourceNotFoundException"
    message = "{detail}"
    status = 404


class FunctionNotFound(ResourceNotFoundException):
    message = "Function not found: {arn}"


class NoSuchResource(ResourceNotFoundException):
    message = "The resource you requested does not exist."


class FunctionInOtherRegion(ResourceNotFoundException):
    message = "Functions from '{region}' are not reachable in this region ('{here}')"


class ResourceConflictException(LambdaError):
    code = "ResourceConflictException"
    message = "{detail}"
    status = 409


class InvalidParameterValueException(LambdaError):
    code = "InvalidParameterValueException"
    message = "{detail}"


class ResourceInUseException(LambdaError):
    code = "ResourceInUseException"
    message = "{detail}"


class MappingInUse(ResourceInUseException):
    message = "Cannot {verb} the event source mapping because it is in use."


class Faultless(AwsError):
    """Recorded: unlike Lambda's other errors, these do not say whose fault it was."""

    def __init__(self, **fields: str) -> None:
        super().__init__(members={"Type": None}, headers=None, **fields)


class NoRoom(Faultless):
    """An account's concurrency does not suffice; recorded without `Type`."""

    code = "InvalidParameterValueException"
    message = "{detail}"


class ProvisionedConcurrencyConfigNotFoundException(LambdaError):
    code = "ProvisionedConcurrencyConfigNotFoundException"
    message = "No Provisioned Concurrency Config found for this function"
    status = 404


class PreconditionFailedException(LambdaError):
    code = "PreconditionFailedException"
    message = (
        "The Revision Id provided does not match the latest Revision Id."
        " Call the {operation} API to retrieve the latest Revision Id"
    )
    status = 412


class SigningConfigMissing(Faultless):
    code = "ResourceNotFoundException"
    message = "The Lambda code signing configuration {arn} can not be found."
    status = 404


class LatestIsNotShared(Faultless):
    code = "InvalidParameterValueException"
    message = "$LATEST is not supported for an alias pointing to more than 1 version"


class CodeSigningConfigNotFoundException(LambdaError):
    code = "CodeSigningConfigNotFoundException"
    message = (
        "The code signing configuration cannot be found."
        " Check that the provided configuration is not deleted: {arn}."
    )
    status = 404


class CodeVerificationFailedException(LambdaError):
    code = "CodeVerificationFailedException"
    message = (
        "Lambda cannot deploy the function. The function or layer might be signed using a signature"
        " that the client is not configured to accept. Check the provided signature for {function}."
    )


class LayerVersionNotFound(ResourceNotFoundException):
    message = "Layer version {arn} does not exist."


class InvalidRequestContentException(LambdaError):
    code = "InvalidRequestContentException"
    message = "Could not parse request body into json: Could not parse payload into json: {detail}"


class BadClientContext(InvalidRequestContentException):
    message = "Client context must be a valid Base64-encoded JSON object."


class ClientContextTooLong(InvalidRequestContentException):
    message = "Client context must be no more than {size_max} bytes."


class RequestTooLargeException(LambdaError):
    code = "RequestTooLargeException"
    message = "Request must be smaller than {size_max} bytes for the {operation} operation"
    status = 413


class RequestEntityTooLargeException(AwsError):
    code = "RequestEntityTooLargeException"
    message = "Zipped size must be smaller than {size_max} bytes"
    status = 413


class TooManyRequestsException(LambdaError):
    code = "TooManyRequestsException"
    message = "Rate Exceeded."
    status = 429


class RecursiveInvocationException(LambdaError):
    code = "RecursiveInvocationException"
    message = (
        "Lambda has detected your function being invoked in a recursive loop with other AWS resources"
        " and stopped your function's invocation."
    )


class PolicyLengthExceededException(LambdaError):
    code = "PolicyLengthExceededException"
    message = "The final policy size ({size}) is bigger than the limit ({limit})."


class SnapStartException(LambdaError):
    code = "SnapStartException"
    message = (
        "The afterRestore() runtime hook encountered an error. For more information, check the Amazon"
        " CloudWatch logs."
    )


class SnapStartTimeoutException(LambdaError):
    code = "SnapStartTimeoutException"
    message = "Lambda couldn't restore the snapshot within the timeout limit."
    status = 408


class ServiceException(LambdaError):
    code = "ServiceException"
    message = "{detail}"
    status = 500


class KmsFailure(LambdaError):
    """The variables of a function cannot be decrypted, so it cannot begin."""

    message = (
        "Lambda was unable to decrypt the environment variables because of its KMS key. Check the"
        " function's KMS key settings. KMS Exception: {code} KMS Message: {reason}"
    )
    status = 502


class KMSAccessDeniedException(KmsFailure):
    code = "KMSAccessDeniedException"
    message = (
        "Lambda was unable to decrypt the environment variables because KMS access was denied. Check"
        " the function's KMS key settings. KMS Exception: {code} KMS Message: {reason}"
    )


class KMSDisabledException(KmsFailure):
    code = "KMSDisabledException"


class KMSInvalidStateException(KmsFailure):
    code = "KMSInvalidStateException"


class KMSNotFoundException(KmsFailure):
    code = "KMSNotFoundException"


class FiltersNotReadable(KmsFailure):
    """Filter criteria of an event source mapping cannot be decrypted, so nothing is taken from the source."""

    code = "KMSAccessDeniedException"
    message = (
        "Lambda was unable to decrypt the filter criteria because of their KMS key. Check the key's"
        " policy. KMS Exception: {code} KMS Message: {reason}"
    )


class AccessDeniedException(AwsError):
    code = "AccessDeniedException"
    message = ""
    status = 403


class BadLink(AwsError):
    """The address of a package does not hold, or no more; in the words of S3, from which AWS serves them."""

    code = "AccessDenied"
    message = "{detail}"
    status = 403


NOT_ASSUMABLE = "The role defined for the function cannot be assumed by Lambda."


class RoleNotAssumed(AccessDeniedException):
    message = NOT_ASSUMABLE


class CrossAccountRole(AccessDeniedException):
    message = "Cross-account pass role is not allowed."


class CodeNotReadable(AccessDeniedException):
    message = (
        "Your access has been denied by S3, please make sure your request credentials have"
        " permission to GetObject for {object}."
        " S3 Error Code: AccessDenied. S3 Error Message: Access Denied"
    )
