"""The client alone is light: no Gradio, none of the rest of the app."""

import subprocess
import sys

import pytest

from benchmarks.import_cost import CLIENT, FLOOR, best_seconds


def test_the_client_imports_nothing_of_the_app_and_no_gradio() -> None:
    code = (
        "import sys, evolink_ui.evolink; "
        "print([m for m in sys.modules if m.split('.')[0] in ('gradio', 'fastapi', 'numpy', 'PIL', 'dbos') "
        "or (m.startswith('evolink_ui.') and not m.startswith('evolink_ui.evolink') "
        "and m not in ('evolink_ui.order', 'evolink_ui.catalog', 'evolink_ui.executors'))])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_importing_the_client_costs_less_than_two_and_a_half_times_httpx() -> None:
    floor, client = best_seconds([FLOOR, CLIENT], runs=7)
    assert client < 2.5 * floor


def test_the_clients_signature_is_typed_for_users() -> None:
    from importlib.resources import files

    assert files("evolink_ui").joinpath("py.typed").is_file()


def test_every_public_name_is_there_and_explained() -> None:
    import evolink_ui.evolink as package

    for name in package.__all__:
        assert getattr(package, name).__doc__, name


@pytest.mark.parametrize(
    "name",
    ["create", "get", "follow", "upload", "delete_file", "quota", "credits", "download", "list_tasks", "get_many"],
)
def test_every_deed_of_the_client_says_what_it_raises(name: str) -> None:
    from evolink_ui.evolink import EvoLink

    assert "aises" in (getattr(EvoLink, name).__doc__ or "")
