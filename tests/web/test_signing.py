"""Tokens: only ours read, only in time, only for their purpose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolink_ui.web.signing import LINK_SECONDS, FileLinks, Signer

SECRET = b"a secret of the tests"


@given(st.binary(max_size=200))
def test_what_was_signed_reads_back(data: bytes) -> None:
    assert Signer(SECRET, "a").read(Signer(SECRET, "a").sign(data)) == data


@given(st.binary(min_size=1, max_size=40), st.data())
def test_a_token_with_any_character_changed_reads_as_nothing(data: bytes, draw: st.DataObject) -> None:
    token = Signer(SECRET, "a").sign(data)
    place = draw.draw(st.integers(0, len(token) - 1))
    other = draw.draw(st.sampled_from("ABCabc019-_.=+/ \n").filter(lambda char: char != token[place]))
    assert Signer(SECRET, "a").read(token[:place] + other + token[place + 1 :]) is None


@given(st.text(max_size=600))
def test_no_text_makes_it_stumble(token: str) -> None:
    assert Signer(SECRET, "a").read(token) is None
    assert FileLinks(SECRET).read(token) is None


def test_a_token_is_worth_nothing_for_another_purpose_or_secret() -> None:
    token = Signer(SECRET, "visitor").sign(b"v_1")
    assert Signer(SECRET, "file links").read(token) is None
    assert Signer(b"other", "visitor").read(token) is None


def test_a_link_lives_between_one_and_two_periods_and_stays_the_same_meanwhile() -> None:
    now = 10 * LINK_SECONDS + 100.0
    links = FileLinks(SECRET, clock=lambda: now)
    token = links.make("result", "job:with:colons", suffix=".mp4")
    read = links.read(token)
    assert read is not None and (read.kind, read.job_id) == ("result", "job:with:colons")
    now += 3600
    assert links.make("result", "job:with:colons", suffix=".mp4") == token
    now += LINK_SECONDS - 3600
    assert links.read(token) is not None
    now += LINK_SECONDS
    assert links.read(token) is None


def test_a_kind_that_is_not_known_reads_as_nothing() -> None:
    token = Signer(SECRET, "file links").sign(b"database:99999999999:job")
    assert FileLinks(SECRET).read(token) is None


@pytest.mark.parametrize("suffix", ["", ".mp4", ".jpg", ".tar.gz"])
def test_the_suffix_is_for_readers_only(suffix: str) -> None:
    links = FileLinks(SECRET)
    assert links.read(links.make("image", "j", suffix=suffix)) is not None
