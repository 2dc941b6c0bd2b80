"""S3 Control: its name, and what each of its operations acts on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pilvi.base.http import HttpRequest, HttpResponse
from pilvi.kit import tags
from pilvi.kit.call import Call
from pilvi.kit.cloud import Cloud
from pilvi.kit.permission import Permission
from pilvi.kit.service import Acts, Service, everything, the_request
from pilvi.services.s3 import errors, told
from pilvi.services.s3.rules import point_names as names


def point(call: Call, req: Mapping[str, Any]) -> str:
    """The access point that a request names, of the account that it names."""
    return names.arn(call.region, req.get("AccountId", "*"), req.get("Name", "*"))


def origin(call: Call, req: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """s3:AccessPointNetworkOrigin of a point that is to be."""
    return {"s3:accesspointnetworkorigin": ("VPC" if "VpcConfiguration" in req else "Internet",)}


def tagged(call: Call, req: Mapping[str, Any]) -> str:
    return str(req.get("ResourceArn", "*"))


def tagging_point(call: Call, req: Mapping[str, Any]) -> Sequence[Permission]:
    """A point that is made with tags."""
    given = list(tags.listed("Tags")(req))
    if not given:
        return ()
    return (Permission("s3:TagResource", (point(call, req),), tags.of_request(given)),)


def job(call: Call, req: Mapping[str, Any]) -> str:
    return call.arn("s3", f"job/{req.get('JobId', '*')}")


def creating_job(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """Whoever gives a job a role must be allowed to: else jobs would be a way to any role."""
    role = req.get("RoleArn")
    if isinstance(role, str) and f"::{call.account}:" in role:
        passed = {"iam:passedtoservice": ("batchoperations.s3.amazonaws.com",)}
        yield Permission("iam:PassRole", (role,), passed)
    given = list(_TAGS(req))
    if given:
        yield Permission("s3:PutJobTagging", (job(call, req),), tags.of_request(given), told=req)


_TAGS = tags.listed("Tags")
_JOB = Acts(job, told=the_request, tags=_TAGS)

ACTS = {
    "CreateAccessPoint": Acts(
        point,
        context=origin,
        told=the_request,
        tags=tags.listed("Tags"),
        also=tagging_point,
    ),
    "GetAccessPoint": Acts(everything),
    "DeleteAccessPoint": Acts(point),
    "ListAccessPoints": Acts(everything),
    "PutAccessPointPolicy": Acts(point),
    "GetAccessPointPolicy": Acts(point),
    "DeleteAccessPointPolicy": Acts(point),
    "GetAccessPointPolicyStatus": Acts(point),
    "TagResource": Acts(tagged, tags=tags.listed("Tags")),
    "UntagResource": Acts(tagged, tags=tags.named("TagKeys")),
    "ListTagsForResource": Acts(tagged, tags=tags.listed("Tags")),
    "CreateJob": Acts(everything, told=the_request, tags=_TAGS, also=creating_job),
    "DescribeJob": _JOB,
    "ListJobs": Acts(everything),
    "UpdateJobPriority": _JOB,
    "UpdateJobStatus": _JOB,
    "PutJobTagging": _JOB,
    "GetJobTagging": _JOB,
    "DeleteJobTagging": _JOB,
    "GetPublicAccessBlock": Acts(everything, "s3:GetAccountPublicAccessBlock"),
    "PutPublicAccessBlock": Acts(everything, "s3:PutAccountPublicAccessBlock"),
    "DeletePublicAccessBlock": Acts(everything, "s3:PutAccountPublicAccessBlock"),
}


_ACCEPTED = {
    "CreateJob": {
        f"Operation.S3PutObjectCopy.NewObjectMetadata.{member}": "AWS does not use it either"
        for member in ("ContentLength", "ContentMD5")
    }
}


async def _finish(cloud: Cloud, request: HttpRequest, response: HttpResponse) -> None:
    """Recorded: what was deleted or tagged is answered with 204, though the model does not say so."""
    done = request.method == "DELETE" or (request.method == "POST" and "/tags/" in request.path)
    if done and response.status == 200:
        response.status = 204


s3control = Service(
    "s3control", ACTS, prefix="s3", accepted=_ACCEPTED, tells=told.tells, finish=_finish
)


def account_of(call: Call, req: Mapping[str, Any]) -> str:
    """Only the account itself says this of what it has. Raises: AccessDenied."""
    account: str = req["AccountId"]
    if account != call.principal.account:
        raise errors.AccessDenied()
    return account
