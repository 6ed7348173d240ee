"""Settings: read once, checked at start, secrets never shown."""

import re
import socket
import stat
from pathlib import Path

import pytest
from pydantic import AliasChoices

from evolink_ui.setting_faults import EXAMPLES, misspelt, variable_of
from evolink_ui.setting_trials import try_to_listen
from evolink_ui.settings import Settings, SettingsError, load_settings, settings_or_exit

GOOD_SECRET = "Zk3-vQp8_uTnR1yWc6hJs0BdLxAe9FgMi2o4KbVt5Xw"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (
        "EVOLINK_API_KEY",
        "GRADIO_SERVER_NAME",
        "GRADIO_SERVER_PORT",
        "SPACE_ID",
        "SPACE_HOST",
        "OAUTH_CLIENT_ID",
        "OAUTH_CLIENT_SECRET",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("EVOLINK_API_KEY", "sk 1234", "no key has"),
        ("EVOLINK_BASE_URL", "ftp://api.evolink.ai", "not an http(s) address"),
        ("EVOLINK_BASE_URL", "http://api.evolink.ai", "https://"),
        ("EVOLINK_FILES_URL", "https://user@files.example.com", "plain address"),
        ("EVOLINK_UI_HOSTING", "ftp", "'evolink', 's3' or 'own'"),
        ("EVOLINK_UI_KEEP_DAYS", "a month", "integer"),
        ("EVOLINK_UI_KEEP_DAYS", "0", "greater than or equal to 1"),
        ("EVOLINK_UI_DAILY_CREDITS", "-5", "greater than 0"),
        ("EVOLINK_UI_AUTH", "anna", "user:password"),
        ("EVOLINK_UI_TRUSTED_PROXIES", "everyone", "networks"),
        ("EVOLINK_UI_DATABASE_URL", "mysql://localhost/x", "postgresql://"),
        ("EVOLINK_UI_PUBLIC_URL", "videos.example.com", "not an http(s) address"),
        ("EVOLINK_UI_CLEAN_UP_UPLOADS", "perhaps", "boolean"),
        ("EVOLINK_UI_SIGN_IN", "perhaps", "'optional'"),
        ("OPENID_PROVIDER_URL", "huggingface.co", "not an http(s) address"),
        ("EVOLINK_API_KEY", "'sk-1234'", "quotes"),
        ("EVOLINK_BASE_URL", "https://api evolink.ai", "not an http(s) address"),
        ("EVOLINK_BASE_URL", "https://api.evolink.ai:99999", "port"),
        ("EVOLINK_UI_DATABASE_URL", "postgresql://me:pw@host:port/x", "not an address of a database"),
        ("EVOLINK_UI_DAILY_CREDITS", "inf", "finite"),
        ("EVOLINK_UI_AUTH", "anna:one,anna:two", "twice"),
        ("GRADIO_SERVER_PORT", "abc", "integer"),
        ("GRADIO_SERVER_PORT", "70000", "must be less than or equal to 65535"),
        ("EVOLINK_UI_STORAGE", "maybe", "must be 'durable' or 'late'"),
        ("EVOLINK_UI_LOG_LEVEL", "loud", "'debug'"),
        ("EVOLINK_UI_METRICS_TOKEN", "short", "shorter than 32"),
        ("EVOLINK_UI_DECODE_RARE_FORMATS", "perhaps", "must be a valid boolean"),
    ],
)
def test_a_wrong_value_is_one_line_with_the_name_the_fault_and_an_example(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    line = str(caught.value)
    assert line.startswith(f"{name}: ")
    assert says in line
    assert f"Example: {name}=" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("field", "variable"), [(name, variable_of(name, f)) for name, f in Settings.model_fields.items()]
)
def test_the_example_of_every_variable_can_be_used(monkeypatch: pytest.MonkeyPatch, field: str, variable: str) -> None:
    default = Settings.model_fields[field].default
    example = EXAMPLES.get(variable, str(default).lower() if isinstance(default, bool) else str(default))
    if "…" in example or example.startswith("("):
        return  # stands for a secret of one's own
    assert example not in ("", "None", "()", "PydanticUndefined"), f"{variable} has no example"
    monkeypatch.setenv("EVOLINK_UI_AUTH", "anna:long-password")  # the owner's login
    monkeypatch.setenv(variable, example)
    load_settings()


def test_a_limit_for_all_below_the_limit_of_one_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLINK_UI_MAX_ACTIVE_JOBS", "2")
    says = (
        r"^EVOLINK_UI_MAX_ACTIVE_JOBS: 2 is below .*_PER_VISITOR, which is 3;.*Example: EVOLINK_UI_MAX_ACTIVE_JOBS=3$"
    )
    with pytest.raises(SettingsError, match=says):
        load_settings()
    monkeypatch.setenv("EVOLINK_UI_MAX_ACTIVE_JOBS_PER_VISITOR", "2")
    assert load_settings().max_active_jobs == 2


def test_a_wrong_secret_is_not_repeated_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLINK_API_KEY", "sk-marked secret")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "marked" not in str(caught.value)


