"""Settings: environment variables, checked at the start, frozen afterwards."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Settings"]


class Settings(BaseSettings):
    """What the service needs to know. Secrets are optional and print as asterisks."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    port: int = Field(default={{ cookiecutter.port }}, ge=1, le=65_535)
    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    kafka_topic: str = "{{ cookiecutter.topic }}"
    kafka_group_id: str = "{{ cookiecutter.service_name }}"
    ready_interval_s: float = Field(default=1.0, gt=0)  # /ready is never older than this
    publish_timeout_s: float = Field(default=5.0, gt=0)  # a client waits no longer for its 202
    # Of those that came back: whoever posts much looks for his a moment later. 1.2 KiB of memory
    # each, 5 KiB of the longest of ASCII, 17 KiB of emojis: 134 MiB at most, so that k8s' limit
    # holds. As many of market data are kept, of 1.2 KiB at most.
    messages_kept: int = Field(default=8_000, ge=1)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    alpaca_api_key: SecretStr | None = None
    alpaca_secret_key: SecretStr | None = None
    database_password: SecretStr | None = None
    redis_password: SecretStr | None = None
