"""Who gets into Dagster's UI, asked of the real webserver over HTTP and websocket as an attacker would."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from cira_pipeline.api.key_secret import load_pepper, parse_key
from cira_pipeline.api.page.session import Session, cookie_of
from cira_pipeline.clock import utc_now
from cira_pipeline.db.access.api_keys import ApiKeyRepository, Scope
from cira_pipeline.db.database import Database
from cira_pipeline.local_stack.ports import LOOPBACK
from cira_pipeline.local_stack.running import RunningServices
from cira_pipeline.settings import Settings
from tests.local_stack.conftest import SharedUp
from tests.local_stack.supervised import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SHUTDOWN = 'mutation { shutdownRepositoryLocation(repositoryLocationName: "cira") { __typename } }'
PAUSE = "mutation { setAutoMaterializePaused(paused: true) }"
RUNS = "{ runsOrError { ... on Runs { results { runId } } } }"
PERMISSIONS = "{ permissions { permission value disabledReason } }"
LAUNCH = """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) { __typename } }"""
LAUNCH_PARAMETERS = {
    "selector": {
        "repositoryLocationName": "cira",
        "repositoryName": "__repository__",
        "jobName": "__ASSET_JOB",
        "assetSelection": [{"path": ["waiting"]}],
    },
    "runConfigData": {"ops": {"waiting": {"config": {"folder": "/nowhere"}}}},
    "mode": "default",
}


@dataclass(frozen=True)
class Ui:
    """A running CIRA; `signed_in` is a browser's client with the cookie of a session."""

    home: Path
    services: RunningServices
    launcher: str
    viewer: str
    reader: str
    database: Database

    @property
    def url(self) -> str:
        return self.services.ui_url

    @property
    def own(self) -> dict[str, str]:
        """What a browser sends with a request of the UI's own page."""
        return {"Origin": self.url, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}

    @property
    def settings(self) -> Settings:
        return self.services.fill_in(Settings(home=self.home))

    def cookies(self, key: str, lasts: timedelta = timedelta(hours=1)) -> dict[str, str]:
        repository = ApiKeyRepository(self.database)
        stored = repository.get((parse_key(key) or ("", ""))[0])
        assert stored is not None
        return cookie_of(Session.begin(stored.key, "Anna Berg", lasts, utc_now()), load_pepper(self.settings))

    def client(self, key: str | None = None, **headers: str) -> httpx.Client:
        cookies = self.cookies(key) if key else None
        return httpx.Client(base_url=self.url, cookies=cookies, headers=headers, timeout=60, trust_env=False)

    def graphql(self, key: str | None, query: str, **variables: Any) -> httpx.Response:
        with self.client(key, **self.own) as client:
            return client.post("/graphql", json={"query": query, "variables": variables})

    def websocket(self, key: str | None, origin: str | None, *, host: str | None = None) -> ClientConnection:
        cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies(key).items())} if key else {}
        port = httpx.URL(self.url).port
        connection = socket.create_connection((LOOPBACK, port or 0), timeout=30)
        return connect(
            f"ws://{host or f'{LOOPBACK}:{port}'}/graphql",
            sock=connection,
            origin=origin,  # type: ignore[arg-type]
            additional_headers=cookies,
            subprotocols=[Subprotocol("graphql-ws")],
            proxy=None,
        )

    def code_server(self) -> int:
        """Number of the process that has served the definitions since the start."""
        return self.services.pids["code-server"]


@pytest.fixture(scope="module")
def ui(shared_up: SharedUp) -> Iterator[Ui]:
    up = shared_up.running()
    services = up.wait_until_ready()
    database = Database(services.postgres_url)
    launcher, viewer, reader = (
        up.new_key(services, scope) for scope in (Scope.DAGSTER_LAUNCH, Scope.DAGSTER_VIEW, Scope.READ)
    )
    yield Ui(up.home, services, launcher, viewer, reader, database)
    database.dispose()