def test_the_start_ends_with_that_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("EVOLINK_UI_KEEP_DAYS", "soon")
    with pytest.raises(SystemExit) as caught:
        settings_or_exit()
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("missing", "set_to"),
    [("S3_ENDPOINT", "s3"), ("PUBLIC_URL", "own")],
)
def test_hosting_that_lacks_a_part_names_the_part(monkeypatch: pytest.MonkeyPatch, missing: str, set_to: str) -> None:
    monkeypatch.setenv("EVOLINK_UI_HOSTING", set_to)
    with pytest.raises(SettingsError, match=f"^EVOLINK_UI_{missing}: is missing.*Example: EVOLINK_UI_{missing}=https:"):
        load_settings()


def test_a_data_folder_that_cannot_be_made_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("EVOLINK_UI_DATA_DIR", str(tmp_path / "file" / "data"))
    with pytest.raises(SystemExit) as caught:
        settings_or_exit()
    assert caught.value.code == 2
    line = capsys.readouterr().err
    assert line.startswith("EVOLINK_UI_DATA_DIR: ") and line.endswith("Example: EVOLINK_UI_DATA_DIR=data\n")
    assert line.count("\n") == 1


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_port_that_is_taken_is_one_line_before_anything_starts(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"^GRADIO_SERVER_PORT: {port} is taken .*GRADIO_SERVER_PORT=7861$"):
            try_to_listen(name, port)
    try_to_listen(name, port)  # and free again


def test_an_address_that_is_not_this_machines_is_one_line() -> None:
    with pytest.raises(SettingsError, match=r"^GRADIO_SERVER_NAME: 192\.0\.2\.1 is no address of this machine"):
        try_to_listen("192.0.2.1", 7860)


def test_a_misspelt_variable_is_pointed_out_wherever_it_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".env").write_text("EVOLINK_UI_DAILY_CREDIT=500\nEVOLINK_UI_KEEP_DAYS=7\nUNRELATED=1\n")
    monkeypatch.setenv("EVOLINK_UI_WEATHER", "fine")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        monkeypatch.setenv("GRADIO_SERVER_PORT", str(probe.getsockname()[1]))
    settings_or_exit()
    assert capsys.readouterr().err.splitlines() == [
        "EVOLINK_UI_DAILY_CREDIT is no setting of this app and does nothing. Did you mean EVOLINK_UI_DAILY_CREDITS?",
        "EVOLINK_UI_WEATHER is no setting of this app and does nothing.",
    ]


def test_a_variable_that_is_read_is_never_said_to_do_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    monkeypatch.setenv("EVOLINK_UI_SERVER_PORT", str(port))
    monkeypatch.setenv("EVOLINK_UI_API_KEY", "sk-1234")
    settings = settings_or_exit()
    assert (settings.mode, settings.server_port) == ("live", port)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("meant", ["EVOLINK_API_KEY", "GRADIO_SERVER_PORT"])
def test_a_name_that_is_not_ours_but_has_our_prefix_is_set_right(meant: str) -> None:
    assert misspelt([f"EVOLINK_UI_{meant}"], Settings.model_fields) == [
        f"EVOLINK_UI_{meant} is no setting of this app and does nothing. Did you mean {meant}?"
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_dotenv_file_that_is_not_utf_8_is_one_line_too(tmp_path: Path, encoding: str) -> None:
    (tmp_path / ".env").write_text("# Schl\u00fcssel\nEVOLINK_API_KEY=sk-marked\n", encoding)
    with pytest.raises(SettingsError, match=r"^The file \.env is not .* UTF-8\.$"):
        load_settings()


def test_host_and_port_may_stand_in_the_dotenv_file_like_everything_else(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GRADIO_SERVER_PORT=8001\nGRADIO_SERVER_NAME=0.0.0.0\n")
    settings = load_settings()
    assert (settings.server_name, settings.server_port) == ("0.0.0.0", 8001)


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLINK_API_KEY", "sk-marked")
    monkeypatch.setenv("EVOLINK_UI_SECRET", "sesame-marked-0123456789abcdefghij")
    monkeypatch.setenv("EVOLINK_UI_SECRET_OLD", "old-marked")
    monkeypatch.setenv("EVOLINK_UI_AUTH", "anna:pw-marked")
    monkeypatch.setenv("EVOLINK_UI_DATABASE_URL", "postgresql://me:pg-marked@localhost/x")
    settings = load_settings()
    assert "marked" not in repr(settings)
    assert "marked" not in str(settings)
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == "sk-marked"
    assert settings.users == [("anna", "pw-marked")]


def test_without_a_key_orders_go_to_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLINK_API_KEY", "  ")
    assert load_settings().mode == "sandbox"
    monkeypatch.setenv("EVOLINK_API_KEY", "sk-1")
    assert load_settings().mode == "live"


def test_a_dotenv_file_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("EVOLINK_UI_KEEP_DAYS=7\nEVOLINK_API_KEY=\n")
    settings = load_settings()
    assert settings.keep_days == 7
    assert settings.api_key is None


def test_the_secret_file_is_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    first = load_settings(data_dir=tmp_path / "d")
    assert len(first.secret_key) >= 32
    assert stat.S_IMODE((tmp_path / "d" / "secret").stat().st_mode) == 0o600
    assert load_settings(data_dir=tmp_path / "d").secret_key == first.secret_key


def test_a_given_secret_needs_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EVOLINK_UI_SECRET", GOOD_SECRET)
    assert load_settings(data_dir=tmp_path / "none").secret_key == GOOD_SECRET.encode()
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "weak",
    [
        "x",
        "changeme",
        "0123456789012345678901234567890",
        "s" * 40,
        "please-change-me-0123456789-abcdefghij",
        "   x   " * 6,
    ],
)
def test_a_secret_that_can_be_guessed_is_refused_with_the_command_that_makes_one(
    monkeypatch: pytest.MonkeyPatch, weak: str
) -> None:
    monkeypatch.setenv("EVOLINK_UI_SECRET", weak)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    told = str(refused.value)
    assert told.startswith("EVOLINK_UI_SECRET: ")
    assert "can be guessed" in told
    assert 'python -c "import secrets; print(secrets.token_urlsafe(32))"' in told
    assert "EVOLINK_UI_SECRET_OLD" in told
    assert "\n" not in told
    assert len(weak) < 5 or weak not in told


def test_the_secret_before_may_be_a_weak_one_which_the_owner_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLINK_UI_SECRET", GOOD_SECRET)
    assert load_settings().secret_warning is None
    monkeypatch.setenv("EVOLINK_UI_SECRET_OLD", "x")
    assert "Remove it once" in (load_settings().secret_warning or "")
    monkeypatch.setenv("EVOLINK_UI_SECRET_OLD", GOOD_SECRET[::-1])
    assert load_settings().secret_warning is None


def test_a_secret_file_that_was_cut_off_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"")
    with pytest.raises(SettingsError, match="cut off"):
        _ = load_settings(data_dir=tmp_path).keyring


