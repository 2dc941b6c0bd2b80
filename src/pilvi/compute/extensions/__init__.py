"""Lambda's extensions: programs beside a function's runtime that hear of its life, and get its telemetry."""
