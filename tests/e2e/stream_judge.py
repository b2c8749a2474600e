"""What packets must have done, compared with what they did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.e2e.traffic import Track


@dataclass(frozen=True, slots=True)
class Span:
    """A time (monotonic) in which it was certain what a stream may do."""

    stream: int
    allowed: bool
    start: float
    end: float
    why: str = ""
    """The change that it begins with."""


def faults(spans: Iterable[Span], tracks: Sequence[Track]) -> Iterator[str]:
    """A sentence for each span in which a denied packet arrived, or an allowed one did not. By time of sending."""
    for span in spans:
        for track in tracks:
            if track.stream == span.stream:
                yield from _faults(span, track)


def _faults(span: Span, track: Track) -> Iterator[str]:
    inside = [n for n, sent in enumerate(track.sent) if span.start < sent < span.end]
    if span.allowed:
        wrong, what = [n for n in inside if not track.received[n]], "allowed packets were lost"
    else:
        wrong, what = [n for n in inside if track.received[n]], "denied packets arrived"
    if wrong:
        first, last = (track.sent[n] for n in (wrong[0], wrong[-1]))
        yield (
            f"stream {span.stream}: {len(wrong)} of {len(inside)} {what}, sent from {first - span.start:.3f} s after "
            f"this was in force, '{span.why}', to {span.end - last:.3f} s before that was certain no longer"
        )


def arrived_between(streams: Iterable[int], tracks: Sequence[Track], start: float, end: float) -> int:
    """How many packets of these streams that were sent in this time arrived."""
    chosen = set(streams)
    return sum(
        bool(start < sent <= end and received)
        for track in tracks
        if track.stream in chosen
        for sent, received in zip(track.sent, track.received, strict=True)
    )


def quantiles(values: Sequence[float]) -> str:
    """Median, 95th percentile and maximum, in milliseconds."""
    ordered = sorted(values)
    at = [ordered[int(share * (len(ordered) - 1))] * 1000 for share in (0.5, 0.95, 1)]
    return "p50 {:.1f}, p95 {:.1f}, max {:.1f} ms".format(*at)
