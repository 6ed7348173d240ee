"""Driving a stand-in that runs in another process."""

from typing import Any

import httpx

from tests.stub.faults import Fault, Place


class RemoteStub:
    """The control addresses of `python -m tests.stub`, as calls."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")

    def fail(self, place: Place, *faults: Fault, times: int = 1) -> None:
        """See `Stub.fail`."""
        self._post("fail", {"place": place, "faults": [fault.to_dict() for fault in faults], "times": times})

    def set(self, **values: Any) -> None:
        """See `Stub.set`; values are plain JSON."""
        self._post("set", values)

    def reset(self) -> None:
        """See `Stub.reset`."""
        self._post("reset", {})

    def state(self) -> dict[str, Any]:
        """See `Stub.state`."""
        found: dict[str, Any] = self._post("state", {})
        return found

    @property
    def paid(self) -> int:
        """How many tasks were created and paid."""
        return int(self.state()["paid"])

    def _post(self, name: str, body: dict[str, Any]) -> Any:
        answer = httpx.post(f"{self.base_url}/_stub/{name}", json=body, timeout=10, trust_env=False)
        answer.raise_for_status()
        return answer.json()
