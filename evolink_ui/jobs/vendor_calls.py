"""An httpx client that counts the exchanges with EvoLink for `/metrics`."""

from __future__ import annotations

from typing import Any, Final

import httpx

from evolink_ui.metrics import VENDOR_CALLS

PLACES: Final = (
    ("POST", "/v1/videos/generations", "order"),
    ("GET", "/v1/tasks/", "task"),
    ("GET", "/v1/tasks", "tasks"),
    ("POST", "/v1/tasks/batch", "tasks"),
    ("GET", "/v1/credits", "credits"),
    ("POST", "/api/v1/files/upload", "upload"),
    ("GET", "/api/v1/files", "files"),
    ("DELETE", "/api/v1/files", "files"),
)
"""Method and beginning of the path, the longer ones first, and what the metric calls it."""
OTHER: Final = "other"
TOO_MANY_REQUESTS: Final = 429


class CountedClient(httpx.AsyncClient):
    """`httpx.AsyncClient` whose exchanges count in `VENDOR_CALLS`, by the heads of their answers.

    Args:
        place: what all its requests are for; None where `place_of` tells it.
        options: httpx's own.
    """

    def __init__(self, *, place: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._place = place

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request and count how it went."""
        place, outcome = self._place or place_of(request), "broken"
        try:
            response = await super().send(request, **options)
            outcome = class_of(response.status_code)
            return response
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError):
            outcome = "not_connected"
            raise
        except httpx.TimeoutException:
            outcome = "timed_out"
            raise
        except httpx.HTTPError:
            raise
        except BaseException:  # a cancellation, as a rule: nobody waits for the answer any more
            outcome = "cancelled"
            raise
        finally:
            VENDOR_CALLS.labels(place, outcome).inc()


def place_of(request: httpx.Request) -> str:
    """The part of EvoLink's API that a request is for; never a word of the request itself."""
    for method, start, place in PLACES:
        if request.method == method and request.url.path.startswith(start):
            return place
    return OTHER


def class_of(status: int) -> str:
    """`2xx` and so on; 429 stands for itself, because it means something else than other refusals."""
    return str(status) if status == TOO_MANY_REQUESTS else f"{status // 100}xx"
