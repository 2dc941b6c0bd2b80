"""The seam where permission is asked."""

import pytest

from pilvi.identity.authorise import AccessDenied, authorise
from pilvi.identity.principal import ANONYMOUS, root_of


def test_the_authenticated_may_and_nobody_may_not() -> None:
    authorise(root_of("1", "1"), "s3:GetObject", ["arn:aws:s3:::b/k"])
    with pytest.raises(AccessDenied):
        authorise(ANONYMOUS, "s3:GetObject", ["arn:aws:s3:::b/k"])


def test_a_resource_may_let_anybody_in() -> None:
    def public(action: str, resources: object) -> bool:
        return action == "s3:GetObject"

    authorise(ANONYMOUS, "s3:GetObject", ["*"], allow_anonymous=public)
    with pytest.raises(AccessDenied):
        authorise(ANONYMOUS, "s3:PutObject", ["*"], allow_anonymous=public)
