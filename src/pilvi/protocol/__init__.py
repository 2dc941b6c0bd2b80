"""Bytes to typed dicts and back, for all of AWS's protocols, compiled from botocore's models. No I/O."""

from pilvi.protocol.compiled import Codec, codec, detect
from pilvi.protocol.model import Operation, ServiceModel, Shape, service_model, service_names
from pilvi.protocol.routes import Match

__all__ = [
    "Codec",
    "Match",
    "Operation",
    "ServiceModel",
    "Shape",
    "codec",
    "detect",
    "service_model",
    "service_names",
]
