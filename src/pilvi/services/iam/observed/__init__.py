"""What principals really did, observed at every decision: in memory first, then in the store, within bounds."""

from pilvi.services.iam.observed.memory import IamObservations as IamObservations
from pilvi.services.iam.observed.records import last_used as last_used
