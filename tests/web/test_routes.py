"""Jobs, files, keys, callbacks and health, as a browser or a program asks for them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from evolink_ui.background import BackgroundThread
from evolink_ui.jobs.insist import DatabaseAway
from evolink_ui.web import routes
from evolink_ui.web.signing import FileKind, FileLinks
from tests.web.site import JPEG, MP4, PNG, Site, call, site


@pytest.fixture
def own(running: Site) -> Iterator[tuple[Site, httpx.Client, str]]:
    """The site, a visitor's client and the visitor's name."""
    with running.visitor() as (client, name):
        yield running, client, name


Own = tuple[Site, httpx.Client, str]


def link(running: Site, kind: FileKind, job_id: str, suffix: str = "") -> str:
    return "/" + FileLinks(running.settings.secret_key).path(kind, job_id, suffix=suffix)


def test_a_job_is_shown_to_whoever_knows_its_id_but_only_its_owner_may_act(own: Own) -> None:
    running, client, name = own
    running.desk.add("shown", name)
    assert client.get("/jobs/shown").json()["actions"] == ["stop", "edit", "delete", "attach"]
    with running.visitor() as (stranger, _):
        assert stranger.get("/jobs/shown").json()["actions"] == []
        for action in ("stop", "follow_again", "send_again", "attach", "give_up", "delete"):
            answer = stranger.post(f"/jobs/shown/{action}", json={"task_id": "t"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_yours")
    assert not [did for did in running.desk.done if did[0] == "shown"]


def test_the_owner_may_do_everything(own: Own) -> None:
    running, client, name = own
    running.desk.add("mine", name)
    header = {"X-EvoLink-Key": "sk-visitor"}
    for action in ("stop", "follow_again", "send_again", "give_up", "delete"):
        answer = client.post(f"/jobs/mine/{action}", headers=header)
        assert (answer.status_code, answer.json()["state"]) == (200, "stopped"), answer.text
    assert client.post("/jobs/mine/attach", json={"task_id": "task-7"}, headers=header).status_code == 200
    assert [did[1:] for did in running.desk.done if did[0] == "mine"] == [
        ("stop",),
        ("follow_again", "sk-visitor"),
        ("send_again", "sk-visitor"),
        ("give_up",),
        ("delete",),
        ("attach", "task-7", "sk-visitor"),
    ]


def test_a_client_without_cookies_may_stop_what_it_started_and_nothing_more(running: Site) -> None:
    with httpx.Client(base_url=running.url, cookies=None) as first:
        guest = call(first, "who")[0]
    assert guest.startswith("guest_")
    running.desk.add("guests", guest)
    for action, status in (("delete", 403), ("give_up", 403), ("stop", 200)):
        assert httpx.post(f"{running.url}/jobs/guests/{action}").status_code == status
    assert httpx.get(f"{running.url}/jobs/guests").json()["actions"] == ["stop"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[1]", "not_json"),
        (b"{", "not_json"),
        (b"\xff", "not_json"),
        (b"[" * 5000, "not_json"),
        (b"{}", "task_id_missing"),
        (b'{"task_id": 7}', "task_id_missing"),
        (b'{"task_id": " "}', "task_id_missing"),
    ],
)
def test_a_task_id_that_is_none_is_refused(body: bytes, code: str, own: Own) -> None:
    running, client, name = own
    running.desk.add("attached", name)
    answer = client.post("/jobs/attached/attach", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_what_the_desk_refuses_arrives_with_its_reason(own: Own) -> None:
    running, client, name = own
    job = running.desk.add("finished", name)
    running.desk.jobs["finished"] = type(job)(job.id, name, "done")
    answer = client.post("/jobs/finished/stop")
    assert answer.status_code == 409
    assert answer.json()["error"]["next_step"] == "Look again."


@pytest.mark.parametrize("path", ["/jobs/nobody", "/jobs/a%00b", "/jobs/..%2f..", "/jobs/" + "x" * 200, "/jobs/a/b/c"])
def test_an_unknown_job_is_404_and_tells_nothing(path: str, own: Own) -> None:
    _, client, _ = own
    answers = [client.get(path), client.post(f"{path}/stop")]
    assert [answer.status_code for answer in answers] == [404, 404]


def test_a_video_is_served_whole_in_parts_and_by_its_head_alone(own: Own) -> None:
    running, client, name = own
    running.desk.add("video", name, result=MP4, poster=JPEG)
    view = client.get("/jobs/video").json()
    url = "/" + view["result"]["url"]
    assert url.endswith(".mp4")
    whole = client.get(url)
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, MP4, "video/mp4")
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert whole.headers["content-disposition"].startswith("inline")
    assert client.get(url, params={"download": ""}).headers["content-disposition"].startswith("attachment")
    part = client.get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, MP4[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(MP4)}"
    assert client.get(url, headers={"Range": "bytes=-5"}).content == MP4[-5:]
    assert client.get(url, headers={"Range": f"bytes={len(MP4)}-"}).status_code == 416
    head = client.head(url)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(MP4)))
    poster = client.get("/" + view["poster_url"])
    assert (poster.content, poster.headers["content-type"]) == (JPEG, "image/jpeg")


def test_many_ranges_at_once_get_the_whole_file(own: Own) -> None:
    running, client, name = own
    running.desk.add("ranges", name, result=MP4)
    many = ",".join(f"{n}-{n}" for n in range(500))
    answer = client.get(link(running, "result", "ranges"), headers={"Range": f"bytes={many}"})
    assert (answer.status_code, answer.content) == (200, MP4)


@pytest.mark.parametrize(
    "content",
    [
        b"<html><script>alert(1)</script>",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"%PDF-1.7",
        b"\x1aE\xdf\xa3webm",
        b"GIF89a",
        JPEG,
        PNG,
        b"",
        b"ftyp",
    ],
)
def test_a_result_that_is_no_mp4_is_never_served(content: bytes, own: Own) -> None:
    running, client, name = own
    running.desk.add("disguised", name, result=content, poster=b"<html>")
    assert client.get(link(running, "result", "disguised", ".mp4")).status_code == 404
    assert client.get(link(running, "poster", "disguised", ".jpg")).status_code == 404


def test_the_vendor_gets_the_inputs_with_their_own_types(own: Own) -> None:
    running, client, name = own
    quicktime = b"\x00\x00\x00\x14ftypqt  " + b"m" * 50
    old_quicktime = b"\x00\x00\x00\x08wide\x00\x00\x00\x08mdat"
    for job_id, video, image, video_type, image_type in (
        ("inputs1", MP4, PNG, "video/mp4", "image/png"),
        ("inputs2", quicktime, JPEG, "video/quicktime", "image/jpeg"),
        ("inputs3", old_quicktime, JPEG, "video/quicktime", "image/jpeg"),
    ):
        running.desk.add(job_id, name, video=video, image=image)
        assert httpx.get(running.url + link(running, "video", job_id)).headers["content-type"] == video_type
        assert httpx.get(running.url + link(running, "image", job_id)).headers["content-type"] == image_type
        assert client.get(link(running, "reference", job_id)).content == video


def test_a_link_that_is_forged_expired_or_leads_nowhere_is_404(own: Own, tmp_path: Path) -> None:
    running, client, name = own
    running.desk.add("linked", name, result=MP4)
    (running.desk.folder / "linked" / "poster").symlink_to("/etc/passwd")
    good = link(running, "result", "linked")
    secret = running.settings.secret_key
    wrong = [
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        good.replace("/files/", "/files/A"),
        "/" + FileLinks(b"another secret").path("result", "linked"),
        "/" + FileLinks(secret, clock=lambda: 1_000_000.0).path("result", "linked"),
        link(running, "result", "gone"),
        link(running, "poster", "linked"),
        link(running, "image", "linked"),
        link(running, "result", "../linked"),
        "/files/",
        "/files/x",
        "/files/..%2f..%2fetc%2fpasswd",
        "/files/" + "A" * 3000,
    ]
    assert client.get(good).status_code == 200
    for path in wrong:
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert b"passwd" not in answer.content and b"root:" not in answer.content


def test_a_key_is_kept_sealed_used_and_removed(own: Own) -> None:
    _, client, _ = own
    assert client.get("/key").json() == {"set": False, "owner": False}
    assert call(client, "whose_key") == ["owner"]
    answer = client.post("/key", json={"key": "sk-secret-of-a-visitor"})
    assert answer.json() == {"set": True, "checked": False, "remaining": None}
    assert "HttpOnly" in answer.headers["set-cookie"] and "sk-secret" not in answer.headers["set-cookie"]
    assert client.get("/key").json() == {"set": True, "owner": False}
    assert call(client, "whose_key") == ["sk-secret-of-a-visitor"]
    assert call(client, "whose_key", headers={"X-EvoLink-Key": "sk-header"}) == ["sk-header"]
    assert "sk-secret" not in call(client, "everything")[0]
    assert "evolink_key" not in call(client, "everything")[0]
    assert client.delete("/key").json() == {"set": False}
    assert call(client, "whose_key") == ["owner"]


def test_a_key_that_evolink_refuses_is_not_kept_and_ten_an_hour_are_tried(tmp_path: Path) -> None:
    with site(tmp_path) as running, running.visitor() as (client, _), running.visitor() as (other, _):
        refused = client.post("/key", json={"key": "sk-wrong-one"})
        assert (refused.status_code, refused.json()["error"]["message"]) == (
            400,
            "EvoLink does not accept this API key.",
        )
        assert "set-cookie" not in refused.headers
        for _ in range(9):
            assert client.post("/key", json={"key": "sk-good"}).json()["set"] is True
        for someone in (client, other):
            limited = someone.post("/key", json={"key": "sk-good"})
            assert (limited.status_code, limited.json()["error"]["code"]) == (429, "too_many_keys")
        assert client.get("/key").json()["set"], "the key from before stays"
        assert client.delete("/key").status_code == 200


def test_a_key_cookie_is_worth_nothing_to_another_visitor(own: Own) -> None:
    running, client, _ = own
    client.post("/key", json={"key": "sk-mine"})
    with running.visitor() as (thief, _):
        thief.cookies.set("evolink_key", client.cookies["evolink_key"])
        assert call(thief, "whose_key") == ["owner"]


@pytest.mark.parametrize("key", ["a b", "clé", "x" * 300, "a\nb", "\x00"])
def test_what_cannot_be_a_key_is_refused(key: str, own: Own) -> None:
    _, client, _ = own
    assert client.post("/key", json={"key": key}).json()["error"]["code"] == "key_malformed"


def test_a_key_cannot_be_kept_without_cookies(running: Site) -> None:
    assert httpx.post(f"{running.url}/key", json={"key": "sk-1"}).json()["error"]["code"] == "no_cookies"
    assert httpx.post(f"{running.url}/key", content=b"[").status_code == 400


def test_a_callback_counts_with_its_token_only_and_from_any_origin(running: Site) -> None:
    for token, status in (("right", 204), ("wrong", 404), ("%C3%BC", 404)):
        url = f"{running.url}/callbacks/evolink/job1/{token}"
        assert httpx.post(url, json={"id": "x"}, headers={"Origin": "https://evolink.ai"}).status_code == status
    assert httpx.post(f"{running.url}/callbacks/evolink/job1/right", content=b"no json").status_code == 204
    assert httpx.get(f"{running.url}/callbacks/evolink/job1/right").status_code == 404
    assert running.desk.done.count(("job1", "callback")) == 2


def test_health_is_200_only_when_orders_can_be_taken_and_says_nothing_more(running: Site) -> None:
    assert httpx.get(f"{running.url}/healthz").json() == {"ok": True}
    running.desk.healthy = False
    try:
        answer = httpx.get(f"{running.url}/healthz")
        assert (answer.status_code, answer.json()) == (503, {"ok": False})
    finally:
        running.desk.healthy = True


def test_health_names_a_database_that_is_away_without_a_traceback_per_probe(
    running: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def health() -> dict[str, Any]:
        raise DatabaseAway

    monkeypatch.setattr(running.desk, "health", health)
    answer = httpx.get(f"{running.url}/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ok": False, "problems": ["database_away"]})
    assert not caplog.records


@pytest.mark.parametrize(("vital", "status"), [(True, 503), (False, 200)])
def test_health_names_a_background_thread_whose_beat_is_old(
    running: Site, monkeypatch: pytest.MonkeyPatch, vital: bool, status: int
) -> None:
    late = BackgroundThread("sandbox", lambda: None, every_seconds=1, vital=vital)
    monkeypatch.setattr(routes, "late_threads", lambda: [late])
    answer = httpx.get(f"{running.url}/healthz")
    assert (answer.status_code, answer.json()) == (status, {"ok": status == 200, "late": ["sandbox"]})


def test_with_logins_jobs_and_results_are_their_owners_alone(tmp_path: Path) -> None:
    with site(tmp_path, auth="anna:secret-1,ben:secret-2") as private:
        anna, ben, nobody = private.client(), private.client(), private.client()
        with anna, ben, nobody:
            for client, name, password in ((anna, "anna", "secret-1"), (ben, "ben", "secret-2")):
                login = client.post("/login", data={"username": name, "password": password})
                assert login.status_code == 200, login.text
                client.cookies = httpx.Cookies({k: v for k, v in login.cookies.items() if "unsecure" in k})
            assert call(anna, "who") == ["user_anna"]
            private.desk.add("annas", "user_anna", result=MP4, image=PNG)
            result = "/" + anna.get("/jobs/annas").json()["result"]["url"]
            assert anna.get(result).content == MP4
            assert [ben.get(path).status_code for path in ("/jobs/annas", result)] == [404, 404]
            assert ben.post("/jobs/annas/delete").status_code == 404
            assert nobody.get("/jobs/annas").status_code == 401
            assert nobody.get(result).status_code == 404
            assert nobody.post("/gradio_api/call/who", json={"data": []}).status_code == 401
            assert nobody.post("/gradio_api/upload", files={"files": b"x"}).status_code == 401
            assert nobody.get("/gradio_api/heartbeat/abc").status_code == 401
            assert nobody.post("/gradio_api/cancel", json={}).status_code == 401
            assert nobody.get("/gradio_api/info").status_code == 401
            assert '"auth_required":true,' in nobody.get("/").text and '"components":[],' in nobody.get("/").text
            assert nobody.get("/healthz").status_code == 200
            assert nobody.get(link(private, "image", "annas")).content == PNG
            assert nobody.post("/callbacks/evolink/annas/right").status_code == 204
            wrong = [nobody.post("/login", data={"username": "anna", "password": f"{n}"}) for n in range(12)]
            assert {answer.status_code for answer in wrong} == {400, 429}
            forged = {"Cookie": f"{next(iter(anna.cookies))}=guess"}
            assert nobody.get("/jobs/annas", headers=forged).status_code == 401
