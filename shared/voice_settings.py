"""Who speaks: settings that decide how a clip sounds and what it costs, and those for asking the engine."""

import re
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from shared.clips import Side, Voice
from shared.engine_defaults import ENGINES, EngineName
from shared.setting_sources import LogSettings
from shared.setting_types import BaseUrl, ExtraBody, HeaderSecret, Seconds

OPENAI_BASE_URL = "https://api.openai.com/v1"
# The Realtime API's limit; /v1/audio/speech goes to 4.
_FASTEST_REALTIME = 1.5


class VoiceSettings(LogSettings):
    """Who speaks, how, and for what price."""

    tts_engine: EngineName = "speech"
    openai_base_url: BaseUrl = OPENAI_BASE_URL
    tts_model: str | None = None
    tts_voice_en: str | None = None
    tts_voice_fr: str | None = None
    tts_instructions_en: str = (
        "Read the text exactly as it is written, in American English, with a natural accent,"
        " clearly and at an even pace, as for someone who is learning the language."
    )
    tts_instructions_fr: str = (
        "Lis le texte exactement comme il est écrit, en français de France, avec un accent naturel,"
        " clairement et à un rythme régulier, comme pour une personne qui apprend la langue."
    )
    tts_speed: Annotated[float, Field(ge=0.25, le=4.0)] = 1.0
    tts_extra_body: ExtraBody = Field(default_factory=dict)
    tts_request_interval_ms: Annotated[float, Field(ge=0, le=3_600_000)] | None = None
    tts_max_in_flight: Annotated[int, Field(ge=1, le=1_000)] = 8
    tts_price_per_million_chars: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)] | None = None

    @field_validator("openai_base_url", mode="before")
    @classmethod
    def _as_http(cls, url: Any, others: ValidationInfo) -> Any:
        if others.data.get("tts_engine") == "realtime" and isinstance(url, str):
            return re.sub(r"^ws(s?)://", r"http\1://", url, flags=re.IGNORECASE)
        return url

    @field_validator("tts_speed")
    @classmethod
    def _check_speed(cls, speed: float, others: ValidationInfo) -> float:
        if others.data.get("tts_engine") == "realtime" and speed > _FASTEST_REALTIME:
            raise ValueError(f"the realtime engine speaks at {_FASTEST_REALTIME} at most")
        return speed

    @property
    def request_interval_ms(self) -> float:
        """Least time between two requests to the upstream, over all workers."""
        chosen = self.tts_request_interval_ms
        return ENGINES[self.tts_engine].request_interval_ms if chosen is None else chosen

    @property
    def price_per_million_chars(self) -> float:
        """Dollars for a million characters: what estimates reckon with."""
        chosen = self.tts_price_per_million_chars
        return ENGINES[self.tts_engine].price_per_million_chars if chosen is None else chosen

    def voice(self, side: Side) -> Voice:
        """Who speaks this side."""
        default = ENGINES[self.tts_engine]
        instructions = {"en": self.tts_instructions_en, "fr": self.tts_instructions_fr}[side]
        chosen = {"en": self.tts_voice_en, "fr": self.tts_voice_fr}[side]
        return Voice(
            side,
            self.tts_engine,
            self.openai_base_url if default.is_online else "",
            self.tts_model or default.model,
            chosen or default.voices[side],
            instructions if default.is_online else "",
            self.tts_speed,
            self.tts_extra_body,
        )


class EngineSettings(VoiceSettings):
    """What it takes to ask the engine."""

    openai_api_key: Annotated[HeaderSecret, Field(validate_default=True)] = SecretStr("")
    tts_request_timeout_s: Seconds = 60

    @field_validator("openai_api_key")
    @classmethod
    def _check_key(cls, key: SecretStr, others: ValidationInfo) -> SecretStr:
        engine = others.data.get("tts_engine")
        if engine in ("speech", "realtime") and not key.get_secret_value():
            raise ValueError(
                f"missing; the {engine} engine needs it (any word will do for a server that asks for none)"
            )
        return key
