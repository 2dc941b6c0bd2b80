"""What a request's bytes can be accused of, before any service has seen them."""

from __future__ import annotations

from typing import Literal

from pilvi.base.errors import AwsError, SerializationException


class Unreadable(Exception):
    """The bytes do not fit the operation's model; the protocol decides what AWS calls that.

    `place` is where they lay, `unknown` the member that the model does not have, if that was it, and
    `misfit` a value of the wrong type with Java's name for the right one; `argument` the name and the text of what is
    no integer.
    """

    def __init__(
        self,
        detail: str,
        *,
        place: Literal["body", "header", "query", "uri"] = "body",
        unknown: str | None = None,
        misfit: tuple[object, str] | None = None,
        argument: tuple[str, str] | None = None,
    ) -> None:
        self.detail = detail
        self.argument = argument
        self.misfit = misfit
        self.place = place
        self.unknown = unknown
        super().__init__(detail)


def unknown_member(name: str, owner: str) -> Unreadable:
    return Unreadable(f"Unknown member '{name}' of {owner}.", unknown=name)


class MalformedXML(AwsError):
    code = "MalformedXML"
    message = (
        "The XML you provided was not well-formed or did not validate against our published schema"
    )


class UnknownElement(AwsError):
    code = "MalformedXML"
    message = MalformedXML.message + ": unknown element {element}"


class InvalidArgument(AwsError):
    code = "InvalidArgument"
    message = "{detail}"


class InvalidURI(AwsError):
    code = "InvalidURI"
    message = "Couldn't parse the specified URI."


class MalformedInput(AwsError):
    code = "MalformedInput"
    message = "{detail}"


class UnknownParameter(AwsError):
    code = "UnknownParameter"
    message = "The parameter {parameter} is not recognized"


_S3_INTEGERS = {
    "partNumber": "Part number must be an integer between 1 and 10000, inclusive",
}
_JAVA_CLASSES: dict[type, str] = {
    bool: "java.lang.Boolean",
    int: "com.amazon.coral.value.json.numbers.TruncatingBigNumber",
    float: "com.amazon.coral.value.json.numbers.TruncatingBigNumber",
    str: "java.lang.String",
}
"""What API Gateway, whose parser is another one, calls a value of the wrong type."""


def aws_error(unreadable: Unreadable, service: str, protocol: str) -> AwsError:
    """AWS's word for an unreadable request, which depends on who reads it."""
    if service in ("s3", "s3control"):
        if unreadable.place == "uri":
            return InvalidURI()
        if unreadable.argument is not None:
            name, text = unreadable.argument
            return InvalidArgument(
                detail=_S3_INTEGERS.get(
                    name, f"Provided {name} not an integer or within integer range"
                ),
                members={"ArgumentName": name, "ArgumentValue": text},
            )
        if unreadable.place != "body":
            return InvalidArgument(detail=unreadable.detail)
        if unreadable.unknown is not None:
            return UnknownElement(element=unreadable.unknown)
        return MalformedXML()
    if protocol == "ec2" and unreadable.unknown is not None:
        return UnknownParameter(parameter=unreadable.unknown)
    if protocol in ("query", "ec2", "rest-xml"):
        return MalformedInput(detail=unreadable.detail)
    if service == "apigateway" and unreadable.misfit is not None:
        value, wanted = unreadable.misfit
        found = _JAVA_CLASSES.get(type(value))
        if found is not None:
            detail = f"class {found} can not be converted to an {wanted}"
            return SerializationException(detail=detail)
    return SerializationException(detail=unreadable.detail)
