from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cira_pipeline.errors import CiraError, CircuitOpen, ModelRateLimited, ModelUnauthorised, SourceUnavailable
from cira_pipeline.resilience.retry import RetryPolicy
from cira_pipeline.resilience.retry_after import retry_after_s

QUICK = RetryPolicy(attempts=3, wait_initial_s=0.001, wait_max_s=0.002, wait_jitter_s=0.0)


class Flaky:
    """Fails with the given errors in turn, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def test_an_answer_that_comes_at_the_third_attempt_is_not_lost() -> None:
    flaky = Flaky(SourceUnavailable("reset"), SourceUnavailable("502"))
    assert QUICK.call(flaky) == "answer"
    assert flaky.calls == 3


def test_the_last_error_reaches_the_caller_when_attempts_are_used_up() -> None:
    flaky = Flaky(*(SourceUnavailable(f"attempt {number}") for number in (1, 2, 3, 4)))
    with pytest.raises(SourceUnavailable, match="attempt 3"):
        QUICK.call(flaky)
    assert flaky.calls == 3


@pytest.mark.parametrize("error", [ModelUnauthorised("401"), CircuitOpen("open"), ValueError("a bug")])
def test_what_cannot_pass_is_not_paid_for_twice(error: Exception) -> None:
    flaky = Flaky(error)
    with pytest.raises(type(error)):
        QUICK.call(flaky)
    assert flaky.calls == 1


def test_retry_after_is_obeyed_instead_of_the_own_wait() -> None:
    policy = RetryPolicy(attempts=2, wait_initial_s=60, wait_max_s=60)
    assert policy.call(Flaky(ModelRateLimited("429", retry_after_s=0.01))) == "answer"


def test_no_wait_is_begun_that_would_outlast_the_deadline() -> None:
    flaky = Flaky(ModelRateLimited("429", retry_after_s=3600))
    with pytest.raises(ModelRateLimited):
        RetryPolicy(attempts=3, deadline_s=5).call(flaky)
    assert flaky.calls == 1


def test_own_waits_keep_to_the_deadline_too() -> None:
    flaky = Flaky(SourceUnavailable("502"))
    with pytest.raises(SourceUnavailable):
        RetryPolicy(attempts=3, deadline_s=5, wait_initial_s=6, wait_jitter_s=0).call(flaky)
    assert flaky.calls == 1


def test_no_attempt_is_begun_after_the_deadline() -> None:
    times = iter([0.0, 6.0, 7.0])
    flaky: Flaky = Flaky(SourceUnavailable("slow"), SourceUnavailable("slow"))
    with pytest.raises(CiraError):
        RetryPolicy(attempts=3, deadline_s=5, wait_initial_s=0.001).call(flaky, monotonic=lambda: next(times))
    assert flaky.calls == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2026 07:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("²", None),
        ("", None),
        (None, None),
    ],
)
def test_a_server_that_names_a_time_is_understood(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, now=datetime(2026, 10, 21, 7, 28, tzinfo=UTC)) == seconds
