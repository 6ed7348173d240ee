"""From an order to its video."""

from __future__ import annotations

from pathlib import Path

import httpx

from .conftest import contents, place, uploaded_order, wait_for


async def test_an_order_becomes_a_video_that_can_be_downloaded_in_parts(
    client: httpx.AsyncClient, image: Path, video: Path
) -> None:
    created = await place(client, await uploaded_order(client, image, video))
    assert created["status"] == "pending"
    assert created["task_info"]["video_duration"] == 3
    done = await wait_for(client, created["id"])
    assert (done["status"], done["progress"]) == ("completed", 100)
    [url] = done["results"]
    whole = await client.get(url, headers={"Authorization": ""})
    assert whole.content == contents(video)  # what the stand-in renderer makes
    assert whole.headers["content-type"] == "video/mp4"
    part = await client.get(url, headers={"Range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.content == whole.content[100:200]
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    head = await client.head(url)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(whole.content)))
    beyond = await client.get(url, headers={"Range": "bytes=99999999-"})
    assert beyond.status_code == 416
