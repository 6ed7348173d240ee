"""What the files of hostile requests share."""

import json
from typing import Any

import httpx


def outcome(client: httpx.Client, path: str, body: dict[str, Any]) -> str:
    """What a call ends with, as text: the stream's last words, or the answer where there is no stream."""
    answer = client.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
    if answer.status_code == 400:
        return answer.text
    if answer.status_code == 200 and "event_id" in answer.json():
        if "queue/join" in path:
            stream = client.get("/gradio_api/queue/data", params={"session_hash": body["session_hash"]})
        else:
            name = path.rsplit("/", 1)[1]
            stream = client.get(f"/gradio_api/call/{name}/{answer.json()['event_id']}")
        assert "event: complete" not in stream.text and '"success":true' not in stream.text, stream.text
        return stream.text
    if answer.status_code == 200:
        assert set(answer.json()["data"][0]) == {"error"}, answer.text
    return answer.text


def function_index(client: httpx.Client, name: str) -> int:
    functions = client.get("/config").json()["dependencies"]
    return int(next(function["id"] for function in functions if function["api_name"] == name))
