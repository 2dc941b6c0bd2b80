"""CloudWatch Logs. Loading the package registers its operations and workers."""

from pilvi.services.logs import workers as workers
from pilvi.services.logs.operations import events as events
from pilvi.services.logs.operations import groups as groups
from pilvi.services.logs.operations import retention as retention
from pilvi.services.logs.operations import streams as streams
from pilvi.services.logs.operations import tags as tags
from pilvi.services.logs.service import logs as logs
