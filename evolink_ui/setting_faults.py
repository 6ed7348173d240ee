"""What is said of a variable that can't be used: its name, the fault and an example, in one line."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from pydantic import AliasChoices, ValidationError
from pydantic.fields import FieldInfo

PREFIX = "EVOLINK_UI_"

# What a correct line looks like, for the one-line error. Variables that are not named here show their default.
EXAMPLES = {
    "EVOLINK_API_KEY": "sk-…",
    "EVOLINK_UI_DATA_DIR": "data",
    "EVOLINK_UI_DATABASE_URL": "postgresql://user:password@localhost/evolink",
    "EVOLINK_UI_PUBLIC_URL": "https://videos.example.com",
    "EVOLINK_UI_AUTH": "anna:long-password,ben:another-one",
    "EVOLINK_UI_OWNER": "anna",
    "EVOLINK_UI_DAILY_CREDITS": "500",
    "EVOLINK_UI_VISITOR_DAILY_CREDITS": "100",
    "EVOLINK_UI_TRUSTED_PROXIES": "10.0.0.0/8",
    "EVOLINK_UI_S3_ENDPOINT": "https://s3.example.com",
    "EVOLINK_UI_S3_BUCKET": "videos",
    "EVOLINK_UI_S3_ACCESS_KEY_ID": "AKIA…",
    "EVOLINK_UI_S3_SECRET_ACCESS_KEY": "…",
    "EVOLINK_UI_S3_PUBLIC_URL": "https://cdn.example.com/bucket",
    "EVOLINK_UI_SECRET": "(43 random characters)",
    "EVOLINK_UI_SECRET_OLD": "(the secret before this one)",
    "EVOLINK_UI_METRICS_TOKEN": "(43 random characters)",
    "EVOLINK_UI_STORAGE": "durable",
    "EVOLINK_UI_DECODE_RARE_FORMATS": "true",
    "OAUTH_CLIENT_ID": "…",
    "OAUTH_CLIENT_SECRET": "…",
    "GRADIO_SERVER_PORT": "7861",
}


class SettingsError(Exception):
    """A variable has a value that cannot be used; the text is one line for the person who starts the app."""


def line(name: str, fault: str, example: object = None) -> str:
    """One line about a variable. example: a value that would do, where `EXAMPLES` has none."""
    return f"{name}: {fault}. Example: {name}={EXAMPLES.get(name, example)}"


def first_fault(error: ValidationError, fields: Mapping[str, FieldInfo]) -> str:
    """One line for the first wrong variable; `fields` are those of the settings, by name."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = str(fault["loc"][0]) if fault["loc"] else ""
    message = (
        fault["msg"].removeprefix("Value error, ").replace("Input should be", "must be", 1).split(", unable to")[0]
    )
    for name, field in fields.items():
        variable = variable_of(name, field)
        if where in (name, variable):
            default = str(field.default).lower() if isinstance(field.default, bool) else field.default
            return line(variable, f"{message[:1].lower()}{message[1:]}", default)
    return message


def variable_of(name: str, field: FieldInfo) -> str:
    """The environment variable of a setting."""
    alias = field.validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else PREFIX + name.upper()


def misspelt(given: Iterable[str], fields: Mapping[str, FieldInfo]) -> list[str]:
    """One line for each given variable that looks like one of ours and is none: it would silently do nothing."""
    variables = {name.upper(): variable_of(name, field) for name, field in fields.items()}
    read = {PREFIX + name for name in variables}  # those with a name of their own (EVOLINK_API_KEY) are read so, too
    likely = variables | {variable.removeprefix(PREFIX): variable for variable in variables.values()}
    strange = sorted({name.upper() for name in given if name.upper().startswith(PREFIX)} - read)
    near = ((name, get_close_matches(name.removeprefix(PREFIX), likely, n=1)) for name in strange)
    return [
        f"{name} is no setting of this app and does nothing." + (f" Did you mean {likely[found[0]]}?" if found else "")
        for name, found in near
    ]
