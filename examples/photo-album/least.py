"""Compare the roles that are deployed with what they were observed to need: no action more, no action less."""

import json
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path


def compare_roles(session, data, roles):
    """For each role a line for people. Raises: AssertionError where a role may more than it needs, or less."""
    iam = session.client("iam")
    for role in roles:
        needed = generated(data, role)
        own, managed = deployed(iam, role)
        for action, resource in needed:
            allowing = [place for one, place in own + managed if matches(one, action)]
            assert any(fnmatchcase(resource, place) for place in allowing), (
                f"{role} needs {action} on {resource}, which its policies do not allow"
            )
        for action, place in own:
            used = [resource for one, resource in needed if matches(action, one)]
            assert any(fnmatchcase(resource, place) for resource in used), (
                f"{role} may {action} on {place}, which it did not need"
            )
        names = sorted({action for action, _ in needed if not action.startswith("logs:")})
        yield f"{role}: exactly {', '.join(names)}"


def generated(data, role):
    """(action, resource) pairs of `pilvi iam generate`, which has tried its policy before it told it."""
    command = [Path(sys.executable).parent / "pilvi", "iam", "generate", "--role", role]
    command += ["--wildcards", "--json", "--data", data]
    words = [str(part) for part in command]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    made = json.loads(ran.stdout)
    assert not made["left_out"]["denied"], made["left_out"]
    return [pair for policy in made["policies"] for pair in pairs(policy)]


def deployed(iam, role):
    """(action, resource) pairs of the role's own policies, and of AWS's that it has (for its logs)."""
    own, managed = [], []
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        own += pairs(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
    for one in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        arn = one["PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
        managed += pairs(found["Document"])
    return own, managed


def pairs(policy):
    for statement in policy["Statement"]:
        for action in listed(statement["Action"]):
            for resource in listed(statement["Resource"]):
                yield action, resource


def listed(value):
    return [value] if isinstance(value, str) else value


def matches(pattern, action):
    return fnmatchcase(action.lower(), pattern.lower())
