"""Quotas.

AWS: API Gateway Developer Guide, "Quotas for configuring and running an HTTP API" and "... a REST API".
"""

ROUTES_PER_API = 300
INTEGRATIONS_PER_API = 300
STAGES_PER_API = 10
DEPLOYMENTS_PER_API = 200
"""Differs: AWS bounds the rate of deployments, not their number."""
RESOURCES_PER_API = 300
APIS_PER_REGION = 600
TAGS_PER_RESOURCE = 50

BODY_BYTES_MAX = 10 * 1024 * 1024
HTTP_TIMEOUT_MS = 30_000
REST_TIMEOUT_MS = 29_000
TIMEOUT_MS_MIN = 50

PAGE_SIZE = 25
PAGE_SIZE_MAX = 500

DEPLOYMENTS_KEPT = 256
"""Deployments (which never change) that a process keeps ready to be served."""
