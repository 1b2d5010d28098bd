"""What answers cost: what an upstream counted, and what a job has spent."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Usage:
    """Tokens, as the upstream counts them; one that bills by characters counts none."""

    input_tokens: int = 0
    output_text_tokens: int = 0
    output_audio_tokens: int = 0

    def plus(self, more: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + more.input_tokens,
            self.output_text_tokens + more.output_text_tokens,
            self.output_audio_tokens + more.output_audio_tokens,
        )


NO_USAGE = Usage()


@dataclass(frozen=True)
class Spent:
    """What a job has cost so far, over all its runs."""

    clips_made: int
    characters_billed: int
    usage: Usage = NO_USAGE

    def plus(self, more: "Spent") -> "Spent":
        return Spent(
            self.clips_made + more.clips_made,
            self.characters_billed + more.characters_billed,
            self.usage.plus(more.usage),
        )
