"""Wrong values on the wire, as curl and gradio_client send them: refused by name, and nothing is stored."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file  # type: ignore[import-untyped]  # ships no types
from gradio_client.exceptions import AppError  # type: ignore[import-untyped]  # the same

from tests.web.hostile import outcome
from tests.web.process import AppProcess, clip, picture, upload

WRONG: list[tuple[str, Any, str]] = [
    ("keep_sound", "false", r'keep_sound must be true or false, for example true; you sent the text "false".'),
    ("watermark", "true", r'watermark must be true or false, for example false; you sent the text "true".'),
    ("element_id", 123456789, r'element_id must be text, for example "123456789"; you sent the number 123456789.'),
    ("prompt", ["a"], r'prompt must be text, for example "On a rooftop at dusk"; you sent a list.'),
    ("model", "kling-v1", r'model must be "kling-v3-motion-control"; you sent the text "kling-v1".'),
]
FORM: dict[str, Any] = {
    "prompt": "", "quality": "720p", "character_orientation": "image", "keep_sound": True, "watermark": False,
    "element_id": "", "image_url": "", "video_url": "", "model": "kling-v3-motion-control",
}  # fmt: skip


@pytest.fixture(scope="module")
def client(hostile_app: AppProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=hostile_app.url, timeout=60) as one:
        one.get("/")
        yield one


def jobs_of(client: httpx.Client) -> list[Any]:
    jobs: list[Any] = client.post("/gradio_api/run/page_videos", json={"data": [{}]}).json()["data"][0]["jobs"]
    return jobs


@pytest.mark.parametrize(("name", "value", "says"), WRONG)
def test_curl_is_told_the_field_and_a_right_value(client: httpx.Client, name: str, value: Any, says: str) -> None:
    image, video = upload(client, "photo.png", picture()), upload(client, "dance.mp4", clip())
    form = {**FORM, name: value}
    before = jobs_of(client)
    for path, body in (
        ("/gradio_api/call/start", {"data": [image, video, *form.values()]}),
        ("/gradio_api/call/v2/start", {"image": image, "video": video, name: value}),
        ("/gradio_api/run/page_order", {"data": [{"image": image, "video": video, **form}]}),
    ):
        text = outcome(client, path, body)
        assert says in text.replace('\\"', '"'), text
        assert "Nothing was sent or charged." in text
    assert jobs_of(client) == before


@pytest.mark.parametrize(("name", "value", "says"), WRONG)
def test_gradio_client_is_told_the_same(
    hostile_app: AppProcess, tmp_path: Any, name: str, value: Any, says: str
) -> None:
    (tmp_path / "photo.png").write_bytes(picture())
    (tmp_path / "dance.mp4").write_bytes(clip())
    client = Client(hostile_app.url, verbose=False, analytics_enabled=False)
    with pytest.raises(AppError) as caught:
        client.predict(
            image=handle_file(tmp_path / "photo.png"),
            video=handle_file(tmp_path / "dance.mp4"),
            **{name: value},
            api_name="/start",
        )
    assert says in str(caught.value)
    assert "Nothing was sent or charged." in json.dumps(str(caught.value))


def test_a_list_of_the_first_values_means_the_defaults_of_the_others(client: httpx.Client) -> None:
    """Programs that were written before an end point had its last parameters."""
    for values in ([None, None], [None, None, *FORM.values()]):
        assert "Add a picture" in outcome(client, "/gradio_api/call/start", {"data": values})
    assert "There is no such job" in outcome(client, "/gradio_api/call/status", {"data": []})
