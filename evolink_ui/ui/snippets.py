"""One order, as code: curl, our client, gradio_client and the raw JSON. The key is a placeholder everywhere."""

import json
import shlex
from collections.abc import Mapping
from typing import Any, Final

from evolink_ui.evolink import MotionControlRequest
from evolink_ui.order import MotionOrder

IMAGE_URL: Final = "https://example.com/character.png"
VIDEO_URL: Final = "https://example.com/motion.mp4"
"""Stand where a file was chosen: the API takes addresses only."""

KEY: Final = "$EVOLINK_API_KEY"


def request_body(order: MotionOrder) -> dict[str, Any]:
    """The JSON that the order sends to EvoLink, with placeholder addresses for files."""
    return MotionControlRequest.of(_addressed(order)).to_wire()


def as_curl(order: MotionOrder, base_url: str) -> str:
    """Two calls: place the order, then look at its task."""
    body = json.dumps(request_body(order), indent=2, ensure_ascii=False)
    return (
        f"curl {base_url}/v1/videos/generations \\\n"
        f'  -H "Authorization: Bearer {KEY}" \\\n'
        f'  -H "Content-Type: application/json" \\\n'
        f'  -H "Idempotency-Key: $(uuidgen)" \\\n'
        f"  -d {shlex.quote(body)}\n\n"
        "# The answer holds the task's id. Look at it every few seconds until its status is completed or failed:\n"
        f'curl {base_url}/v1/tasks/TASK_ID -H "Authorization: Bearer {KEY}"\n'
    )


def as_python(order: MotionOrder) -> str:
    """The same with this project's client, which orders once and follows to the end."""
    return (
        "import asyncio\n"
        "import os\n"
        "from pathlib import Path\n\n"
        "from evolink_ui.evolink import EvoLink, MotionControlRequest, MotionOrder, new_idempotency_key\n\n"
        f"order = MotionOrder(\n{_arguments(_addressed(order))})\n\n\n"
        "async def main() -> None:\n"
        '    async with EvoLink(os.environ["EVOLINK_API_KEY"]) as evolink:\n'
        "        request = MotionControlRequest.of(order)\n"
        "        task = await evolink.create(request, idempotency_key=new_idempotency_key())\n"
        "        async for task in evolink.follow(task.id, estimated_seconds=task.estimated_seconds):\n"
        "            print(task.status, task.progress)\n"
        '        await evolink.download(task.result_urls[0], Path("result.mp4"))\n\n\n'
        "asyncio.run(main())\n"
    )


def as_gradio_client(order: MotionOrder, origin: str) -> str:
    """The same through this app's own API, which takes files."""
    image = "None" if order.image_url else 'handle_file("character.png")'
    video = "None" if order.video_url else 'handle_file("motion.mp4")'
    return (
        "import time\n\n"
        "from gradio_client import Client, handle_file\n\n"
        f"client = Client({origin!r})\n"
        f'job = client.predict(\n    image={image},\n    video={video},\n{_arguments(order)}    api_name="/start",\n)\n'
        'while job["state"] not in ("done", "failed", "unknown", "stopped"):\n'
        "    time.sleep(2)\n"
        '    job = client.predict(job["id"], api_name="/status")\n'
        'print(job["state"], job["result"] or job["error"])\n'
    )


def as_json(value: Mapping[str, Any]) -> str:
    """Indented JSON, in the order in which it came."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def _addressed(order: MotionOrder) -> MotionOrder:
    links = {"image_url": order.image_url or IMAGE_URL, "video_url": order.video_url or VIDEO_URL}
    return order.model_copy(update=links)


def _arguments(order: MotionOrder) -> str:
    return "".join(f"    {name}={value!r},\n" for name, value in order)
