"""Bodies by what they hold: measured before anything is built from them, in time that grows with their size alone."""

import json
import time
from typing import Any

import pytest

from evolink_ui.net import Refused
from evolink_ui.web.doors import CALL_MAX_BYTES
from evolink_ui.web.json_body import DEPTH_MAX, NODES_MAX, read_json


def code_of(body: bytes) -> str:
    with pytest.raises(Refused) as caught:
        read_json(body)
    return caught.value.code


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        1.5,
        "x",
        [],
        {},
        {"data": [None, "a, [b] {c}", {"path": "x", "meta": {"k": [1, 2]}}]},
        "\u00e4\U0001f600",
    ],
)
def test_what_json_can_say_is_read(value: Any) -> None:
    assert read_json(json.dumps(value).encode()) == value
    assert read_json(json.dumps(value, ensure_ascii=False, indent=2).encode()) == value


def test_the_limits_are_where_they_are_said_to_be() -> None:
    assert len(read_json(b"[" + b"1," * (NODES_MAX - 3) + b"1]")) == NODES_MAX - 2
    assert code_of(b"[" + b"1," * NODES_MAX + b"1]") == "too_many_values"
    assert code_of(b"{" + b",".join(b'"%d":0' % n for n in range(NODES_MAX)) + b"}") == "too_many_values"
    assert read_json(b"[" * DEPTH_MAX + b"]" * DEPTH_MAX)
    assert code_of(b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1)) == "too_deep"


def test_brackets_inside_a_text_are_not_values() -> None:
    text = '[{,"\\' * 3000
    assert read_json(json.dumps([text]).encode()) == [text]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"]",
        b'"a',
        b'"a\\',
        b"[1] [2]",
        b"[NaN]",
        b"[Infinity]",
        b"[1e999]",
        b"\xef\xbb\xbf[]",
        b"[" + b"9" * 5000 + b"]",
        b'["a\nb"]',
        b'{"a": 1, "a": 2}',
    ],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    assert code_of(body) == "not_json"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-32-be"])
def test_no_other_encoding_hides_brackets_from_the_scan(encoding: str) -> None:
    hidden = ("[" * 50 + "]" * 50).encode(encoding)
    assert code_of(hidden) in ("not_json", "too_deep")
    wide = json.dumps(["\u2200"] * 1500, ensure_ascii=False).encode(encoding)  # its bytes hold quotes in UTF-16
    assert code_of(wide) == "not_json"


HEAVY = {
    "empty lists": b"[" + b"[]," * 400_000 + b"[]]",
    "deep": b"[" * 1_000_000,
    "closing": b"]" * 1_000_000,
    "commas": b"," * 1_000_000,
    "empty texts": b'""' * 500_000,
    "escaped quotes without an end": b'"' + b'\\"' * 500_000,
    "backslashes": b'"' + b"\\" * 1_000_001,
    "one text": b'"' + b"x" * 1_000_000,
    "quotes apart": b'" ' * 500_000,
    "digits": b"1" * 1_000_000,
}


@pytest.mark.parametrize("kind", list(HEAVY))
def test_a_megabyte_of_anything_is_judged_in_milliseconds(kind: str) -> None:
    """Calls are cut at 64 KB before; what is linear for 1 MB has no case that explodes."""
    took = []
    for _ in range(3):
        started = time.process_time()
        code_of(HEAVY[kind])
        took.append(time.process_time() - started)
    assert min(took) < 0.1
    assert CALL_MAX_BYTES == 64 * 1024
