"""Settings of a run: options of the command line, environment variables, .env; frozen once read.

An environment adds its own options by subclassing :class:`Settings`: every field is an option of
pytest and of the command ``groundwork`` (``keep_env`` becomes ``--keep-env``), an environment
variable (``GROUNDWORK_KEEP_ENV``) and a line of .env. Secrets (``SecretStr``) are never options,
for a command line can be read by every process.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import platformdirs
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from groundwork.artifacts import default_cache_dir
from groundwork.base.errors import UsageError
from groundwork.declare.variables import PREFIX, expect_known

__all__ = ["Option", "Settings", "default_state_dir"]

PORT_MAX = 65_535


def default_state_dir() -> Path:
    """Where ledgers of living environments lie: the user's state folder."""
    return platformdirs.user_state_path("groundwork")


@dataclass(frozen=True)
class Option:
    """One command line option, derived from one field of the settings."""

    flag: str
    field: str
    help: str
    kind: Literal["switch", "value", "repeated"]

    def arguments(self) -> dict[str, Any]:
        """What argparse's and pytest's parsers are told of it, besides its flag."""
        actions: dict[str, dict[str, Any]] = {
            "switch": {"action": "store_true", "default": None},
            "repeated": {"action": "append"},
            "value": {"action": "store"},
        }
        return {"help": self.help, **actions[self.kind]}


class Settings(BaseSettings):
    """What the engine itself needs to know; see the module's text for how to extend it."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_prefix=PREFIX,
        env_ignore_empty=True,  # who empties a variable means that it isn't there
        extra="ignore",
        populate_by_name=True,
    )

    env: str = Field("local", description="platform; local unless told")
    port: Annotated[dict[str, int], NoDecode] = Field(
        default_factory=dict,
        description="RESOURCE=NUMBER: fix the port of a resource (may be repeated)",
    )
    keep_env: bool = Field(
        default=False, description="leave what this run has made; end it with `groundwork down`"
    )
    strict_env: bool = Field(
        default=False, description="fail when a test can't be expressed on the platform"
    )
    state_dir: Path = Field(default_factory=default_state_dir, json_schema_extra={"option": False})
    cache_dir: Path = Field(default_factory=default_cache_dir, json_schema_extra={"option": False})
    out_dir: Path | None = Field(None, json_schema_extra={"option": False})  # else reports/out
    # What is remembered of each run, to compare with; else `history` in the state folder.
    history_dir: Path | None = Field(None, json_schema_extra={"option": False})
    # What was put in the place of each `auto`, and why: for people.
    decided: tuple[str, ...] = Field((), json_schema_extra={"option": False})

    @field_validator("port", mode="before")
    @classmethod
    def _parse_ports(cls, value: object) -> object:
        """RESOURCE=NUMBER, several separated by commas (a variable) or in a list (options)."""
        if isinstance(value, Mapping):
            return value
        items = value.split(",") if isinstance(value, str) else value
        ports: dict[str, int] = {}
        for item in items if isinstance(items, (list, tuple)) else []:
            name, separator, number = str(item).partition("=")
            if not (separator and name and number.isdecimal() and 0 < int(number) <= PORT_MAX):
                raise ValueError(
                    f"{item}: should be RESOURCE=NUMBER, the number from 1 to {PORT_MAX}"
                )
            ports[name] = int(number)
        return ports

    @classmethod
    def load(cls, options: Mapping[str, object], root: Path) -> Self:
        """Read the settings: options first, then environment variables, then ``root/.env``.

        Folders are taken from the project's root where they aren't absolute.

        Raises:
            UsageError: A value isn't allowed, or a variable isn't known; one line that names it.
        """
        file = root / ".env"
        expect_known(cls.variables(), file)
        given = {name: value for name, value in options.items() if value not in (None, [], False)}
        try:
            found = cls(_env_file=file, _env_file_encoding="utf-8", **given)  # type: ignore[call-arg, arg-type]
        except ValidationError as error:
            raise UsageError(_one_line(error)) from error
        return found.model_copy(
            update={
                name: root / value.expanduser()
                for name in cls.model_fields
                if isinstance(value := getattr(found, name), Path)
            }
        )

    @classmethod
    def variables(cls) -> frozenset[str]:
        """The environment variables that settings are read from, but for secrets."""
        return frozenset(PREFIX + name.upper() for name in cls.model_fields)

    @classmethod
    def options(cls) -> tuple[Option, ...]:
        """The command line options, in the order of the fields."""
        found = []
        for name, field in cls.model_fields.items():
            extra = field.json_schema_extra
            hidden = isinstance(extra, dict) and extra.get("option") is False
            if hidden or _is_secret(field.annotation):
                continue
            kind: Literal["switch", "value", "repeated"] = "value"
            if field.annotation is bool:
                kind = "switch"
            elif getattr(field.annotation, "__origin__", None) is dict:
                kind = "repeated"
            flag = "--" + name.replace("_", "-")
            found.append(Option(flag, name, field.description or "", kind))
        return tuple(found)

    @classmethod
    def secret_names(cls) -> frozenset[str]:
        """The environment variables that hold secrets: kept from whoever needn't know them."""
        names: set[str] = set()
        for name, field in cls.model_fields.items():
            if _is_secret(field.annotation):
                alias = field.validation_alias
                choices = alias.choices if isinstance(alias, AliasChoices) else [alias or name]
                names.update(str(choice).upper() for choice in choices)
        return frozenset(names)

    def to_json(self) -> str:
        """All settings, secrets in the clear: for the keeper's standard input and nothing else."""
        return json.dumps(self.model_dump(), default=_reveal)

    def public(self) -> dict[str, Any]:
        """The settings without secrets, as JSON holds them: for reports and fingerprints."""
        return self.model_dump(
            mode="json",
            exclude={n for n, f in type(self).model_fields.items() if _is_secret(f.annotation)},
        )

    def chosen(self) -> dict[str, Any]:
        """The values of the command line options, as JSON holds them: for people."""
        public = self.public()
        return {option.field: public[option.field] for option in self.options()}

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What :meth:`to_json` wrote; nothing else is read."""
        return cls(_env_file=None, **json.loads(text))  # type: ignore[call-arg]


def _is_secret(annotation: object) -> bool:
    return annotation is SecretStr or SecretStr in get_args(annotation)


def _reveal(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _one_line(error: ValidationError) -> str:
    """The first fault of a validation as `--option value: what it should be`."""
    fault = error.errors()[0]
    message = fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if not fault["loc"]:
        return message
    option = "--" + str(fault["loc"][0]).replace("_", "-")
    if fault["type"] == "value_error":
        return f"{option} {message}"
    return f"{option} {fault['input']}: {message}"
