"""Words: every sentence of the page comes from `ui/text.py`, and nothing there is dead."""

import re
import string

import pytest

from evolink_ui.ui.parts import FOLDER, asset
from evolink_ui.ui.text import ENGLISH, LANGUAGES, say, words
from evolink_ui.ui.words_owner import OWNER

TABLES = ("text", "words_")
OWNERS = "owner.js"
"""The script of the owner's page, which has words of its own."""
COMMENT = re.compile(r"^\s*//.*$|\s// .*$", re.MULTILINE)
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.js"))
CALL = re.compile(r"""\bt\(\s*(?:"([\w.]+)"|`([\w.]*)\$\{)""")
BARE = re.compile(r'"([a-z_]+(?:\.[a-z0-9_]+)+)"')


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_code_that_a_script_speaks_has_words(script: str) -> None:
    table = OWNER if script == OWNERS else ENGLISH
    for whole, prefix in CALL.findall(code_of(script)):
        if whole:
            assert whole in table, f"{script}: {whole}"
        elif prefix:
            assert any(code.startswith(prefix) for code in table), f"{script}: {prefix}…"


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_hold_no_sentences_of_their_own(script: str) -> None:
    sentences = re.findall(r'"([A-Z][a-z]+ [a-z]+ [^"]*)"', code_of(script))
    assert sentences == []


def test_no_sentence_is_dead() -> None:
    spoken = "\n".join(code_of(script) for script in SCRIPTS if script != OWNERS)
    python = "\n".join(path.read_text() for path in FOLDER.glob("*.py") if not path.name.startswith(TABLES))
    prefixes = {prefix for _, prefix in CALL.findall(spoken) if prefix}
    prefixes |= set(re.findall(r"`([a-z_.]+\.)\$\{", spoken)) | {"error.", "next.", "problem.", "head.", "task."}
    named = set(BARE.findall(spoken)) | set(BARE.findall(python))
    dead = [code for code in ENGLISH if code not in named and not code.startswith(tuple(prefixes))]
    assert dead == []


def test_no_sentence_of_the_owners_page_is_dead() -> None:
    spoken = code_of(OWNERS) + (FOLDER / "owner_page.py").read_text()
    prefixes = tuple(prefix for _, prefix in CALL.findall(spoken) if prefix)
    dead = [code for code in OWNER if f'"{code}"' not in spoken and not code.startswith(prefixes)]
    assert dead == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_holes(language: str) -> None:
    for code, text in LANGUAGES[language].items():
        assert _holes(text) == _holes(ENGLISH[code]), code


def test_an_error_always_comes_with_its_next_step() -> None:
    for code in ENGLISH:
        if code.startswith("error.") and code != "error.stopped_before_order":
            assert f"next.{code.removeprefix('error.')}" in ENGLISH


def test_gaps_of_a_language_are_english() -> None:
    assert words("xx") == words("en") == ENGLISH
    assert say("videos.empty") == "No videos yet"


def code_of(script: str) -> str:
    """A script without its comments."""
    return COMMENT.sub("", asset(script))


def _holes(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