def problem(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["hint"]
    return str(body["code"])


def test_a_local_user_without_a_key_reads_no_amounts(ui: Ui) -> None:
    for path in ("/graphql", "/logs/a/b.out", "/download_debug/x", "/runs", "/notebook", "/_next/x", "/nothing"):
        with ui.client() as client:
            answer = client.get(path)
        assert answer.status_code in (401, 405), path
        assert problem(answer) in ("key_missing", "method_not_allowed"), path
    asked = ui.graphql(None, RUNS)
    assert (asked.status_code, problem(asked)) == (401, "key_missing")


def test_a_browser_without_a_session_is_asked_to_sign_in_and_comes_back_where_it_was(ui: Ui) -> None:
    with ui.client(Accept="text/html", **{"Sec-Fetch-Mode": "navigate"}) as client:
        asked = client.get("/assets/waiting?view=partitions")
        assert asked.status_code == 303
        page = client.get(asked.headers["location"])
        assert page.status_code == 200
        assert "dagster_view" in page.text
        form = {"key": ui.viewer, "person": "Anna Berg", "next": "/assets/waiting?view=partitions"}
        signed_in = client.post("/signin", data=form, headers={"Origin": ui.url})
        assert signed_in.headers["location"] == "/signed-in?next=%2Fassets%2Fwaiting%3Fview%3Dpartitions"
        cookie = signed_in.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        back = client.get(signed_in.headers["location"])
        assert back.headers["location"] == "/assets/waiting?view=partitions"
        assert "<script" in client.get(back.headers["location"]).text


def test_the_key_of_one_client_does_not_open_what_shows_all_clients(ui: Ui) -> None:
    asked = ui.graphql(ui.reader, RUNS)
    assert (asked.status_code, problem(asked)) == (403, "scope_missing")
    with ui.client(ui.reader, Accept="text/html") as client:
        page = client.get("/runs", follow_redirects=True)
    assert page.status_code == 403
    assert "may not see Dagster" in page.text


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain", b"x"),
        ("text/plain; application/json", json.dumps({"query": SHUTDOWN}).encode()),
        ("application/x-www-form-urlencoded", b"query=x"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="query"\r\n\r\nx\r\n--x--\r\n',
        ),
        ("application/graphql", SHUTDOWN.encode()),
        ("", b""),
    ],
)
def test_a_mutation_that_a_form_of_another_site_can_send_is_refused(ui: Ui, content_type: str, body: bytes) -> None:
    headers = {**ui.own, "Content-Type": content_type}
    for path in ("/graphql", "/graphql/"):
        with ui.client(ui.launcher, **headers) as client:
            answer = client.post(path, params={"query": SHUTDOWN}, content=body)
        assert (answer.status_code, problem(answer)) == (415, "content_type_unsupported")
    assert psutil.pid_exists(ui.code_server())


@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_a_link_changes_nothing(ui: Ui, accept: str) -> None:
    with ui.client(ui.launcher, Accept=accept) as client:
        answer = client.get("/graphql", params={"query": SHUTDOWN})
    assert (answer.status_code, problem(answer)) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[::1"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost:3000@evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ],
    ids=str,
)
def test_another_sites_page_is_refused_with_the_persons_own_cookie(ui: Ui, headers: dict[str, str]) -> None:
    with ui.client(ui.launcher, **headers) as client:
        for answer in (client.post("/graphql", json={"query": SHUTDOWN}), client.get("/runs")):
            assert (answer.status_code, problem(answer)) == (403, "origin_refused")
        form = client.post("/signin", data={"key": ui.launcher})
        assert (form.status_code, problem(form)) == (403, "origin_refused")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:3000", "127.0.0.1.evil.example", "[::1", "", "a@127.0.0.1"]
)
def test_a_name_that_was_made_to_lead_here_is_refused(ui: Ui, host: str) -> None:
    with ui.client(ui.launcher) as client:
        for headers in ({"Host": host}, {"Host": host, "Origin": f"http://{host}"}):
            answer = client.post("/graphql", json={"query": SHUTDOWN}, headers=headers)
            assert answer.status_code in (400, 403)
            assert answer.status_code == 400 or problem(answer) == "host_refused"


