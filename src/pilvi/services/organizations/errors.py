"""Errors of Organizations, named by their AWS code. `Reason` tells which rule it was."""

from __future__ import annotations

from pilvi.base.errors import AwsError


class AWSOrganizationsNotInUseException(AwsError):
    code = "AWSOrganizationsNotInUseException"
    message = "Your account is not a member of an organization."


class AccessDeniedException(AwsError):
    """For what only the management account may, whatever the policies of a member say."""

    code = "AccessDeniedException"
    message = "You don't have permissions to access this resource."


class AlreadyInOrganizationException(AwsError):
    code = "AlreadyInOrganizationException"
    message = "The provided account is already a member of an organization."


class OrganizationNotEmptyException(AwsError):
    code = "OrganizationNotEmptyException"
    message = (
        "To delete an organization you must first remove all member accounts (except the master)."
    )


class RootNotFoundException(AwsError):
    code = "RootNotFoundException"
    message = "You specified a root that doesn't exist."


class ParentNotFoundException(AwsError):
    code = "ParentNotFoundException"
    message = "You specified parent that doesn't exist."


class SourceParentNotFoundException(AwsError):
    code = "SourceParentNotFoundException"
    message = "You specified a source parent that doesn't exist."


class DestinationParentNotFoundException(AwsError):
    code = "DestinationParentNotFoundException"
    message = "You specified a destination parent that doesn't exist."


class ChildNotFoundException(AwsError):
    code = "ChildNotFoundException"
    message = "You specified a child that doesn't exist."


class TargetNotFoundException(AwsError):
    code = "TargetNotFoundException"
    message = "You specified a target that doesn't exist."


class OrganizationalUnitNotFoundException(AwsError):
    code = "OrganizationalUnitNotFoundException"
    message = "You specified an organizational unit that doesn't exist."


class OrganizationalUnitNotEmptyException(AwsError):
    code = "OrganizationalUnitNotEmptyException"
    message = "The organizational unit is not empty."


class DuplicateOrganizationalUnitException(AwsError):
    code = "DuplicateOrganizationalUnitException"
    message = "An OU with the same name already exists."


class AccountNotFoundException(AwsError):
    code = "AccountNotFoundException"
    message = "You specified an account that doesn't exist."


class DuplicateAccountException(AwsError):
    code = "DuplicateAccountException"
    message = "The account is already present in the specified destination."


class MasterCannotLeaveOrganizationException(AwsError):
    code = "MasterCannotLeaveOrganizationException"
    message = "You can't remove the management account from the organization."


class CreateAccountStatusNotFoundException(AwsError):
    code = "CreateAccountStatusNotFoundException"
    message = "You specified a create account request that doesn't exist."


class HandshakeNotFoundException(AwsError):
    code = "HandshakeNotFoundException"
    message = "You specified a handshake that doesn't exist."


class DuplicateHandshakeException(AwsError):
    code = "DuplicateHandshakeException"
    message = "A handshake with the same action and target already exists."


class HandshakeAlreadyInStateException(AwsError):
    code = "HandshakeAlreadyInStateException"
    message = "The specified handshake is already in the requested state."


class InvalidHandshakeTransitionException(AwsError):
    code = "InvalidHandshakeTransitionException"
    message = "You can't perform the operation on the handshake in its current state."


class PolicyNotFoundException(AwsError):
    code = "PolicyNotFoundException"
    message = "You specified a policy that doesn't exist."


class PolicyNotAttachedException(AwsError):
    code = "PolicyNotAttachedException"
    message = "The policy isn't attached to the specified target."


class PolicyInUseException(AwsError):
    code = "PolicyInUseException"
    message = "You specified a policy that is attached to one or more targets."


class PolicyTypeNotEnabledException(AwsError):
    code = "PolicyTypeNotEnabledException"
    message = "This operation can be performed only for enabled policy types."


class PolicyTypeAlreadyEnabledException(AwsError):
    code = "PolicyTypeAlreadyEnabledException"
    message = "The specified policy type is already enabled."


class DuplicatePolicyException(AwsError):
    code = "DuplicatePolicyException"
    message = "A policy with the specified name and type already exists."


class DuplicatePolicyAttachmentException(AwsError):
    code = "DuplicatePolicyAttachmentException"
    message = "The selected policy is already attached to the specified target."


class MalformedPolicyDocumentException(AwsError):
    code = "MalformedPolicyDocumentException"
    message = (
        "The provided policy document does not meet the requirements of the specified policy type."
    )


class _Reasoned(AwsError):
    message = "{detail}"

    def __init__(self, *, reason: str, detail: str) -> None:
        super().__init__(members={"Reason": reason}, detail=detail)


class ConstraintViolationException(_Reasoned):
    code = "ConstraintViolationException"


class HandshakeConstraintViolationException(_Reasoned):
    code = "HandshakeConstraintViolationException"


class InvalidInputException(_Reasoned):
    code = "InvalidInputException"
