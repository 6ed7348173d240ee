"""Every environment variable of the app, read and checked once, at start.

A wrong value ends the start with one line that names the variable, what is wrong and an example (`load_settings`).
Secrets are `SecretStr`: neither `repr` nor a traceback shows them.
"""

from __future__ import annotations

import os
import secrets
import sys
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field, PrivateAttr, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict
from sqlalchemy import make_url

from evolink_ui.crypto import Keyring
from evolink_ui.file_system import storage_of
from evolink_ui.setting_faults import PREFIX, first_fault, line, misspelt
from evolink_ui.setting_faults import SettingsError as SettingsError
from evolink_ui.setting_network import check_network_variables
from evolink_ui.setting_trials import make_folder, try_to_listen
from evolink_ui.setting_types import (
    Address,
    Amount,
    Count,
    DatabaseUrl,
    Key,
    Logins,
    LogLevel,
    Names,
    Networks,
    Port,
    Secret,
    StoreAddress,
    Token,
    login_pairs,
    secret_fault,
)

SPACE_STORAGE = Path("/data")  # where a Hugging Face Space mounts its persistent storage


class Settings(BaseSettings):
    """The app's settings. Times are in the unit that the name says; money is in EvoLink credits (68 are 1 USD)."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    api_key: Key = Field(None, validation_alias=AliasChoices("EVOLINK_API_KEY"))
    """The owner's EvoLink key. Without one the app runs on its own sandbox."""
    base_url: Address = Field("https://api.evolink.ai", validation_alias=AliasChoices("EVOLINK_BASE_URL"))
    """EvoLink's API host."""
    files_url: Address = Field("https://files-api.evolink.ai", validation_alias=AliasChoices("EVOLINK_FILES_URL"))
    """EvoLink's files host."""

    data_dir: Path = Field(default_factory=lambda: default_data_dir())
    """Folder for the database, inputs and results."""
    database_url: DatabaseUrl = Field("", repr=False)
    """SQLAlchemy URL of the ledger; empty means a SQLite file in `data_dir`."""
    public_url: Address = ""
    """The app's own address as the internet sees it (https); on a Space it is known."""
    secret: Secret = None
    """Signs cookies and links and seals visitors' keys, 32 characters or more; without one a file in `data_dir` is made
    at the first start."""
    secret_old: SecretStr | None = None
    """The `secret` before this one: what it signed and sealed is still read, until this is removed again."""

    hosting: Literal["auto", "evolink", "s3", "own"] = "auto"
    """Where pictures and videos are put so that EvoLink can fetch them."""
    s3_endpoint: StoreAddress = ""
    """Address of an S3-compatible store."""
    s3_region: str = "us-east-1"
    """Region that requests to the store are signed for."""
    s3_bucket: str = ""
    """Bucket of the store."""
    s3_access_key_id: str = ""
    """Access key id of the store."""
    s3_secret_access_key: SecretStr | None = None
    """Secret access key of the store."""
    s3_public_url: Address = ""
    """Address under which the bucket is public; without one, links are presigned."""
    clean_up_uploads: bool = False
    """Whether the copies of the inputs, at EvoLink or in the store, are deleted when a job ends."""

    auth: Logins = None
    """Logins `user:password,…`; without one, everybody who reaches the page may use it."""
    owner: Names = ()
    """Logins of the app's owner, who alone sees the balance of `api_key` and its other tasks. Without any, the owner is
    whoever opened the link that is printed at start."""
    sign_in: Literal["off", "optional", "required"] = "optional"
    """Whether visitors may, or must, sign in with the provider below; `auth` goes before it."""
    oauth_client_id: str = Field("", validation_alias=AliasChoices("OAUTH_CLIENT_ID"))
    """This app's client id at the provider; a Space with `hf_oauth: true` is given it."""
    oauth_client_secret: SecretStr | None = Field(None, validation_alias=AliasChoices("OAUTH_CLIENT_SECRET"))
    """This app's client secret at the provider; a Space is given it, too."""
    openid_provider_url: Address = Field("https://huggingface.co", validation_alias=AliasChoices("OPENID_PROVIDER_URL"))
    """The OpenID provider; `/.well-known/openid-configuration` below it names its end points."""
    allow_private_urls: bool = False
    """Lets loopback and private addresses through; for tests and development only."""
    trusted_proxies: Networks = ()
    """Networks whose X-Forwarded-For is believed."""
    max_active_jobs_per_visitor: Count = 3
    """Jobs of one visitor that are worked on at once; the rest wait in line."""
    max_active_jobs: Count = 200
    """Jobs of all visitors that are worked on at once."""
    daily_credits: Amount | None = None
    """What the owner's key may spend in one UTC day, in credits; none means no cap."""
    visitor_daily_credits: Amount | None = None
    """What one login, or where nobody logs in one address, may spend of that in one UTC day, in credits."""
    uploads_per_hour: Count = 120
    """Files that one visitor may upload in an hour."""
    requests_per_minute: Count = 600
    """Requests that one visitor may send in a minute."""

    log_format: Literal["text", "json"] = "text"
    """Lines of the log as text or as JSON."""
    log_level: LogLevel = "info"
    """The least severe level of our own records in the log."""
    metrics_token: Token = None
    """Bearer token with which `/metrics` is answered to other machines; without one, to this machine alone."""

    storage: Literal["durable", "late"] | None = None
    """Whether `data_dir` keeps what was written at once, or copies it away seconds later, as a Space's bucket does;
    none means as its file system tells. On late storage EvoLink is asked before an order that an earlier process left.
    """
    keep_days: Count = 30
    """Days after which a finished job's files are removed."""
    follow_minutes: Amount = 60.0
    """Minutes beyond the vendor's estimate for which a task is followed."""
    vendor_requests_per_second: Amount = 10.0
    """Looks at the vendor per second, all jobs together."""

    decode_rare_formats: bool | None = None
    """Whether files other than JPEG, PNG, MP4 and MOV are decoded, which mending them needs; none means only where this
    system isolates decoders (`evolink_ui.confine`)."""

    sandbox_renders: Count = 1
    """Videos that the sandbox renders at once, with about two processors and 300 MB each; the rest are pending."""

    server_name: str = Field("127.0.0.1", validation_alias=AliasChoices("GRADIO_SERVER_NAME"))
    """Address that the app listens at; 0.0.0.0 for every one of this machine's."""
    server_port: Port = Field(7860, validation_alias=AliasChoices("GRADIO_SERVER_PORT"))
    """Port that the app listens at."""

    @cached_property
    def has_late_storage(self) -> bool:
        """Whether what was written to the data folder may be lost again by a crash seconds later."""
        return (self.storage or storage_of(self.data_dir)) == "late"

    _reachable: bool | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _complete(self) -> Settings:
        missing = [name for name in ("s3_endpoint", "s3_bucket", "s3_access_key_id") if not getattr(self, name)]
        if self.hosting == "s3" and (missing or self.s3_secret_access_key is None):
            name = f"{PREFIX}{(missing or ['s3_secret_access_key'])[0].upper()}"
            raise SettingsError(line(name, f"is missing, and {PREFIX}HOSTING=s3 needs it"))
        if self.hosting == "own" and not self._https(self.own_addresses):
            raise SettingsError(line(f"{PREFIX}PUBLIC_URL", f"is missing, and {PREFIX}HOSTING=own needs it"))
        if self.sign_in == "required" and self.auth is None and not self.has_sign_in:
            needs = f"is missing, and {PREFIX}SIGN_IN=required needs it with OAUTH_CLIENT_SECRET"
            on_space = "A Space gets both from the line hf_oauth: true in its README.md"
            raise SettingsError(f"{line('OAUTH_CLIENT_ID', needs)}. {on_space}")
        known = {name for name, _ in self.users}
        if self.owner and not (known.issuperset(self.owner) if known else self.has_sign_in):
            strange = ", ".join(name for name in self.owner if name not in known)
            fault = f"names {strange}, who has no login in {PREFIX}AUTH"
            raise SettingsError(line(f"{PREFIX}OWNER", fault if known else f"needs logins ({PREFIX}AUTH) or a sign-in"))
        if self.max_active_jobs < self.max_active_jobs_per_visitor:
            fault = f"{self.max_active_jobs} is below {PREFIX}MAX_ACTIVE_JOBS_PER_VISITOR"
            fault = f"{fault}, which is {self.max_active_jobs_per_visitor}; lower that one, or raise this one"
            raise SettingsError(line(f"{PREFIX}MAX_ACTIVE_JOBS", fault, self.max_active_jobs_per_visitor))
        return self

    @property
    def secret_texts(self) -> list[str]:
        """Everything that must never be written to a log."""
        secrets = [value for name in type(self).model_fields if isinstance(value := getattr(self, name), SecretStr)]
        texts = [secret.get_secret_value() for secret in secrets]
        database = make_url(self.sqlalchemy_url).password
        return [
            *texts,
            *(password for _, password in self.users),
            self.secret_key.decode(errors="replace"),
            database or "",
        ]

    @property
    def has_s3(self) -> bool:
        """Whether an S3-compatible store is set up."""
        return bool(self.s3_endpoint and self.s3_bucket and self.s3_access_key_id and self.s3_secret_access_key)

    @property
    def mode(self) -> Literal["sandbox", "live"]:
        """Where orders without a visitor's key go."""
        return "live" if self.api_key else "sandbox"

    @property
    def on_space(self) -> bool:
        """Whether the app runs as a Hugging Face Space."""
        return bool(os.environ.get("SPACE_ID"))

    @property
    def has_sign_in(self) -> bool:
        """Whether visitors can sign in with an OpenID provider."""
        known = bool(self.oauth_client_id and self.oauth_client_secret)
        return known and self.sign_in != "off" and self.auth is None

    @property
    def is_private(self) -> bool:
        """Whether nobody gets in without a login or a sign-in, so that jobs and results are their owner's alone."""
        return self.auth is not None or (self.has_sign_in and self.sign_in == "required")

    @property
    def own_addresses(self) -> tuple[str, ...]:
        """The addresses at which browsers find this app, as far as they are known; the preferred one first."""
        # A Space with a domain of its own is told both names, separated by a comma.
        hosts = os.environ.get("SPACE_HOST", "").split(",") if self.on_space else []
        on_space = [f"https://{host.strip()}" for host in hosts if host.strip()]
        return tuple(address for address in (self.public_url, *on_space) if address)

    @property
    def public_address(self) -> str:
        """The app's own https address for EvoLink to come to, or an empty text where EvoLink can't.

        On a Space that is so only once `found_reachable` said so: a private Space answers nobody but its members.
        """
        if self._reachable is False or (self.on_space and not self.public_url and self._reachable is None):
            return ""
        return self._https(self.own_addresses)

    def found_reachable(self, reachable: bool) -> None:
        """Remember whether a stranger's request reaches the app at its own address."""
        self._reachable = reachable

    def _https(self, addresses: tuple[str, ...]) -> str:
        usable = (address for address in addresses if address.startswith("https://") or self.allow_private_urls)
        return next(usable, "")

    @property
    def sqlalchemy_url(self) -> str:
        """The ledger's URL with its driver: `sqlite:///…` or `postgresql+psycopg://…`."""
        if not self.database_url:
            return f"sqlite:///{(self.data_dir / 'evolink_ui.sqlite').absolute()}"
        return self.database_url.replace("postgresql://", "postgresql+psycopg://", 1)

    @property
    def on_postgres(self) -> bool:
        """Whether several processes share the jobs; on SQLite there is one."""
        return not self.sqlalchemy_url.startswith("sqlite")

    @property
    def storage_warning(self) -> str | None:
        """One line for the owner of a Space that forgets everything when it restarts, else None."""
        if not self.on_space or (self.data_dir.is_relative_to(SPACE_STORAGE) and SPACE_STORAGE.is_mount()):
            return None  # the image of a Docker Space has a folder /data also where nothing is mounted
        return (
            "This Space has no storage mounted at /data: finished videos and unfinished jobs are forgotten when it "
            "restarts. Add storage in the Space's settings."
        )

    @property
    def users(self) -> list[tuple[str, str]]:
        """The logins of `AUTH` as (name, password) pairs; empty for an open instance."""
        return login_pairs(self.auth) if self.auth else []

    @cached_property
    def keyring(self) -> Keyring:
        """What keys are derived from: `secret_key`, and `SECRET_OLD` for reading."""
        return Keyring(self.secret_key, [self.secret_old.get_secret_value().encode()] if self.secret_old else [])

    @property
    def secret_warning(self) -> str | None:
        """One line for the owner who still accepts what a guessable secret signed, else None."""
        if self.secret_old is None or secret_fault(self.secret_old.get_secret_value()) is None:
            return None
        return (
            "EVOLINK_UI_SECRET_OLD can be guessed: whoever does can pose as a visitor. Remove it once your visitors "
            "have opened the page again; their cookies are renewed by that."
        )

    @cached_property
    def secret_key(self) -> bytes:
        """Secret bytes: `SECRET`, or else the file `secret` in the data folder, made with mode 0600 when missing."""
        if self.secret:
            return self.secret.get_secret_value().encode()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        path = self.data_dir / "secret"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            kept = path.read_bytes()
            if secret_fault(kept.decode(errors="replace")):
                fault = "the secret in this file is cut off. Restore it from a backup, or delete the file"
                raise SettingsError(f"{path}: {fault}.") from None
            return kept
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(32).encode())
        return path.read_bytes()