def test_two_hosts_in_one_request_are_refused(ui: Ui) -> None:
    port = httpx.URL(ui.url).port
    with socket.create_connection((LOOPBACK, port or 0), timeout=30) as connection:
        connection.sendall(
            f"GET /runs HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\nConnection: close\r\n\r\n".encode()
        )
        answer = connection.makefile("rb").readline()
    assert answer.split()[1] in (b"400", b"403")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(ui: Ui, method: str) -> None:
    with ui.client(ui.launcher) as client:
        answer = client.request(method, "/graphql", json={"query": SHUTDOWN})
    assert answer.status_code == 405


def test_load_balancers_learn_that_the_ui_lives_and_nothing_else(ui: Ui) -> None:
    with ui.client() as client:
        answer = client.get("/server_info", headers={"Host": "10.1.2.3"})
        assert answer.status_code == 200
        assert set(answer.json()) == {"dagster_webserver_version", "dagster_version", "dagster_graphql_version"}
        assert client.get("/daemon_health").json() == {"unhealthy": []}


@pytest.mark.parametrize(
    ("key", "origin", "host", "status"),
    [
        ("launcher", "https://evil.example", None, 403),
        ("launcher", "null", None, 403),
        ("launcher", "http://127.0.0.1:1", None, 403),
        ("launcher", "http://evil.example", "evil.example", 403),
        ("none", "own", None, 401),
        ("reader", "own", None, 403),
    ],
)
def test_a_foreign_or_unsigned_websocket_is_refused(
    ui: Ui, key: str, origin: str, host: str | None, status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        ui.websocket(getattr(ui, key, None), ui.url if origin == "own" else origin, host=host).close()
    assert refused.value.response.status_code == status
    assert b'"hint"' in (refused.value.response.body or b"")


def test_a_websocket_of_the_uis_own_page_works_and_takes_no_mutation(ui: Ui) -> None:
    with ui.websocket(ui.launcher, ui.url) as websocket:
        websocket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(websocket.recv(30)) == {"type": "connection_ack"}
        websocket.send(json.dumps({"type": "start", "id": "1", "payload": {"query": SHUTDOWN}}))
        answer = json.loads(websocket.recv(30))
    assert answer["type"] == "error"
    assert psutil.pid_exists(ui.code_server())


def test_a_websocket_ends_when_its_key_is_revoked(ui: Ui, tmp_path: Path) -> None:
    repository, pepper = ApiKeyRepository(ui.database), load_pepper(ui.settings)
    new = pepper.new_key()
    repository.create(new.key_id, new.secret_hash, pepper.pepper_id, client="default", scopes=[Scope.DAGSTER_VIEW])
    with ui.websocket(new.text, ui.url) as websocket:
        repository.revoke(new.key_id)
        with pytest.raises(ConnectionClosed) as closed:
            websocket.recv(120)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008
    asked = ui.graphql(new.text, RUNS)
    assert (asked.status_code, problem(asked)) == (401, "key_invalid")


def test_who_may_look_sees_everything_and_changes_nothing(ui: Ui) -> None:
    seen = ui.graphql(ui.viewer, RUNS)
    assert "results" in seen.json()["data"]["runsOrError"]
    for query, variables in ((LAUNCH, {"p": LAUNCH_PARAMETERS}), (PAUSE, {}), (SHUTDOWN, {})):
        refused = ui.graphql(ui.viewer, query, **variables)
        assert refused.status_code == 403
        (error,) = refused.json()["errors"]
        assert error["extensions"]["code"] == "scope_missing"
        assert "dagster_launch" in error["message"]
    with ui.client(ui.viewer, **ui.own) as client:
        report = client.post("/report_asset_materialization/waiting", json={})
    assert (report.status_code, problem(report)) == (403, "scope_missing")


def test_the_ui_is_told_which_buttons_to_disable(ui: Ui) -> None:
    def permissions(key: str) -> dict[str, Any]:
        found = ui.graphql(key, PERMISSIONS).json()["data"]["permissions"]
        return {each["permission"]: each for each in found}

    looking = permissions(ui.viewer)
    assert looking
    assert not any(each["value"] for each in looking.values())
    assert "dagster_launch" in looking["launch_pipeline_execution"]["disabledReason"]
    assert permissions(ui.launcher)["launch_pipeline_execution"]["value"]


def test_who_may_launch_launches_with_a_session_or_a_key(ui: Ui) -> None:
    launched = ui.graphql(ui.launcher, LAUNCH, p=LAUNCH_PARAMETERS)
    assert launched.json()["data"]["launchRun"]["__typename"] == "LaunchRunSuccess"
    with ui.client(Authorization=f"Bearer {ui.launcher}") as client:
        launched = client.post("/graphql", json={"query": LAUNCH, "variables": {"p": LAUNCH_PARAMETERS}})
    assert launched.json()["data"]["launchRun"]["__typename"] == "LaunchRunSuccess"


def test_nobody_ends_cira_from_the_ui(ui: Ui) -> None:
    for _ in range(6):
        answer = ui.graphql(
            ui.launcher, SHUTDOWN.replace("__typename", "__typename ... on PythonError { message }")
        ).json()["data"]["shutdownRepositoryLocation"]
        assert answer["__typename"] == "PythonError"
        assert "cannot be ended from Dagster's UI" in answer["message"]
    assert psutil.Process(ui.code_server()).status() != psutil.STATUS_ZOMBIE
    assert ui.graphql(ui.launcher, RUNS).status_code == 200


def test_an_expired_session_is_refused(ui: Ui) -> None:
    with ui.client(**ui.own) as client:
        client.cookies.update(ui.cookies(ui.launcher, timedelta(seconds=-1)))
        answer = client.post("/graphql", json={"query": RUNS})
    assert (answer.status_code, problem(answer)) == (401, "key_missing")


def test_other_users_of_the_machine_cannot_reach_the_code_server(ui: Ui) -> None:
    (code_server,) = (psutil.Process(ui.code_server()),)
    family = [code_server, *code_server.children(recursive=True)]
    listening = [each for process in family for each in process.net_connections("tcp") if each.status == "LISTEN"]
    assert listening == []
    sockets = [Path(str(each.laddr)) for each in code_server.net_connections("unix") if str(each.laddr).startswith("/")]
    folders = {path.parent for path in sockets if path.name == "code-server.socket"}
    assert folders
    for folder in folders:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.stat().st_uid == os.getuid()


def test_the_databases_take_nobody_without_the_password(ui: Ui) -> None:
    postgres, valkey = httpx.URL(ui.services.postgres_url), httpx.URL(ui.services.redis_url)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host=postgres.host, port=postgres.port, user=postgres.username, dbname="postgres")
    with socket.create_connection((valkey.host, valkey.port or 0), timeout=10) as connection:
        connection.sendall(b"KEYS *\r\n")
        assert connection.recv(100).startswith(b"-NOAUTH")
    for port in (postgres.port, valkey.port, httpx.URL(ui.url).port, httpx.URL(ui.services.api_url).port):
        addresses = {
            each.laddr.ip
            for each in psutil.net_connections("tcp")
            if each.status == "LISTEN" and each.laddr.port == port
        }
        assert addresses == {LOOPBACK}


def test_the_daemons_are_watched_without_a_session(ui: Ui) -> None:
    assert eventually(lambda: httpx.get(f"{ui.url}/daemon_health").json() == {"unhealthy": []})
