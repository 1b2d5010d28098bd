"""What an upstream counted for an answer."""

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
