"""The engine that the settings name. Each is imported only where it is used: the offline one is an extra, the others take half a second."""

from shared.clips import SIDES
from shared.voice_settings import EngineSettings
from worker.engines import Engine


def open_engine(settings: EngineSettings) -> Engine:
    """An engine, ready to speak. Raises `EngineUnavailable` where it cannot be as it is set."""
    if settings.tts_engine == "espeak":
        from worker.engines.espeak import EspeakEngine

        return EspeakEngine(settings.voice(side) for side in SIDES)
    how = (
        settings.openai_api_key.get_secret_value(),
        settings.openai_base_url,
        settings.tts_request_timeout_s,
        settings.tts_max_in_flight,
    )
    if settings.tts_engine == "realtime":
        from worker.engines.realtime import RealtimeEngine

        return RealtimeEngine(*how)
    from worker.engines.shutdown import ModelShutdown
    from worker.engines.speech import SpeechEngine

    return SpeechEngine(*how, shutdown=ModelShutdown(settings.openai_base_url, settings.voice("en").model))
