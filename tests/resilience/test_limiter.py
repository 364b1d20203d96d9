"""A deployment's quota is kept to by all who ask it, and a pause it asks for is a pause for all."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from cira_pipeline.errors import ModelRateLimited
from cira_pipeline.resilience.limiter import RateLimiter
from cira_pipeline.resilience.retry_after import used_up_for_s, wait_asked_for_s


def taken(limiter: RateLimiter, tokens: int = 1) -> bool:
    try:
        limiter.wait_for_turn(tokens, longest_wait_s=0.01)
    except ModelRateLimited:
        return False
    return True


def test_no_more_requests_are_made_than_the_deployment_takes(redis_url: str) -> None:
    limiter = RateLimiter("requests", redis_url, requests=5)
    assert [taken(limiter) for _ in range(7)] == [True] * 5 + [False] * 2


def test_a_few_long_documents_use_up_the_tokens_of_many_short_ones(redis_url: str) -> None:
    limiter = RateLimiter("tokens", redis_url, requests=100, tokens=10_000)
    assert [taken(limiter, 4_000) for _ in range(3)] == [True, True, False]
    assert taken(limiter, 2_000)
    assert not taken(limiter, 1)


def test_processes_share_one_quota(redis_url: str) -> None:
    program = (
        "import sys; from cira_pipeline.resilience.limiter import RateLimiter; "
        "from tests.resilience.test_limiter import taken; "
        "limiter = RateLimiter('shared quota', sys.argv[1], tokens=1_000); "
        "print(sum(taken(limiter, 100) for _ in range(10)))"
    )
    workers = [
        subprocess.Popen((sys.executable, "-c", program, redis_url), stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert sum(int(worker.communicate()[0]) for worker in workers) == 10


def test_who_waits_gets_its_turn_when_the_minute_is_over(redis_url: str) -> None:
    limiter = RateLimiter("turn", redis_url, requests=1, period_s=1)
    assert taken(limiter)
    started = time.monotonic()
    limiter.wait_for_turn(1, longest_wait_s=60)
    assert time.monotonic() - started > 0.3


def test_who_would_wait_beyond_the_deadline_hears_it_at_once(redis_url: str) -> None:
    limiter = RateLimiter("deadline", redis_url, requests=1)
    assert taken(limiter)
    limiter.pause(60)
    started = time.monotonic()
    with pytest.raises(ModelRateLimited) as refused:
        limiter.wait_for_turn(1, longest_wait_s=30)
    assert time.monotonic() - started < 10
    assert 50 < float(str(refused.value.detail["retry_after_s"])) <= 60


def test_a_document_larger_than_the_whole_quota_still_gets_its_turn(redis_url: str) -> None:
    limiter = RateLimiter("large", redis_url, tokens=1_000)
    assert taken(limiter, 50_000)
    assert not taken(limiter, 1)


def test_a_pause_the_provider_asked_one_process_for_holds_for_all(redis_url: str) -> None:
    told, other = RateLimiter("pause", redis_url), RateLimiter("pause", redis_url)
    told.pause(0.5)
    assert not taken(other)
    told.pause(0.1)
    assert not taken(other), "a shorter pause ended a longer one"
    other.wait_for_turn(1, longest_wait_s=60)
    assert taken(told)


def test_a_wrong_header_does_not_stop_everything_for_hours() -> None:
    now = [0.0]
    limiter = RateLimiter(
        "absurd", monotonic=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds)
    )
    limiter.pause(86_400)
    limiter.wait_for_turn(1, longest_wait_s=200)
    assert now[0] == 120


def test_without_redis_each_process_keeps_to_the_quota_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    limiter = RateLimiter("alone", "redis://127.0.0.1:1/0", requests=3)
    assert [taken(limiter) for _ in range(4)] == [True] * 3 + [False]
    assert caplog.text.count("each process counts alone") == 1
    limiter.pause(0.2)
    assert not taken(limiter)


def test_threads_of_one_process_share_its_quota_without_redis() -> None:
    limiter = RateLimiter("threads", requests=10)
    got: list[bool] = []
    threads = [threading.Thread(target=lambda: got.extend(taken(limiter) for _ in range(5))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(got) == 10


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, 360.0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "250ms"}, 0.25),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "17"}, 17.0),
        ({"x-ratelimit-remaining-tokens": "0"}, None),
        ({}, None),
    ],
)
def test_however_a_provider_says_when_to_come_back_it_is_understood(headers: dict, seconds: float | None) -> None:
    assert wait_asked_for_s(headers) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-remaining-tokens": "12", "x-ratelimit-reset-tokens": "60"}, None),
        ({"x-ratelimit-remaining-requests": "-1", "x-ratelimit-reset-requests": "60"}, None),
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "1m2.5s",
            },
            62.5,
        ),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "tomorrow"}, None),
    ],
)
def test_an_answer_that_was_the_last_for_now_says_so(headers: dict, seconds: float | None) -> None:
    assert used_up_for_s(headers) == seconds
