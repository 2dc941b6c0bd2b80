"""What REST APIs are asked, by noun."""

from pilvi.services.apigateway.operations.rest import apis as apis
from pilvi.services.apigateway.operations.rest import deployments as deployments
from pilvi.services.apigateway.operations.rest import integrations as integrations
from pilvi.services.apigateway.operations.rest import methods as methods
from pilvi.services.apigateway.operations.rest import resources as resources
from pilvi.services.apigateway.operations.rest import stages as stages
from pilvi.services.apigateway.operations.rest import tags as tags