def test_proxies_and_the_database_url_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLINK_UI_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1")
    monkeypatch.setenv("EVOLINK_UI_DATABASE_URL", "postgresql://u:p@localhost/x")
    settings = load_settings()
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "192.0.2.1/32"]
    assert settings.sqlalchemy_url == "postgresql+psycopg://u:p@localhost/x"


def test_a_store_may_stand_on_a_private_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLINK_UI_S3_ENDPOINT", "http://store:9000")
    assert load_settings().s3_endpoint == "http://store:9000"


def test_a_space_knows_its_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().public_address == ""
    monkeypatch.setenv("SPACE_ID", "me/motion")
    monkeypatch.setenv("SPACE_HOST", "me-motion.hf.space")
    assert load_settings().own_addresses == ("https://me-motion.hf.space",)
    assert load_settings().on_space
    assert "forgotten" in (load_settings().storage_warning or "")


def test_a_space_without_a_mount_is_said_to_forget(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPACE_ID", "me/motion")
    monkeypatch.setattr("evolink_ui.settings.SPACE_STORAGE", Path("/proc"))  # a mount wherever there is a Linux
    assert load_settings(data_dir=Path("/proc/evolink_ui")).storage_warning is None
    monkeypatch.setattr("evolink_ui.settings.SPACE_STORAGE", tmp_path)
    assert "forgotten" in (load_settings(data_dir=tmp_path).storage_warning or "")


def test_a_space_counts_as_reachable_only_once_it_was_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "me/motion")
    monkeypatch.setenv("SPACE_HOST", "me-motion.hf.space,motion.example.com")
    settings = load_settings()
    assert settings.own_addresses == ("https://me-motion.hf.space", "https://motion.example.com")
    assert settings.public_address == ""
    settings.found_reachable(True)
    assert settings.public_address == "https://me-motion.hf.space"
    settings.found_reachable(False)
    assert settings.public_address == ""


def test_signing_in_needs_a_provider_and_leaves_room_for_logins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not load_settings().has_sign_in
    with pytest.raises(SettingsError, match="hf_oauth: true"):
        load_settings(sign_in="required")
    monkeypatch.setenv("OAUTH_CLIENT_ID", "client-1")
    monkeypatch.setenv("OAUTH_CLIENT_SECRET", "marked")
    assert load_settings().has_sign_in and not load_settings().is_private
    assert "marked" not in repr(load_settings())
    assert load_settings(sign_in="required").is_private
    assert not load_settings(sign_in="off").has_sign_in
    with_logins = load_settings(auth="anna:secret-1", sign_in="required")
    assert with_logins.is_private and not with_logins.has_sign_in


def test_every_variable_stands_in_the_example_file_with_its_default() -> None:
    text = (Path(__file__).parent.parent / ".env.example").read_text()
    listed = dict(line.lstrip("# ").split("=", 1) for line in text.splitlines() if re.match(r"# [A-Z0-9_]+=", line))
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        variable = alias.choices[0] if isinstance(alias, AliasChoices) else f"EVOLINK_UI_{name.upper()}"
        assert variable in listed, variable
        if isinstance(field.default, int | float) and not isinstance(field.default, bool):
            assert float(listed[str(variable)]) == field.default
