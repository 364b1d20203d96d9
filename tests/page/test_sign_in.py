"""Who may see and do what on the page; over plain HTTP, so that nothing a browser hides is missed."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from cira_pipeline.api.page.session import Session, cookie_text, session_in
from cira_pipeline.db.access.api_keys import Scope
from tests.api.conftest import api, api_settings, start_api  # noqa: F401 - fixtures
from tests.api.stored import ended_job
from tests.orchestration.invoice_pdf import invoice_pdf

HTML = {"Accept": "text/html"}


@pytest.fixture
def anyone(api) -> Iterator[httpx.Client]:  # noqa: F811
    with httpx.Client(base_url=api.url, headers=HTML, timeout=60) as client:
        yield client


def sign_in(client: httpx.Client, key: str, **form: str) -> httpx.Response:
    return client.post("/signin", data={"key": key, "person": "Anna Berg", **form})


def csrf_of(client: httpx.Client) -> str:
    found = re.search(r'data-csrf="([0-9a-f]{64})"', client.get("/").text)
    assert found
    return found[1]


@pytest.fixture
def anna(api, anyone) -> httpx.Client:  # noqa: F811
    assert sign_in(anyone, api.key("acme")).status_code == 303
    return anyone


def test_nobody_sees_anything_without_signing_in_and_comes_back_where_they_wanted_to(api, anyone):  # noqa: F811
    job_id = ended_job(api.services)
    for path in ("/", f"/invoices/{job_id}", "/review", "/invoices.csv", f"/invoices/{job_id}/document"):
        answer = anyone.get(path)
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/signin?next=")
    for path in (f"/rows/{job_id}", "/events", f"/invoices/{job_id}/pages/1.png"):
        assert anyone.get(path, headers={"Accept": "*/*"}).status_code == 401
    assert anyone.post("/submit", data={"url": "https://a.example/"}).status_code == 401
    answer = sign_in(anyone, api.key("acme"), next=f"/invoices/{job_id}")
    assert anyone.get(answer.headers["Location"]).headers["Location"] == f"/invoices/{job_id}"


@pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_signing_in_leads_to_no_other_site(api, anyone, path):  # noqa: F811
    answer = sign_in(anyone, api.key("acme"), next=path)
    assert answer.headers["Location"] == "/signed-in?next=%2F"
    assert anyone.get("/signed-in", params={"next": path}).headers["Location"] == "/"


def test_the_cookie_holds_no_key_is_for_this_site_only_and_has_an_end(api, anyone):  # noqa: F811
    key = api.key("acme")
    [cookie] = sign_in(anyone, key).headers.get_list("Set-Cookie")
    parts = {part.strip().lower() for part in cookie.split(";")}
    assert {"httponly", "samesite=strict", "path=/", "max-age=36000"} <= parts
    secret = key.rpartition("_")[2]
    payload = cookie.partition("=")[2].partition(".")[0]
    assert secret not in cookie
    assert secret not in base64.urlsafe_b64decode(payload + "==").decode()


def test_away_from_this_machine_the_cookie_goes_over_tls_only(api, anyone):  # noqa: F811
    answer = anyone.post("/signin", data={"key": api.key("acme")}, headers={"Host": "cira.example"})
    assert answer.headers["Set-Cookie"].startswith("__Host-cira_session=")
    assert "; Secure" in answer.headers["Set-Cookie"]
    lost = anyone.get("/signed-in?next=/", headers={"Host": "cira.example"})
    assert lost.status_code == 400
    assert "did not keep the session" in lost.text


def test_a_wrong_key_is_told_beside_the_field_and_never_repeated(api, anyone):  # noqa: F811
    for key, status in (("", 422), ("cira_wrong", 401), ("cira_" + "0" * 16 + "_" + "a" * 64, 401)):
        answer = sign_in(anyone, key)
        assert answer.status_code == status
        assert 'aria-invalid="true"' in answer.text
        assert not key or key not in answer.text
        assert "Set-Cookie" not in answer.headers
    assert sign_in(anyone, api.key("acme", Scope.SUBMIT)).status_code == 403


def test_a_session_ends_with_its_time_with_its_key_and_at_sign_out(api, anna):  # noqa: F811
    assert anna.get("/").status_code == 200
    assert anna.post("/signout", data={"csrf": csrf_of(anna)}).headers["Location"] == "/signin"
    assert anna.get("/").status_code == 303
    key = api.key("acme")
    sign_in(anna, key)
    api.services.keys.revoke(key.split("_")[1])
    api.services.access._remembered.clear()
    assert anna.get("/").status_code == 303


def test_an_expired_or_altered_cookie_is_none(api):  # noqa: F811
    pepper, now = api.services.pepper, datetime.now(UTC)
    key = api.services.keys.get(api.key("acme").split("_")[1]).key
    session = Session.begin(key, "Anna", timedelta(hours=1), now)
    text = cookie_text(session, pepper)
    assert session_in(text, pepper, now) == session
    assert session_in(text, pepper, now + timedelta(hours=1, seconds=1)) is None
    payload, _, mac = text.rpartition(".")
    other = base64.urlsafe_b64encode(json.dumps({**session.__dict__, "key_id": "x" * 16}).encode()).decode()
    for forged in ("", ".", payload, f"{payload}.", f"{payload}.{'0' * 64}", f"{other}.{mac}", "ä.ö", f"{text}0"):
        assert session_in(forged, pepper, now) is None
    assert api.services.keys.get(session.key_id).key.client == "acme"


def test_a_session_never_outlives_its_key(api):  # noqa: F811
    now = datetime.now(UTC)
    ends = now + timedelta(minutes=5)
    key = api.services.keys.get(api.key("acme").split("_")[1]).key.model_copy(update={"expires_at": ends})
    assert Session.begin(key, "", timedelta(hours=10), now).expires_at == int(ends.timestamp())


def test_another_sites_form_does_nothing(api, anna):  # noqa: F811
    job_id, word = ended_job(api.services), csrf_of(anna)
    posts: tuple[tuple[dict[str, str], str], ...] = (
        ({"url": "https://a.example/1.pdf"}, "/submit"),
        ({"then": "stay"}, f"/invoices/{job_id}/confirmation"),
        ({}, f"/invoices/{job_id}/retry"),
        ({}, "/signout"),
    )
    for data, path in posts:
        assert anna.post(path, data=data).status_code == 403
        assert anna.post(path, data={**data, "csrf": "0" * 64}).status_code == 403
        for foreign in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
            assert anna.post(path, data={**data, "csrf": word}, headers=foreign).status_code == 403
    assert api.services.jobs.list(limit=10)[0].job_id == job_id, "nothing was submitted"
    assert api.services.confirmations.latest(job_id) is None
    assert anna.get("/").status_code == 200, "still signed in"
    assert (
        httpx.post(f"{api.url}/signin", data={"key": api.key()}, headers={"Origin": "https://evil.example"}).status_code
        == 403
    )


def test_one_clients_people_never_see_anothers(api, anna):  # noqa: F811
    theirs = ended_job(api.services, client="globex", supplier_name="Globex Secret Ltd")
    mine = ended_job(api.services, client="acme", number="RE-7")
    assert "Globex" not in anna.get("/").text
    assert "Globex" not in anna.get("/invoices.csv").text
    word = csrf_of(anna)
    for path in (
        f"/invoices/{theirs}",
        f"/rows/{theirs}",
        f"/invoices/{theirs}/document",
        f"/invoices/{theirs}/record.json",
    ):
        assert anna.get(path).status_code == 404
    assert anna.get(f"/invoices/{theirs}/pages/1.png").status_code == 404
    assert anna.post(f"/invoices/{theirs}/confirmation", data={"csrf": word}).status_code == 404
    assert "Globex" not in anna.get(f"/invoices/{mine}?confirmed={theirs}").text
    assert anna.get("/review").headers["Location"] == f"/invoices/{mine}"


def test_a_key_that_may_only_read_shows_no_way_to_submit_or_confirm_and_has_none(api, anyone):  # noqa: F811
    job_id = ended_job(api.services)
    sign_in(anyone, api.key("acme", Scope.READ))
    word = csrf_of(anyone)
    assert 'id="submit"' not in anyone.get("/").text
    page = anyone.get(f"/invoices/{job_id}").text
    assert "disabled" in page
    assert "not confirm" in page
    assert "Confirm and next" not in page
    assert anyone.post("/submit", data={"csrf": word, "url": "https://a.example/"}).status_code == 403
    assert anyone.post(f"/invoices/{job_id}/confirmation", data={"csrf": word}).status_code == 403
    assert anyone.post(f"/invoices/{job_id}/cancel", data={"csrf": word}).status_code == 403


def test_every_page_forbids_what_it_does_not_need(api, anna):  # noqa: F811
    job_id = ended_job(api.services)
    for path in ("/", "/signin", f"/invoices/{job_id}", "/invoices/inv_00000000000000000000000000", "/review"):
        headers = anna.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
    assert "sandbox" in anna.get(f"/invoices/{job_id}/document").headers["Content-Security-Policy"]
    assert anna.get("/static/../rendering.py").status_code == 404
    assert anna.get("/static/page.css").headers["Content-Type"].startswith("text/css")


def test_a_page_that_is_too_much_asked_for_is_refused_like_any_request(api, anyone):  # noqa: F811
    sign_in(anyone, api.key("acme", requests_per_minute=3))
    answers = [anyone.get("/") for _ in range(6)]
    assert answers[-1].status_code == 429
    assert "The request failed" in answers[-1].text


def test_files_and_addresses_are_taken_without_a_script_too(api, anna):  # noqa: F811
    word = csrf_of(anna)
    files = {"files": ("Rechnung März.pdf", invoice_pdf("NO-JS"), "application/pdf")}
    assert anna.post("/submit", data={"csrf": word, "url": ""}, files=files).status_code == 303
    [job] = api.services.jobs.list(limit=10)
    assert job.client_reference == "Rechnung März.pdf"
    wrong = anna.post("/submit", data={"csrf": word, "url": "file:///etc/passwd"})
    assert wrong.status_code == 422
    assert "Clients may not submit URLs with" in wrong.text
    damaged = anna.post("/submit", data={"csrf": word}, files={"files": ("x.pdf", b"%PDF-1.7 no", "application/pdf")})
    assert damaged.status_code == 422
    assert "x.pdf: " in damaged.text
    nothing = anna.post("/submit", data={"csrf": word, "url": " "})
    assert "Paste the address of an invoice" in nothing.text
    assert len(api.services.jobs.list(limit=10)) == 1


def test_a_form_that_is_too_large_is_answered_by_a_page_that_says_so(start_api, api_settings, database):  # noqa: F811
    api = start_api(api_settings.model_copy(update={"api_max_body_bytes": 500}))  # noqa: F811
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    with httpx.Client(base_url=api.url, headers=HTML, timeout=60) as client:
        answer = client.post("/signin", content=iter([b"key=", b"x" * 600]), headers=form)
    assert answer.status_code == 413
    assert "he body is larger than 500 bytes" in answer.text


def test_people_who_share_a_key_all_follow_their_jobs(api, monkeypatch):  # noqa: F811
    monkeypatch.setattr("cira_pipeline.api.events.STREAMS_A_KEY", 1)
    key = api.key("acme")
    with httpx.Client(base_url=api.url, timeout=60) as anna, httpx.Client(base_url=api.url, timeout=60) as ben:
        for person in (anna, ben):
            sign_in(person, key)
        with anna.stream("GET", "/events") as first, ben.stream("GET", "/events") as second:
            assert (first.status_code, second.status_code) == (200, 200)
            assert next(second.iter_lines()) == "event: resync"
            assert anna.get("/events").status_code == 429
