"""One order, as code: curl, our client, gradio_client and the raw JSON. The key is a placeholder everywhere."""

import json
import shlex
from collections.abc import Mapping
from typing import Any, Final

from evolink_ui.evolink import Element, ModelParams, MotionControlRequest, WatermarkInfo
from evolink_ui.jobs import Order

IMAGE_URL: Final = "https://example.com/character.png"
VIDEO_URL: Final = "https://example.com/motion.mp4"
"""Stand where a file was chosen: the API takes addresses only."""

KEY: Final = "$EVOLINK_API_KEY"


def request_body(order: Order) -> dict[str, Any]:
    """The JSON that the order sends to EvoLink, with placeholder addresses for files."""
    return MotionControlRequest(
        prompt=order.prompt or None,
        image_urls=[order.image_url or IMAGE_URL],
        video_urls=[order.video_url or VIDEO_URL],
        quality="1080p" if order.quality == "1080p" else "720p",
        model_params=ModelParams(
            character_orientation="video" if order.character_orientation == "video" else "image",
            keep_sound=order.keep_sound,
            watermark_info=WatermarkInfo(enabled=True) if order.watermark else None,
            element_list=_elements(order),
        ),
    ).to_wire()


def as_curl(order: Order, base_url: str) -> str:
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


def as_python(order: Order) -> str:
    """The same with this project's client, which orders once and follows to the end."""
    params = [f"        character_orientation={order.character_orientation!r},"]
    params.append(f"        keep_sound={order.keep_sound!r},")
    if order.watermark:
        params.append("        watermark_info=WatermarkInfo(enabled=True),")
    if _elements(order):
        params.append(f"        element_list=[Element(element_id={order.element_id!r})],")
    names = ["EvoLink", "ModelParams", "MotionControlRequest", "new_idempotency_key"]
    names += (["Element"] if _elements(order) else []) + (["WatermarkInfo"] if order.watermark else [])
    prompt = f"    prompt={order.prompt!r},\n" if order.prompt else ""
    return (
        "import asyncio\n"
        "import os\n"
        "from pathlib import Path\n\n"
        f"from evolink_ui.evolink import {', '.join(sorted(names))}\n\n"
        "request = MotionControlRequest(\n"
        f"{prompt}"
        f"    image_urls=[{order.image_url or IMAGE_URL!r}],\n"
        f"    video_urls=[{order.video_url or VIDEO_URL!r}],\n"
        f"    quality={order.quality!r},\n"
        "    model_params=ModelParams(\n" + "\n".join(params) + "\n    ),\n)\n\n\n"
        "async def main() -> None:\n"
        '    async with EvoLink(os.environ["EVOLINK_API_KEY"]) as evolink:\n'
        "        task = await evolink.create(request, idempotency_key=new_idempotency_key())\n"
        "        async for task in evolink.follow(task.id, estimated_seconds=task.estimated_seconds):\n"
        "            print(task.status, task.progress)\n"
        '        await evolink.download(task.result_urls[0], Path("result.mp4"))\n\n\n'
        "asyncio.run(main())\n"
    )


def as_gradio_client(order: Order, origin: str) -> str:
    """The same through this app's own API, which takes files."""
    values: list[tuple[str, str]] = [
        ("image", "None" if order.image_url else 'handle_file("character.png")'),
        ("video", "None" if order.video_url else 'handle_file("motion.mp4")'),
        ("prompt", repr(order.prompt)),
        ("quality", repr(order.quality)),
        ("character_orientation", repr(order.character_orientation)),
        ("keep_sound", repr(order.keep_sound)),
        ("watermark", repr(order.watermark)),
        ("element_id", repr(order.element_id)),
        ("image_url", repr(order.image_url)),
        ("video_url", repr(order.video_url)),
    ]
    arguments = "".join(f"    {name}={value},\n" for name, value in values)
    return (
        "import time\n\n"
        "from gradio_client import Client, handle_file\n\n"
        f"client = Client({origin!r})\n"
        f'job = client.predict(\n{arguments}    api_name="/start",\n)\n'
        'while job["state"] not in ("done", "failed", "unknown", "stopped"):\n'
        "    time.sleep(2)\n"
        '    job = client.predict(job["id"], api_name="/status")\n'
        'print(job["state"], job["result"] or job["error"])\n'
    )


def as_json(value: Mapping[str, Any]) -> str:
    """Indented JSON, in the order in which it came."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def _elements(order: Order) -> list[Element] | None:
    return (
        [Element(element_id=order.element_id)] if order.element_id and order.character_orientation == "video" else None
    )