def default_data_dir() -> Path:
    """`/data/evolink_ui` where a Space has storage mounted, else `data` in the current folder."""
    if os.environ.get("SPACE_ID") and os.access(SPACE_STORAGE, os.W_OK):
        return SPACE_STORAGE / "evolink_ui"
    return Path("data")


def load_settings(**overrides: Any) -> Settings:
    """Read the environment and `.env`.

    Raises:
        SettingsError: with one line for the first wrong variable; the value of a secret is never in it.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(first_fault(error, Settings.model_fields)) from None
    except UnicodeDecodeError:  # what PowerShell writes with >, for one
        raise SettingsError("The file .env is not text in UTF-8: save it again as UTF-8.") from None


def settings_or_exit() -> Settings:
    """`load_settings` for a start, with a data folder to write to and an address to listen at.

    Proxy and certificate variables are checked, too: importing Gradio ends with a traceback where one is wrong.
    What is wrong is one line on stderr and exit code 2; what does nothing is only pointed out there.
    """
    try:
        settings = load_settings()
        check_network_variables()
        make_folder(settings.data_dir)
        _ = settings.keyring
        try_to_listen(settings.server_name, settings.server_port)
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201  there is no log yet, and the person looks at the terminal
        raise SystemExit(2) from None
    given = [*os.environ, *DotEnvSettingsSource(Settings).env_vars]
    for warning in misspelt(given, Settings.model_fields):
        print(warning, file=sys.stderr)  # noqa: T201  the same
    return settings
