"""API Gateway: HTTP APIs and REST APIs in front of functions."""

from pilvi.services.apigateway import endpoint as endpoint
from pilvi.services.apigateway.operations import http as http
from pilvi.services.apigateway.operations import rest as rest
from pilvi.services.apigateway.service import apigateway as apigateway
from pilvi.services.apigateway.service import apigatewayv2 as apigatewayv2
