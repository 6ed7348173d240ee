"""Upload the last commit to a Hugging Face Space: `make space SPACE=name/space [SDK=docker] [DRY_RUN=1]`.

What goes up is what `git archive HEAD` gives, so never .env, data or anything else that is not committed. The Hub
refuses raw binaries in a pushed history, so `hf upload` (huggingface_hub) sends the files instead of `git push`.
Log in first: `.venv/bin/hf auth login`, or set HF_TOKEN.
"""

from __future__ import annotations

import argparse
import io
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PORT = 7860
"""That the image listens on (Dockerfile)."""
THUMBNAIL = "docs/screenshots/running-light.png"
UPLOAD_SECONDS = 1800.0


class Refused(Exception):
    """Nothing was uploaded; the text is one line that says why."""


def stage(repository: Path, folder: Path, space: str, sdk: str) -> str:
    """Put the files of the last commit into `folder`, with the front matter of `sdk`; gives the commit's short id.

    Raises:
        Refused: there are changes that aren't committed.
    """
    if _git(repository, "status", "--porcelain"):
        raise Refused("There are changes that aren't committed; nothing was uploaded. Commit or stash them first.")
    archive = _git_bytes(repository, "archive", "--format=tar", "HEAD")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    readme = folder / "README.md"
    readme.write_text(front_matter(readme.read_text(), space, sdk))
    return _git(repository, "rev-parse", "--short", "HEAD")


def front_matter(readme: str, space: str, sdk: str) -> str:
    """The README with the first lines that a Space of this SDK needs, and the address of its thumbnail."""
    _, head, body = readme.split("---\n", 2)
    lines = [line for line in head.splitlines() if not line.startswith("thumbnail:")]
    if sdk == "docker":
        lines = [line for line in lines if not re.match("(sdk_version|python_version|app_file):", line)]
        lines = [f"sdk: docker\napp_port: {PORT}" if line.startswith("sdk:") else line for line in lines]
    lines.append(f"thumbnail: https://huggingface.co/spaces/{space}/resolve/main/{THUMBNAIL}")
    return "\n".join(["---", *lines, "---", body])


def commands(folder: Path, space: str, sdk: str, commit: str) -> list[list[str]]:
    """What is run: the Space is made if it doesn't exist, then becomes exactly the commit."""
    hf = str(Path(sys.executable).with_name("hf"))
    return [
        [hf, "repos", "create", space, "--type", "space", "--sdk", sdk, "--exist-ok"],
        [
            hf,
            "upload",
            space,
            str(folder),
            ".",
            "--type",
            "space",
            "--delete",
            "*",
            "--commit-message",
            f"Deploy {commit}",
        ],
    ]


def main(arguments: list[str] | None = None, repository: Path = ROOT) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("space", type=_space_name, help="name/space at huggingface.co")
    parser.add_argument("--sdk", choices=("gradio", "docker"), default="gradio", help="docker: the locked packages")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be uploaded")
    chosen = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="evolink-ui-space-") as temporary:
            folder = Path(temporary)
            commit = stage(repository, folder, chosen.space, chosen.sdk)
            _say(folder, commit, chosen.space)
            for command in commands(folder, chosen.space, chosen.sdk, commit):
                if chosen.dry_run:
                    print("would run: hf", *command[1:])
                else:
                    subprocess.run(command, check=True, timeout=UPLOAD_SECONDS)
    except Refused as refused:
        sys.exit(str(refused))
    except subprocess.CalledProcessError as failed:
        sys.exit(f"`hf {failed.cmd[1]}` failed; its own words are above. Log in with `hf auth login` if it says so.")
    if not chosen.dry_run:
        print(f"https://huggingface.co/spaces/{chosen.space} builds now. Storage and secrets: docs/spaces.md")


def _say(folder: Path, commit: str, space: str) -> None:
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    megabytes = sum((folder / name).stat().st_size for name in files) / 1e6
    print(f"{space}: {len(files)} files of commit {commit}, {megabytes:.1f} MB")


def _space_name(text: str) -> str:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", text):
        raise argparse.ArgumentTypeError("a Space is named like name/space")
    return text


def _git(repository: Path, *arguments: str) -> str:
    return _git_bytes(repository, *arguments).decode().strip()


def _git_bytes(repository: Path, *arguments: str) -> bytes:
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


if __name__ == "__main__":
    main()
