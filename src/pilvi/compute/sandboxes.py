"""A sandbox as the environment that lives in it sees it: what can be stopped, measured, begun again and killed."""

from __future__ import annotations

from typing import Protocol

from pilvi.compute.companions import Processes


class Sandbox(Processes, Protocol):
    """What a backend made."""

    @property
    def limits(self) -> tuple[str, ...]: ...
    def stop(self) -> None: ...
    def peak_mb(self) -> int:
        """The most memory it had. Raises: OSError when its processes have just ended."""
        ...

    def resident_mb(self) -> int:
        """What its processes have now. Raises: OSError as above."""
        ...

    @property
    def renewable(self) -> bool: ...
    async def clear(self) -> bool:
        """Every process gone that a customer's code may be in, all else left; whether it can begin again."""
        ...

    def begin_again(self) -> None:
        """Raises: EnvironmentFailed."""
        ...

    async def kill(self) -> None:
        """Every process gone, nothing left on the host. May be called more than once."""
        ...
