"""What can go wrong while a clip is made, sorted by what to do next: try again, give the clip up, or stop the job."""

from inspect import cleandoc

from shared.errors import MemolistError
from shared.usage import NO_USAGE, Usage


class Unspoken(MemolistError):
    """No audio came of a request. `usage` is what it cost all the same, `status` how it ended: in HTTP, or in one word."""

    usage: Usage = NO_USAGE
    status: str = "error"


class ClipFailed(Unspoken):
    """The clip could not be made this time; another try may succeed."""


class BadAudio(ClipFailed):
    """The answer is not audio of that text."""

    def __init__(self, message: str | None = None, said: str = "") -> None:
        """`said` are the first words of an answer that is none: for the job's owner, and for no log."""
        reason = message or cleandoc(self.__doc__ or "")
        super().__init__(f"{reason} It says: {said}" if said else reason, reason)


class OtherWords(ClipFailed):
    """The audio says other words than the card."""

    def __init__(self, said: str | None = None) -> None:
        """`said` is what was heard instead: for the job's owner, and for no log."""
        reason = cleandoc(self.__doc__ or "")
        quoted = f'{reason.rstrip(".")}: "{said}"' if said else "The audio says no words at all."
        super().__init__(reason if said is None else quoted, reason)


class UpstreamFault(ClipFailed):
    """The upstream gave no answer, or one that says it is in trouble."""


class UpstreamGone(UpstreamFault):
    """Nobody takes connections there, or its model is not loaded yet: whatever was to be said, it was not heard."""

    status = "unreachable"


class UpstreamSilent(UpstreamFault):
    """The upstream did not answer in time."""

    status = "timeout"


class RateLimited(UpstreamFault):
    """The upstream asks to slow down; `retry_after_seconds` is its own word for how long, where it gave one."""

    def __init__(self, message: str | None = None, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ClipRefused(Unspoken):
    """The upstream refuses this text or these voice settings: trying again cannot help."""


class UpstreamAway(MemolistError):
    """The upstream serves nobody just now: no clip is to blame. `times` counts how often in a row a job met that.

    `retry_after_seconds` is how long it is to be left alone; 0 where it did not say.
    """

    times = 1
    retry_after_seconds = 0.0

    def again(self) -> "UpstreamAway":
        """Another one: each job notes its own waiting on its own."""
        other = UpstreamAway(str(self), self.reason)
        other.retry_after_seconds = self.retry_after_seconds
        return other


class UpstreamClosed(Unspoken):
    """The upstream serves nothing to this key or account: every job stops until a person acts."""


class KeyRejected(UpstreamClosed):
    """The upstream rejected the API key: put a valid one in OPENAI_API_KEY, restart the worker, and run the job again."""


class QuotaExhausted(UpstreamClosed):
    """The upstream account has no credit left, or has reached its spend limit: add credit or raise the limit, then run the job again."""


class ModelNotFound(UpstreamClosed):
    """The upstream knows no such model: set TTS_MODEL to one that it serves (or OPENAI_BASE_URL), restart the worker, run the job again."""


class NothingThere(ModelNotFound):
    """Nothing is at this address: set OPENAI_BASE_URL to the server's own address, up to its /v1, restart the worker, run the job."""


class EngineUnavailable(MemolistError):
    """The engine cannot start as it is set."""
