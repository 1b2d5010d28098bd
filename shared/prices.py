"""What a clip costs, in dollars. docs/switching.md names the source of every price."""

from dataclasses import dataclass

from shared.usage import Usage

_MILLION = 1_000_000


@dataclass(frozen=True)
class TokenPrices:
    """Dollars for a million tokens."""

    input: float
    output_text: float
    output_audio: float

    def cost_usd(self, usage: Usage) -> float:
        """What these tokens cost."""
        return (
            usage.input_tokens * self.input
            + usage.output_text_tokens * self.output_text
            + usage.output_audio_tokens * self.output_audio
        ) / _MILLION


# OpenAI's Realtime API counts tokens; the price by characters is an estimate there, made before anything was counted.
REALTIME = TokenPrices(input=0.60, output_text=2.40, output_audio=20.0)


def cost_usd(characters: int, usage: Usage, price_per_million_chars: float) -> float:
    """By tokens where the upstream counted any, else by characters."""
    if usage.output_audio_tokens:
        return REALTIME.cost_usd(usage)
    return characters * price_per_million_chars / _MILLION
