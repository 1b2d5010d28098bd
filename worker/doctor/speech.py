"""The upstream: asked as the worker asks, for the phrases of `just voices`."""

from shared.clips import SIDES
from worker.doctor.checkup import Problem, Skipped
from worker.doctor.installation import Installation
from worker.engines.choice import open_engine
from worker.errors import UpstreamFault
from worker.voices import PHRASES, say

SECONDS = 90.0
CHARACTERS = sum(map(len, PHRASES.values()))


async def upstream(installation: Installation, may_ask: bool) -> str:
    """Whether both voices speak. It costs what `CHARACTERS` cost."""
    if not may_ask:
        raise Skipped("not asked")
    settings = installation.engine()
    engine = open_engine(settings)
    seconds = cost = 0.0
    try:
        for side in SIDES:
            spoken = await say(engine, settings.voice(side), PHRASES[side], settings.price_per_million_chars)
            seconds, cost = max(seconds, spoken.seconds), cost + spoken.cost_usd
    except TimeoutError:
        raise Problem("OPENAI_BASE_URL: the upstream does not answer in time") from None
    except UpstreamFault as error:
        raise Problem(f"OPENAI_BASE_URL: {error} (is the address right, and the server up?)") from None
    finally:
        await engine.close()
    return f"{engine.upstream} speaks both languages, within {seconds:.1f} s (it cost about ${cost:.4f})"
