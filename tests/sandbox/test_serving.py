"""The sandbox on a port: its switches, the app's own client, the real renderer, and death at any moment."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from pathlib import Path

import av
import httpx
import pytest

from evolink_ui.evolink import EvoLink, ModelParams, MotionControlRequest
from evolink_ui.sandbox.__main__ import main, parse
from evolink_ui.sandbox.options import RENDER_COMMAND

from .conftest import SandboxMaker, client_of, contents, order, place, stand_in, upload, uploaded_order, wait_for
from .serving import Served, serving

FAKE_ID = "task-unified-1757169743-7cvnl5zw"


def facts(path: Path) -> tuple[float, int, int]:
    """Seconds, width and height of a video."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        assert stream.average_rate is not None
        return frames / float(stream.average_rate), stream.width, stream.height


def alive(marker: str) -> list[int]:
    """Processes whose command line holds `marker`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if marker.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue  # gone meanwhile
    return found


async def test_the_apps_client_orders_a_real_video_over_a_socket(image: Path, video: Path, tmp_path: Path) -> None:
    served = await asyncio.to_thread(Served, tmp_path / "data")
    try:
        async with EvoLink("any-key", base_url=served.url, files_url=served.url, min_poll_seconds=0.2) as evolink:
            picture, clip = await evolink.upload(image), await evolink.upload(video)
            request = MotionControlRequest(
                image_urls=[picture.file_url],
                video_urls=[clip.file_url],
                model_params=ModelParams(character_orientation="image"),
            )
            before = await evolink.credits()
            task = await evolink.create(request, idempotency_key="order-0123456789abcdef")
            again = await evolink.create(request, idempotency_key="order-0123456789abcdef")
            assert again.id == task.id
            percents = [now.progress async for now in evolink.follow(task.id, estimated_seconds=task.estimated_seconds)]
            done = await evolink.get(task.id)
            assert done.status == "completed", done.raw
            assert percents[-1] == 100
            result = tmp_path / "result.mp4"
            size_bytes = await evolink.download(done.result_urls[0], result)
            assert size_bytes == result.stat().st_size
            after = await evolink.credits()
        assert before != after
        seconds, width, height = await asyncio.to_thread(facts, result)
        assert seconds == pytest.approx(3.0, abs=0.1)
        assert min(width, height) >= 360
        assert done.raw["task_info"]["note"].startswith("No person was found")  # a plain picture has none
    finally:
        code = await asyncio.to_thread(served.end)
    assert code in (0, -15)
    assert alive(str(tmp_path)) == []


async def test_a_task_survives_the_death_of_the_process_and_its_renderer_does_not(
    make_sandbox: SandboxMaker, image: Path, video: Path, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    first = await asyncio.to_thread(Served, data_dir)
    async with httpx.AsyncClient(base_url=first.url, headers={"Authorization": "Bearer any-key"}) as client:
        body = await uploaded_order(client, image, video)
        tasks = [await place(client, body, **{"Idempotency-Key": f"order-0123456789-{n}"}) for n in range(2)]
        await wait_for(client, tasks[0]["id"], "processing")
    await asyncio.to_thread(first.kill)
    deadline = time.monotonic() + 5
    while alive(str(data_dir)):
        assert time.monotonic() < deadline, "the renderer outlived the sandbox"
        await asyncio.sleep(0.05)
    # The same folder, another address: links to the old one still mean our own files only if they are the same host.
    second = make_sandbox(data_dir=data_dir, base_url=first.url)
    async with client_of(second) as client:
        replay = await place(client, body, **{"Idempotency-Key": "order-0123456789-0"})
        assert replay["id"] == tasks[0]["id"]
        for task in tasks:
            assert (await wait_for(client, task["id"]))["status"] == "completed"
        used = (await client.get("/v1/credits")).json()["data"]["user"]["used_credits"]
    assert used == pytest.approx(2 * 3 * 8.1648)


async def test_closing_in_the_middle_of_a_real_render_leaves_no_process_and_no_unfinished_video(
    make_sandbox: SandboxMaker, image: Path, video: Path, tmp_path: Path
) -> None:
    sandbox = make_sandbox(render_command=RENDER_COMMAND)
    async with client_of(sandbox) as client:
        task = await place(client, await uploaded_order(client, image, video))
        for _ in range(600):
            if (await wait_for(client, task["id"], "processing"))["progress"] > 0:
                break
            await asyncio.sleep(0.05)
    began = time.monotonic()
    await asyncio.to_thread(sandbox.close)
    assert time.monotonic() - began < 1.0
    assert alive(str(tmp_path)) == []
    assert list((tmp_path / "sandbox" / "results").iterdir()) == []
    assert not (tmp_path / "sandbox" / "work").exists()


async def test_a_broken_video_is_a_failed_task_and_never_a_fault_of_the_renderer(
    make_sandbox: SandboxMaker, image: Path, video: Path, tmp_path: Path
) -> None:
    whole, luck = contents(video), random.Random(5)
    header = whole.index(b"moov")
    outcomes = Counter[str]()
    async with client_of(make_sandbox(render_command=RENDER_COMMAND, max_renders=2)) as client:
        good = (await upload(client, image))["file_url"]
        ids = []
        for number in range(10):
            broken = bytearray(whole)
            if number < 2:
                del broken[luck.randrange(100, len(whole)) :]
            elif number < 5:
                for _ in range(200):
                    broken[luck.randrange(48, len(whole))] = luck.randrange(256)
            else:
                for _ in range(3):
                    broken[luck.randrange(header + 4, header + 800)] = luck.randrange(256)
            path = tmp_path / f"broken-{number}.mp4"
            path.write_bytes(broken)
            ids.append((await place(client, order(good, (await upload(client, path))["file_url"])))["id"])
        for task_id in ids:
            ended = await wait_for(client, task_id)
            outcomes[ended.get("error", {}).get("code", ended["status"])] += 1
    assert set(outcomes) <= {"invalid_parameters", "completed"}  # some faults don't touch what is seen
    assert outcomes["invalid_parameters"] >= 5


async def test_a_task_that_takes_the_process_with_it_is_given_up_after_three_times(
    make_sandbox: SandboxMaker, image: Path, video: Path, tmp_path: Path
) -> None:
    sandbox = make_sandbox(render_command=stand_in(30))
    async with client_of(sandbox) as client:
        task = await place(client, await uploaded_order(client, image, video))
        await wait_for(client, task["id"], "processing")
    await asyncio.to_thread(sandbox.close)
    import sqlite3

    with sqlite3.connect(tmp_path / "sandbox" / "sandbox.sqlite3") as db:  # as three kills would leave it
        db.execute("UPDATE tasks SET attempts = 3, stage = 'rendering', status = 'processing'")
    db.close()
    async with client_of(make_sandbox()) as client:
        failed = await wait_for(client, task["id"])
    assert failed["error"]["code"] == "service_error"


async def test_a_second_process_on_the_same_folder_answers_and_leaves_the_rendering_to_the_first(
    make_sandbox: SandboxMaker, image: Path, video: Path, tmp_path: Path
) -> None:
    first = make_sandbox(render_command=stand_in(0.3))
    async with client_of(first) as client:
        body = await uploaded_order(client, image, video)
        await wait_for(client, (await place(client, body))["id"])
    second = make_sandbox(render_command=stand_in(0.1, "error"))
    async with client_of(second) as client:
        task = await place(client, body)
        assert (await wait_for(client, task["id"]))["status"] == "completed"  # by the first, whose renderer works
    await asyncio.to_thread(first.close)
    async with client_of(second) as client:
        task = await place(client, body)
        assert (await wait_for(client, task["id"]))["status"] == "failed"  # now the second has taken over


async def test_latency_and_failures_come_as_asked_for_and_the_same_with_one_seed(tmp_path: Path) -> None:
    def run(number: int) -> list[int]:
        options = ("--fail-rate", "0.5", "--seed", "7", "--latency", "0.05")
        with (
            serving(tmp_path / f"data{number}", *options) as served,
            httpx.Client(base_url=served.url, headers={"Authorization": "Bearer any-key"}) as client,
        ):
            began = time.monotonic()
            statuses = [client.get(f"/v1/tasks/{FAKE_ID}").status_code for _ in range(30)]
            assert time.monotonic() - began > 30 * 0.05
            return statuses

    first, second = await asyncio.gather(asyncio.to_thread(run, 1), asyncio.to_thread(run, 2))
    assert first == second
    assert set(first) == {404, 429, 500}
    assert 5 <= Counter(first)[404] <= 25


async def test_with_one_seed_the_same_orders_fail_however_often_a_client_looks(
    make_sandbox: SandboxMaker, tmp_path: Path
) -> None:
    async def outcomes(looks: int) -> list[int]:
        sandbox = make_sandbox(data_dir=tmp_path / str(looks), fail_rate=0.5, seed=11)
        ordered = []
        async with client_of(sandbox) as client:
            for _ in range(12):
                ordered.append((await client.post("/v1/videos/generations", json=order())).status_code)
                for _ in range(looks):
                    await client.get(f"/v1/tasks/{FAKE_ID}")
        return ordered

    calm = await outcomes(0)
    assert calm == await outcomes(5)
    assert set(calm) == {200, 429, 500}


async def test_a_500_may_come_before_or_after_the_task_was_made_and_tasks_fail_too(make_sandbox: SandboxMaker) -> None:
    async with client_of(make_sandbox(fail_rate=0.5, seed=3)) as client:
        made = {True: 0, False: 0}
        for number in range(40):
            key = {"Idempotency-Key": f"order-0123456789-{number:03}"}
            first = await client.post("/v1/videos/generations", json=order(), headers=key)
            if first.status_code != 500:
                continue
            while (again := await client.post("/v1/videos/generations", json=order(), headers=key)).status_code != 200:
                pass
            made["idempotency-replayed" in again.headers] += 1
    assert made[True] > 0
    assert made[False] > 0


async def test_tasks_fail_on_purpose_with_words_that_say_so(
    make_sandbox: SandboxMaker, image: Path, video: Path
) -> None:
    # Every request fails too at this rate, so the order is placed before: as the same task in the same folder.
    sandbox = make_sandbox(fail_rate=0.3, seed=1, render_command=stand_in(0.05))
    async with client_of(make_sandbox(data_dir=sandbox.data_dir)) as calm:
        body = await uploaded_order(calm, image, video)
    codes = Counter[str]()
    async with client_of(sandbox) as client, client_of(make_sandbox(data_dir=sandbox.data_dir)) as calm:
        for _ in range(14):
            answer = await client.post("/v1/videos/generations", json=body)
            if answer.status_code == 200:
                ended = await wait_for(calm, answer.json()["id"])
                codes[ended.get("error", {}).get("code", "none")] += 1
                assert "Credits are returned" in ended.get("error", {}).get("message", "Credits are returned")
    assert codes["none"] > 0
    assert len(codes) > 1


def test_the_command_line_has_the_documented_switches() -> None:
    switches = ["--port", "9000", "--latency", "0.5", "--fail-rate", "0.1", "--seed", "4", "--speed", "0.25"]
    chosen = parse([*switches, "--data-dir", "here"])
    assert (chosen.port, chosen.latency, chosen.fail_rate, chosen.seed, chosen.speed) == (9000, 0.5, 0.1, 4, 0.25)
    assert chosen.data_dir == Path("here")


def test_the_help_lists_the_keys_for_tests(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        parse(["--help"])
    said = capsys.readouterr().out
    for key in ("sandbox-invalid", "sandbox-no-credits", "sandbox-no-access", "sandbox-rate-limited", "--fail-rate"):
        assert key in said


@pytest.mark.parametrize(
    ("switches", "word"),
    [
        (["--port", "99999"], "0 to 65535"),
        (["--port", "x"], "0 to 65535"),
        (["--port", "0", "--latency", "inf"], "latency_seconds"),
        (["--port", "0", "--speed", "nan"], "speed"),
        (["--port", "0", "--data-dir", "/proc/no-such-folder"], "--data-dir"),
    ],
)
def test_what_cannot_work_is_said_in_a_sentence_and_not_in_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], switches: list[str], word: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--data-dir", str(tmp_path), *switches])
    assert word in f"{ended.value.code} {capsys.readouterr().err}"


@pytest.mark.parametrize("host", ["0.0.0.0", "::1", "localhost"])
def test_a_wrong_switch_ends_it_with_a_word_of_why(tmp_path: Path, host: str) -> None:
    with pytest.raises(SystemExit, match="fail_rate"):
        main(["--host", host, "--port", "0", "--data-dir", str(tmp_path), "--fail-rate", "2"])
