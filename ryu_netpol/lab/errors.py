"""The one error of the lab: a sentence for a person, nothing to catch by kind."""

from __future__ import annotations


class LabError(Exception):
    """The lab cannot go on; the message is one sentence that says what is wrong and, if known, what to do."""
