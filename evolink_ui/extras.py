"""Optional dependencies: which extra brings which module, and the one line for where it is missing.

The SDK (`evolink_ui.evolink`) needs httpx and pydantic only. Everything else comes with an extra of `pyproject.toml`.
"""

from importlib.util import find_spec
from typing import Final, Literal

Extra = Literal["app", "sandbox", "s3", "postgres", "cli"]

MODULES: Final[dict[Extra, tuple[str, ...]]] = {
    "app": (
        "alembic",
        "av",
        "cryptography",
        "dbos",
        "fastapi",
        "filelock",
        "gradio",
        "imageio_ffmpeg",
        "joserfc",
        "moviepy",
        "numpy",
        "PIL",
        "pillow_heif",
        "prometheus_client",
        "pydantic_settings",
        "python_multipart",
        "sqlalchemy",
        "starlette",
        "uvicorn",
    ),
    "sandbox": ("av", "cv2", "imageio_ffmpeg", "numpy", "PIL", "python_multipart", "starlette", "uvicorn"),
    "s3": ("obstore",),
    "postgres": ("psycopg",),
    "cli": ("typer",),
}
"""The modules that our code imports, by the extra that installs them. onnxruntime is not among them: the renderer has
a fallback, because no wheel exists for Intel Macs."""


class MissingExtra(ImportError):
    """An optional dependency is not installed; the text is one line that names the command to install it."""


def installed(extra: Extra) -> bool:
    """Whether an extra is there, without importing anything."""
    return all(find_spec(name) is not None for name in MODULES[extra])


def require(extra: Extra) -> None:
    """Check that an extra is installed, without importing anything.

    Raises:
        MissingExtra: at least one of its modules can't be found.
    """
    missing = next((name for name in MODULES[extra] if find_spec(name) is None), None)
    if missing is not None:
        raise MissingExtra(f"{missing} is not installed. Run: pip install 'evolink-ui[{extra}]'", name=missing)
