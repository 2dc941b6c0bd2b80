"""What HTTP APIs are asked, by noun."""

from pilvi.services.apigateway.operations.http import apis as apis
from pilvi.services.apigateway.operations.http import deployments as deployments
from pilvi.services.apigateway.operations.http import integrations as integrations
from pilvi.services.apigateway.operations.http import routes as routes
from pilvi.services.apigateway.operations.http import stages as stages
from pilvi.services.apigateway.operations.http import tags as tags
