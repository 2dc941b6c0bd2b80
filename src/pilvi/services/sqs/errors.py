"""Errors of SQS. Classes are named as the JSON protocol names them; `code` is what the query protocol says.

Where no shape of the model has the name, `shape` tells it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilvi.base.errors import AwsError

if TYPE_CHECKING:
    from pilvi.kit.call import Call


# --- of queues


class QueueDoesNotExist(AwsError):
    code = "AWS.SimpleQueueService.NonExistentQueue"
    message = "The specified queue does not exist."


class NoSuchQueueForThisVersion(QueueDoesNotExist):
    """What the query protocol says of the same."""

    shape = "QueueDoesNotExist"
    message = "The specified queue does not exist for this wsdl version."


def no_queue(call: Call) -> QueueDoesNotExist:
    request = call.request
    if request is not None and "x-amz-target" not in request.headers:
        return NoSuchQueueForThisVersion()
    return QueueDoesNotExist()


class QueueNameExists(AwsError):
    code = "QueueAlreadyExists"
    message = (
        "A queue already exists with the same name and a different value for attribute {attribute}"
    )


class QueueDeletedRecently(AwsError):
    code = "AWS.SimpleQueueService.QueueDeletedRecently"
    message = (
        "You must wait 60 seconds after deleting a queue before you can create another"
        " with the same name."
    )


class PurgeQueueInProgress(AwsError):
    code = "AWS.SimpleQueueService.PurgeQueueInProgress"
    message = "Only one PurgeQueue operation on {queue} is allowed every 60 seconds."
    status = 403


class InvalidAddress(AwsError):
    code = "InvalidAddress"
    message = "The address {url} is not valid for this endpoint."
    status = 404


class ResourceNotFoundException(AwsError):
    code = "ResourceNotFoundException"
    message = "{detail}"
    status = 404


class NoSuchResource(ResourceNotFoundException):
    shape = "ResourceNotFoundException"
    message = "The resource that you specified for the {parameter} parameter doesn't exist."


# --- of attributes


class InvalidAttributeName(AwsError):
    code = "InvalidAttributeName"
    message = "{detail}"


class UnknownAttribute(InvalidAttributeName):
    shape = "InvalidAttributeName"
    message = "Unknown Attribute {name}."


class InvalidAttributeValue(AwsError):
    code = "InvalidAttributeValue"
    message = "Invalid value for the parameter {name}."


class BadAttributeValue(InvalidAttributeValue):
    shape = "InvalidAttributeValue"
    message = "Invalid value for the parameter {name}. Reason: {reason}"


# --- of parameters


class InvalidParameterValueException(AwsError):
    shape = "InvalidParameterValueException"
    code = "InvalidParameterValue"
    message = "{detail}"


class BadValue(InvalidParameterValueException):
    message = "Value {value} for parameter {name} is invalid. Reason: {reason}"


class MissingRequiredParameterException(AwsError):
    shape = "MissingRequiredParameterException"
    code = "MissingParameter"
    message = "The request must contain the parameter {name}."


class UnsupportedOperation(AwsError):
    code = "AWS.SimpleQueueService.UnsupportedOperation"
    message = "{detail}"


class OverLimit(AwsError):
    code = "OverLimit"
    message = "{detail}"
    status = 403


# --- of messages


class InvalidMessageContents(AwsError):
    code = "InvalidMessageContents"
    message = (
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF |"
        " #xE000 to #xFFFD | #x10000 to #x10FFFF"
    )


class ReceiptHandleIsInvalid(AwsError):
    code = "ReceiptHandleIsInvalid"
    message = 'The input receipt handle "{handle}" is not a valid receipt handle.'
    status = 404


class MessageNotInflight(AwsError):
    code = "AWS.SimpleQueueService.MessageNotInflight"
    message = "The message referred to isn't in flight."


# --- of batches


class EmptyBatchRequest(AwsError):
    code = "AWS.SimpleQueueService.EmptyBatchRequest"
    message = "There should be at least one {entry} in the request."


class TooManyEntriesInBatchRequest(AwsError):
    code = "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"
    message = "Maximum number of entries per request are {most}. You have sent {sent}."


class BatchEntryIdsNotDistinct(AwsError):
    code = "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"
    message = "Id {id} repeated."


class InvalidBatchEntryId(AwsError):
    code = "AWS.SimpleQueueService.InvalidBatchEntryId"
    message = (
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores."
        " It can be at most 80 letters long."
    )


class BatchRequestTooLong(AwsError):
    code = "AWS.SimpleQueueService.BatchRequestTooLong"
    message = "Batch requests cannot be longer than {most} bytes. You have sent {sent} bytes."


# --- of keys


class _OfKey(AwsError):
    message = "{reason}"


class KmsAccessDenied(_OfKey):
    code = "KMS.AccessDeniedException"


class KmsDisabled(_OfKey):
    code = "KMS.DisabledException"


class KmsInvalidKeyUsage(_OfKey):
    code = "KMS.InvalidKeyUsageException"


class KmsInvalidState(_OfKey):
    code = "KMS.InvalidStateException"


class KmsNotFound(_OfKey):
    code = "KMS.NotFoundException"


class KmsThrottled(_OfKey):
    code = "KMS.ThrottlingException"
