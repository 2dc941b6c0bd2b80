"""Batch operations: one operation on each object of a manifest, as the role of the job.

`requests.py` says what may be asked for, `states.py` how a job goes from one status to the next, `workers.py` runs the
steps: preparing (`manifests.py`, `generated.py`), tasks (`tasks.py`, `lambda_tasks.py`, `checksum_tasks.py`) and the
report (`reports.py`). Records are `records/batch_jobs.py`; what is asked of jobs, `control/jobs.py`.

AWS: S3 User Guide, "Performing object operations in bulk with Batch Operations".
"""

from pilvi.services.s3.batch import workers as workers
