"""Every knob of CIRA, read once from the environment (`CIRA_...`) or a `.env` file. Nothing else reads the environment.

`cira doctor --settings` prints each with its value and meaning. Secrets are `SecretStr` and never printed.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from cira_pipeline.errors import ConfigurationError

_log = logging.getLogger(__name__)


class Policy(StrEnum):
    """Which engines run, and when to stop (docs/architecture.md, extraction)."""

    CHEAPEST = "cheapest"
    MODEL_FIRST = "model_first"
    OFFLINE_ONLY = "offline_only"


class RuleSeverity(StrEnum):
    """What the findings of a rule do here: an error always needs review, a note never does, `off` leaves them out."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    OFF = "off"


class ClientBudget(BaseModel):
    """What may be spent on one client's jobs, in USD; `None` is no limit."""

    model_config = ConfigDict(frozen=True)

    client: str = Field(min_length=1)
    daily_usd: Decimal | None = Field(None, ge=0, allow_inf_nan=False)
    monthly_usd: Decimal | None = Field(None, ge=0, allow_inf_nan=False)

    def __str__(self) -> str:
        parts = ((self.daily_usd, "day"), (self.monthly_usd, "month"))
        return f"{self.client}={','.join(f'{usd}/{period}' for usd, period in parts if usd is not None)}"


RENAMED: Mapping[str, str] = {
    "when_model_down": "model_outage_policy",
    "suppliers_memory": "supplier_memory_scope",
    "model_batch_tries": "model_batch_attempts",
}
"""Earlier name of a setting -> its name. The earlier variables work until version 0.3, with a warning."""

CommaSeparated = Annotated[tuple[str, ...], NoDecode]
CommaSeparatedPaths = Annotated[tuple[Path, ...], NoDecode]


