"""How long is kept what nobody needs any more."""

from typing import Annotated

from pydantic import Field

from shared.setting_sources import LogSettings

Days = Annotated[int, Field(ge=0, le=36_500)]


class KeepingSettings(LogSettings):
    """In whole days, counted from a job's end, a clip's last use, the moment in which a file was first seen without its card.

    0 is for ever; with an interval of 0 no worker sweeps by itself.
    """

    gc_interval_hours: Annotated[float, Field(ge=0, le=8_760, allow_inf_nan=False)] = 24
    jobs_kept_days: Days = 30
    clips_kept_days: Days = 90
    gone_audio_kept_days: Days = 7
