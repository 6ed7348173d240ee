"""What is said of a variable that can't be used: its name, the fault and an example, in one line."""

from collections.abc import Mapping

from pydantic import ValidationError
from pydantic.fields import FieldInfo

PREFIX = "EVOLINK_UI_"

# What a correct line looks like, for the one-line error. Variables that are not named here show their default.
EXAMPLES = {
    "EVOLINK_API_KEY": "sk-…",
    "EVOLINK_BASE_URL": "https://api.evolink.ai",
    "EVOLINK_FILES_URL": "https://files-api.evolink.ai",
    "EVOLINK_UI_DATABASE_URL": "postgresql://user:password@localhost/evolink",
    "EVOLINK_UI_PUBLIC_URL": "https://videos.example.com",
    "EVOLINK_UI_AUTH": "anna:long-password,ben:another-one",
    "EVOLINK_UI_DAILY_CREDITS": "500",
    "EVOLINK_UI_TRUSTED_PROXIES": "10.0.0.0/8",
    "EVOLINK_UI_S3_ENDPOINT": "https://s3.example.com",
    "EVOLINK_UI_S3_PUBLIC_URL": "https://cdn.example.com/bucket",
    "EVOLINK_UI_SECRET": "a long random text",
    "EVOLINK_UI_SIGN_IN": "optional",
    "OPENID_PROVIDER_URL": "https://huggingface.co",
}


class SettingsError(Exception):
    """A variable has a value that cannot be used; the text is one line for the person who starts the app."""


def first_fault(error: ValidationError, fields: Mapping[str, FieldInfo]) -> str:
    """One line for the first wrong variable; `fields` are those of the settings, by name."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = str(fault["loc"][0]) if fault["loc"] else ""
    name = where if where.isupper() else PREFIX + where.upper()
    message = fault["msg"].removeprefix("Value error, ")
    field = fields.get(where)
    default = field.default if field is not None else None
    example = EXAMPLES.get(name) or (str(default).lower() if isinstance(default, bool) else default)
    return f"{name}: {message[:1].lower()}{message[1:]}. Example: {name}={example}"