class _EarlierNames(PydanticBaseSettingsSource):
    """Settings given by their earlier names, in the environment or the `.env` file; a current name goes before."""

    def __init__(self, settings_cls: type[BaseSettings], *sources: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._sources = [each for each in sources if isinstance(each, EnvSettingsSource | DotEnvSettingsSource)]

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        for earlier in (old for old, new in RENAMED.items() if new == field_name):
            for source in self._sources:
                if value := source.env_vars.get(f"cira_{earlier}"):
                    _log.warning(
                        "CIRA_%s is now called CIRA_%s; rename it, the earlier name works until version 0.3",
                        earlier.upper(),
                        field_name.upper(),
                    )
                    return value, field_name, False
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {
            name: self.get_field_value(self.settings_cls.model_fields[name], name)[0] for name in RENAMED.values()
        }
        return {name: value for name, value in values.items() if value is not None}


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        # A variable left empty, as files of variables have them, is a setting not given.
        env_prefix="CIRA_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        earlier = _EarlierNames(settings_cls, env_settings, dotenv_settings)
        return init_settings, env_settings, dotenv_settings, earlier, file_secret_settings

    # Where things are. Left empty, `cira up` starts its own PostgreSQL and Valkey and fills these in for its children.
    home: Path = Field(Path(".cira"), description="folder of the embedded services, object store and Dagster's files")
    postgres_url: SecretStr | None = Field(None, description="results and jobs: postgresql://user:password@host/db")
    dagster_postgres_url: SecretStr | None = Field(None, description="Dagster's own tables; postgres_url if empty")
    analyst_password: SecretStr | None = Field(
        None, description="lets PostgreSQL's read-only role cira_analyst log in; empty: it is only granted to others"
    )
    redis_url: SecretStr | None = Field(None, description="status cache and shared limits: redis://host:6379/0")
    object_store: str | None = Field(
        None, description="documents and readings: a folder, file:// or s3://bucket/prefix"
    )
    s3_endpoint_url: str | None = Field(None, description="an S3-compatible store other than AWS")
    least_free_mb: int = Field(
        500,
        ge=0,
        description="free space, in MB, below which nothing new is taken and jobs wait, where HOME or a folder of "
        "documents is; 0: not looked at",
    )
    status_ttl_s: int = Field(
        30, gt=0, description="seconds a job's status lives in the cache; no status is ever wrong for longer"
    )

    # Intake.
    fetch_timeout_s: float = Field(60, gt=0, description="whole download, redirects included")
    fetch_stall_timeout_s: float = Field(15, gt=0, description="silence after which one try of a download is given up")
    fetch_max_bytes: int = Field(50_000_000, gt=0, description="largest document accepted")
    fetch_max_redirects: int = Field(5, ge=0, description="redirects followed, each checked like the first URL")
    fetch_attempts: int = Field(3, ge=1, description="tries of a download that failed in a way that may pass")
    fetch_allowed_hosts: CommaSeparated = Field(
        (),
        description="hosts, or networks such as 10.0.0.0/8, that may be fetched although their address is not public",
    )
    source_max_requests: int = Field(
        8, ge=1, description="requests in flight at one host of sources, by all processes together (with Redis)"
    )
    source_failures: int = Field(
        5, ge=1, description="failures in a row after which a host of sources is left alone and its jobs wait"
    )
    source_pause_s: float = Field(
        30, gt=0, description="seconds it is left alone before one request tries it; doubled by each failed trial"
    )
    source_longest_pause_s: float = Field(900, gt=0, description="seconds between two trials at the most")
    source_wait_hours: float = Field(
        48, gt=0, description="hours a job waits for a source that does not answer; then it fails"
    )
    file_roots: CommaSeparatedPaths = Field(
        (), description="folders below which file:// URLs may point; the inbox always may"
    )
    inbox: Path | None = Field(None, description="watched folder; HOME/inbox if empty")
    s3_inbox: str | None = Field(
        None, pattern=r"^s3://[A-Za-z0-9]", description="watched prefix, s3://bucket/prefix; none if empty"
    )
    s3_inbox_interval_s: int = Field(30, ge=5, description="seconds between two looks at it")
    max_pages: int = Field(100, gt=0, description="pages, or frames of a TIFF, that a document may have")
    max_words: int = Field(
        100_000, gt=0, description="words that all pages of a document may have together; what they say takes as long"
    )
    # Pillow, which opens the pictures everywhere, refuses more than the upper bound by itself.
    max_pixels: int = Field(
        100_000_000, gt=0, le=178_956_970, description="pixels of one picture, against decompression bombs"
    )

    recognition_timeout_s: float = Field(
        20,
        gt=0,
        description="processor time for opening a document to see what it is, or drawing one of its pages for a "
        "person; on a busy machine up to three times as long by the clock, here and below",
    )
    recognition_memory_mb: int = Field(
        1_500, ge=300, description="memory that may take in the REST service; a document that needs more is refused"
    )

    # Reading.
    reader: Literal["local", "docling_serve"] = Field("local", description="Docling on this machine, or docling-serve")
    docling_serve_url: str | None = Field(None, description="http://host:5001")
    docling_serve_api_key: SecretStr | None = Field(None, description="the key docling-serve asks for, if any")
    docling_serve_release: str = Field("", description="the server's release; change it to read documents anew with it")
    reading_timeout_s: float = Field(300, gt=0, description="processor time for one document")
    reading_page_timeout_s: float = Field(
        60, gt=0, description="processor time for one page of it; a document with a page that takes longer is rejected"
    )
    reading_processes: int = Field(
        0,
        ge=0,
        description="documents of one client read at once, each in a process of its own; 0: one for each processor. "
        "One more process is kept for other clients",
    )
    reading_memory_mb: int = Field(
        3_000, ge=600, description="memory of one such process; a document that needs more is rejected, and it alone"
    )
    reading_crashes: int = Field(
        2, ge=1, description="times a document may end its reader, or run out of memory, before it fails for good"
    )
    reading_fork_server: Path | None = Field(
        None,
        description="Unix socket of a process that has Docling loaded and that reading processes are forked from; "
        "`cira up` runs one. Empty: each run loads Docling anew",
    )
    ocr_dpi: int = Field(200, ge=72, le=600, description="resolution at which pages without text are read")
    ocr_threads: int = Field(0, ge=0, description="ONNX threads of one reading process; 0: its share of the processors")

    # Extraction.
    policy: Policy = Field(Policy.CHEAPEST, description="offline_only is in force whenever no model is configured")
    client_policies: Annotated[Mapping[str, Policy], NoDecode] = Field(
        default_factory=dict,
        description="policies of single clients, such as acme=model_first,shop=offline_only; a job's own goes before",
    )
    azure_openai_endpoint: str | None = Field(None, description="https://NAME.openai.azure.com")
    azure_openai_api_key: SecretStr | None = Field(None, description="empty: Entra ID is used")
    azure_openai_ad_token: SecretStr | None = Field(
        None, description="a ready Entra ID token; empty: azure-identity finds a credential (extra `entra`)"
    )
    azure_openai_entra_scope: str = Field(
        "https://cognitiveservices.azure.com/.default", description="what an Entra ID token is asked for"
    )
    azure_openai_api_version: str = Field("2024-10-21", description="of Azure's REST API")
    azure_openai_deployment: str | None = Field(None, description="name of the deployment that is asked")
    azure_openai_model: str = Field("gpt-4.1-mini", description="the deployment's model, for its price")
    azure_openai_escalation_deployment: str | None = Field(
        None, description="a stronger deployment, asked when the first one's record is not accepted"
    )
    azure_openai_escalation_model: str = Field("gpt-4.1", description="that deployment's model, for its price")
    azure_openai_correction_rounds: int = Field(
        1, ge=0, le=5, description="times a document is asked about again, with what validation found wrong"
    )
    azure_openai_timeout_s: float = Field(60, gt=0, description="one call to the model")
    azure_openai_attempts: int = Field(3, ge=1, description="calls for one question, the first included")
    # Kept well below the lease of a claimed question (db/answers/repository.py): after it, another may pay.
    azure_openai_deadline_s: float = Field(240, gt=0, le=500, description="all calls for one question, waits included")
    azure_openai_max_input_tokens: int = Field(
        60_000, ge=1_000, description="longest part of a document in one question; longer ones are asked in parts"
    )
    azure_openai_max_output_tokens: int = Field(8_192, gt=0, description="longest answer to one question")
    azure_openai_temperature: float = Field(
        0.0, ge=0, le=2, description="0 for the likeliest answer; not sent to models that take none"
    )
    azure_openai_seed: int = Field(1, description="makes answers repeatable where the model can")
    azure_openai_tokens_per_minute: int | None = Field(
        None, gt=0, description="the deployment's TPM, shared by all processes through Redis; empty: not limited here"
    )
    azure_openai_requests_per_minute: int | None = Field(
        None, gt=0, description="the deployment's RPM, shared by all processes through Redis; empty: not limited here"
    )
    azure_openai_escalation_tokens_per_minute: int | None = Field(None, gt=0, description="the stronger one's TPM")
    azure_openai_escalation_requests_per_minute: int | None = Field(None, gt=0, description="the stronger one's RPM")
    azure_openai_batch_deployment: str | None = Field(
        None,
        description="a deployment of the type Global Batch or Data Zone Batch with the first one's model; empty: no "
        "model batches. On a server that is not Azure: the model",
    )
    azure_openai_escalation_batch_deployment: str | None = Field(
        None, description="the same for the stronger one's model; empty: the stronger one is always asked at once"
    )
    model_batch_clients: CommaSeparated = Field(
        (), description="clients whose jobs wait for model batches, * for all; a job's own wish goes before"
    )
    model_batch_every_s: int = Field(900, ge=0, description="a batch is sent when a question has waited this long")
    model_batch_poll_s: int = Field(300, ge=1, description="seconds between two looks at the batches under way")
    model_batch_max_questions: int = Field(
        100_000, ge=1, description="questions in one batch; Azure takes 100,000, OpenAI 50,000"
    )
    model_batch_max_bytes: int = Field(
        200_000_000, ge=1_000_000, description="largest file of questions; Azure's 200 MB"
    )
    model_batch_attempts: int = Field(2, ge=1, description="batches a question is put into before they are given up")
    model_batch_fallback: Literal["live", "none"] = Field(
        "live",
        description="when batches are given up. live: it is asked at once, at the full price; none: the model gave no "
        "answer, another engine stands in and a person reviews",
    )
    model_batch_timeout_s: float = Field(600, gt=0, description="one upload or download of a batch's file")
    model_outage_policy: Literal["offline", "wait"] = Field(
        "offline",
        description="offline: other engines stand in and a person reviews; wait: the job waits until it is back",
    )
    breaker_failures: int = Field(
        5, ge=1, description="failures in a row after which the model or docling-serve is left alone"
    )
    breaker_reset_s: float = Field(30, gt=0, description="seconds it is left alone before one call tries it again")
    openai_base_url: str | None = Field(None, description="any OpenAI-compatible server instead of Azure")
    openai_api_key: SecretStr | None = Field(None, description="key of the server at CIRA_OPENAI_BASE_URL")

    # Validation and money.
    cost_budget_usd: Decimal = Field(Decimal("0.05"), ge=0, description="per invoice; above it the check `cost` warns")
    daily_budget_usd: Decimal | None = Field(
        None, ge=0, allow_inf_nan=False, description="USD a day (UTC): a paid call that could exceed it is not made"
    )
    monthly_budget_usd: Decimal | None = Field(
        None, ge=0, allow_inf_nan=False, description="USD a month (UTC): a paid call that could exceed it is not made"
    )
    client_budgets: Annotated[tuple[ClientBudget, ...], NoDecode] = Field(
        (), description="budgets of single clients, such as acme=10/day,200/month,shop=50/month"
    )
    budget_alert_share: Decimal = Field(
        Decimal("0.8"), gt=0, le=1, description="share of a budget from which on CIRA warns"
    )
    price_list: Path | None = Field(
        None, description="TOML or JSON file with your own prices; they go before published ones"
    )
    accept_confidence: float | None = Field(
        None,
        ge=0,
        le=1,
        description="below it, a value that people pay by sends its record to review; empty: as calibrated",
    )
    supplier_memory_scope: Literal["client", "all", "off"] = Field(
        "client",
        description="whose confirmed invoices teach the free engine where a supplier's fields stand: the client's own, "
        "all clients' (they then learn from each other), or nobody's",
    )
    rule_severity: Annotated[Mapping[str, RuleSeverity], NoDecode] = Field(
        default_factory=dict,
        description="severities of single rules, such as CIRA-PAY-01=info,CIRA-DATE-03=off, or as a JSON object",
    )
    accuracy_threshold: Decimal = Field(
        Decimal("0.95"), ge=0, le=1, description="share of labelled fields that must be right"
    )

    # REST service.
    api_host: str = Field("127.0.0.1", description="address `cira api` listens on; TLS is the proxy's before it")
    api_port: int = Field(8000, ge=0, le=65535, description="port `cira api` listens on")
    api_max_body_bytes: int = Field(16_000_000, gt=0, description="largest request body, uploads excepted")
    api_body_timeout_s: float = Field(60, gt=0, description="seconds a request's whole body may take to arrive")
    api_url_schemes: CommaSeparated = Field(
        ("http", "https"),
        description="kinds of URLs clients may submit; file and s3 are read with CIRA's own rights, for every client",
    )
    api_allowed_origins: CommaSeparated = Field((), description="web origins whose pages may call the API (CORS)")
    api_metrics_open: bool = Field(False, description="/metrics needs no key with the scope admin")
    api_key_pepper: SecretStr | None = Field(
        None, description="secret that API keys are hashed with; HOME/key-pepper, made at first need, if empty"
    )
    api_session_hours: float = Field(
        10, gt=0, le=168, description="hours after which people sign in to the page again, however busy they are"
    )
    api_key: SecretStr | None = Field(None, description="the key with which `cira ... --api URL` asks a REST service")

    # Webhooks.
    webhook_delivery: bool = Field(
        True, description="the REST service delivers webhooks too; if not, `cira webhooks deliver` must run"
    )
    webhook_allow_http: bool = Field(False, description="callbacks may be http:, readable by anybody on the way")
    webhook_allowed_hosts: CommaSeparated = Field(
        (), description="hosts or networks that may be called back although their address is not public"
    )
    webhook_timeout_s: float = Field(15, gt=0, le=300, description="one attempt to deliver a webhook, whole")
    webhook_give_up_s: float = Field(
        259_200, gt=0, description="seconds after which a webhook that nobody took is given up; three days"
    )
    webhook_threads: int = Field(16, ge=2, le=200, description="webhooks one process delivers at once")

    # Dagster.
    batch_max_jobs: int = Field(
        500, ge=1, description="jobs in one run at the most; fewer spread a backlog over more machines sooner"
    )
    batch_key_min_jobs: int | None = Field(
        None,
        ge=1,
        description="new jobs from which a run gets one partition key for all of them, and Dagster shows the batch; "
        "empty: every job has a key of its own",
    )
    batch_small_runs: int = Field(
        4, ge=1, description="runs under way up to which jobs get a run at once, however few wait; else a full one"
    )
    batch_wait_s: float = Field(60, ge=0, description="seconds that jobs wait for a full run at the most")
    batch_max_runs: int = Field(
        100, ge=1, description="runs under way at the most; further jobs wait in PostgreSQL, where they cost nothing"
    )
    sensor_interval_s: int = Field(3, ge=1, description="seconds between ticks of new_invoices")
    sensor_max_jobs: int = Field(
        500,
        ge=1,
        description="jobs for which one tick asks for runs, at least one run's; a long tick holds up the next",
    )
    stage_threads: int = Field(
        8, ge=1, description="jobs of one run that are downloading or waiting for a model at once"
    )
    celery_broker_url: SecretStr | None = Field(
        None, description="Redis that hands runs to Celery workers, where these do them (deploy/); redis_url if empty"
    )
    keep_keys_days: int = Field(
        30, ge=1, description="days for which Dagster shows an invoice that is done; its results stay for ever"
    )
    keep_runs_days: int = Field(90, ge=1, description="days for which Dagster keeps runs and their events")
    dagster_ui_url: str | None = Field(
        None,
        description="where people open Dagster: for links, and the one host besides loopback that its UI answers to",
    )
    dagster_ui_hosts: CommaSeparated = Field((), description="further hosts that Dagster's UI is opened at")
    daemon_silent_s: float = Field(
        180,
        ge=60,
        description="seconds without a heartbeat after which a daemon of Dagster counts as dead; it beats every 30",
    )
    queue_late_s: float = Field(
        7_200, gt=0, description="seconds in the queue after which `cira doctor` and an alert call a job late"
    )

    @field_validator(
        "fetch_allowed_hosts",
        "file_roots",
        "api_url_schemes",
        "api_allowed_origins",
        "model_batch_clients",
        "webhook_allowed_hosts",
        "dagster_ui_hosts",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator(
        "redis_url",
        "celery_broker_url",
        "object_store",
        "s3_endpoint_url",
        "docling_serve_url",
        "azure_openai_endpoint",
        "openai_base_url",
        "dagster_ui_url",
    )
    @classmethod
    def _well_formed(cls, value: str | SecretStr | None) -> str | SecretStr | None:
        _check_address(value.get_secret_value() if isinstance(value, SecretStr) else value or "")
        return value

    @field_validator("client_policies", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split(",") if part.strip()]
        if any(not client.strip() or not sign for client, sign, _ in pairs):
            raise ValueError("CLIENT=POLICY pairs are wanted, separated by commas")
        return {client.strip(): policy.strip() for client, _, policy in pairs}

    @field_validator("rule_severity", mode="before")
    @classmethod
    def _severities(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("{"):
            return json.loads(value)
        pairs = [part.partition("=") for part in value.split(",") if part.strip()]
        if any(not rule.strip() or not sign for rule, sign, _ in pairs):
            raise ValueError("RULE=SEVERITY pairs are wanted, separated by commas, or a JSON object")
        return {rule.strip(): severity.strip() for rule, _, severity in pairs}

    @field_validator("client_budgets", mode="before")
    @classmethod
    def _budgets(cls, value: object) -> object:
        return _client_budgets(value) if isinstance(value, str) else value

    @property
    def inbox_path(self) -> Path:
        return (self.inbox or self.home / "inbox").absolute()

    @property
    def least_free_bytes(self) -> int:
        return self.least_free_mb * 1_000_000

    @property
    def object_store_url(self) -> str:
        return self.object_store or (self.home / "objects").absolute().as_uri()

    @property
    def model_configured(self) -> bool:
        """Whether a paid model can be asked at all."""
        return bool((self.azure_openai_endpoint and self.azure_openai_deployment) or self.openai_base_url)

    @property
    def batches_configured(self) -> bool:
        """Whether any question can be put into a model batch."""
        deployments = (self.azure_openai_batch_deployment, self.azure_openai_escalation_batch_deployment)
        return self.model_configured and any(deployments)

    def may_wait_for_a_batch(self, client: str, own: bool | None = None) -> bool:
        """Whether a job's questions may wait for a model batch: as it says itself, else as its client is configured."""
        return own if own is not None else not {client, "*"}.isdisjoint(self.model_batch_clients)

    def as_environment(self) -> dict[str, str]:
        """Every setting that was given, as the variables that give it: for processes that read their own Settings."""
        given = ((name, getattr(self, name)) for name in sorted(self.model_fields_set))
        return {f"CIRA_{name.upper()}": _as_text(value) for name, value in given if value is not None}

    @property
    def effective_policy(self) -> Policy:
        return self.policy_for()

    def policy_for(self, client: str = "", own: Policy | None = None) -> Policy:
        """The policy in force for a job: its own, else its client's, else the general one; without a model none."""
        wanted = own or self.client_policies.get(client) or self.policy
        return wanted if self.model_configured else Policy.OFFLINE_ONLY


def _client_budgets(text: str) -> list[dict[str, str]]:
    """`acme=10/day,200/month,shop=50/month`: a part with a client begins it, one without goes on with it."""
    budgets: list[dict[str, str]] = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        client, sign, limit = part.rpartition("=")
        if sign:
            budgets.append({"client": client.strip()})
        usd, _, period = limit.partition("/")
        name = {"day": "daily_usd", "month": "monthly_usd"}.get(period.strip())
        if not budgets or name is None or name in budgets[-1]:
            raise ValueError("CLIENT=USD/day,USD/month is wanted, clients separated by commas")
        budgets[-1][name] = usd.strip()
    if len({budget["client"] for budget in budgets}) < len(budgets):
        raise ValueError("a client is named twice")
    return budgets


def _check_address(url: str) -> None:
    """Raises: ValueError, said without the address, which may hold a password."""
    try:
        malformed = "://" in url and urlsplit(url).port == 0
    except ValueError:
        malformed = True
    if malformed:
        raise ValueError("its host or port is malformed")


def _as_text(value: object) -> str:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case Path():
            return str(value.absolute())
        case tuple():
            return ",".join(_as_text(part) for part in value)
        case Mapping():
            return ",".join(f"{name}={_as_text(part)}" for name, part in value.items())
        case _:
            return str(value)


def load_settings(**given: object) -> Settings:
    """Settings from the environment and `.env`, with `given` on top.

    Raises ConfigurationError that names every wrong setting, without its value: it may be a secret.
    """
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = "; ".join(
            f"CIRA_{'_'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise ConfigurationError(wrong) from None


def unknown_variables() -> dict[str, str | None]:
    """Variables `CIRA_...` of the environment that are no setting (a typing error) -> the setting probably meant."""
    known = [f"CIRA_{name.upper()}" for name in (*Settings.model_fields, *RENAMED)]
    strange = (name for name in sorted(os.environ) if name.startswith("CIRA_") and name not in known)
    return {
        name: next(iter(get_close_matches(name, known, n=1)), None)
        for name in strange
        if not name.startswith("CIRA_SUPERVISED_")
    }


def inherited_environment() -> dict[str, str]:
    """The environment of this process, for the processes it starts."""
    return dict(os.environ)
