"""All settings of CIRA, read from environment variables `CIRA_...` or a `.env` file.

No other module reads the environment. `cira doctor --settings` prints each setting with its value and meaning. Secrets
are `SecretStr` and never printed.
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
from cira_pipeline.jobs import Policy

_log = logging.getLogger(__name__)


class RuleSeverity(StrEnum):
    """Severity of a validation rule's findings: `error` always needs review, `info` never, `off` disables the rule."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    OFF = "off"


class ClientBudget(BaseModel):
    """Budget for one client's jobs, in USD; `None`: no limit."""

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
"""Former name of a setting -> its current name. The former variables work until version 0.3, with a warning."""

CommaSeparated = Annotated[tuple[str, ...], NoDecode]
CommaSeparatedPaths = Annotated[tuple[Path, ...], NoDecode]


class _EarlierNames(PydanticBaseSettingsSource):
    """Reads settings by their former names, from the environment or the `.env` file; the current name has priority."""

    def __init__(self, settings_cls: type[BaseSettings], *sources: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._sources = [each for each in sources if isinstance(each, EnvSettingsSource | DotEnvSettingsSource)]

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        for earlier in (old for old, new in RENAMED.items() if new == field_name):
            for source in self._sources:
                if value := source.env_vars.get(f"cira_{earlier}"):
                    _log.warning(
                        "CIRA_%s was renamed to CIRA_%s; use the new name, the former one works until version 0.3",
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
    """All settings with their defaults, bounds and meanings; immutable. `load_settings` reports errors readably."""

    model_config = SettingsConfigDict(
        # An empty variable (common in environment files) counts as not set.
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

    # Services. Where these are empty, `cira up` starts its own PostgreSQL and Valkey and sets them for its children.
    home: Path = Field(
        Path(".cira"), description="folder of the embedded services, the object store and Dagster's files"
    )
    postgres_url: SecretStr | None = Field(
        None, description="PostgreSQL database of jobs and results: postgresql://user:password@host/db"
    )
    dagster_postgres_url: SecretStr | None = Field(
        None, description="PostgreSQL database of Dagster's own tables; empty: the one of CIRA_POSTGRES_URL"
    )
    analyst_password: SecretStr | None = Field(
        None,
        description="password of PostgreSQL's read-only role cira_analyst; empty: the role cannot log in, it can "
        "only be granted to other roles",
    )
    redis_url: SecretStr | None = Field(
        None, description="Redis or Valkey for the status cache and shared limits: redis://host:6379/0"
    )
    object_store: str | None = Field(
        None, description="storage of documents and readings: a folder, file:// or s3://bucket/prefix"
    )
    s3_endpoint_url: str | None = Field(None, description="URL of an S3-compatible store other than AWS")
    least_free_mb: int = Field(
        500,
        ge=0,
        description="minimum free space, in MB, on the disks of HOME and of the object store's folder; below it new "
        "work is refused and jobs wait; 0: not checked",
    )
    status_ttl_s: int = Field(
        30, gt=0, description="seconds for which a job's status is cached; a cached status is never older"
    )

    # Intake.
    fetch_timeout_s: float = Field(60, gt=0, description="seconds for a whole download, redirects included")
    fetch_stall_timeout_s: float = Field(
        15, gt=0, description="seconds without received data after which one attempt at a download is aborted"
    )
    fetch_max_bytes: int = Field(50_000_000, gt=0, description="largest document accepted, in bytes")
    fetch_max_redirects: int = Field(
        5, ge=0, description="maximum redirects followed, each checked like the submitted URL"
    )
    fetch_attempts: int = Field(3, ge=1, description="attempts at a download that fails with a transient error")
    fetch_allowed_hosts: CommaSeparated = Field(
        (),
        description="hosts, or networks such as 10.0.0.0/8, that may be fetched from although their address is not "
        "public",
    )
    source_max_requests: int = Field(
        8, ge=1, description="maximum concurrent requests to one source host, over all processes (with Redis)"
    )
    source_failures: int = Field(
        5, ge=1, description="consecutive failures after which requests to a source host are paused and its jobs wait"
    )
    source_pause_s: float = Field(
        30,
        gt=0,
        description="seconds of the first pause; after each pause one request tests the host, and a failed "
        "test doubles the next pause",
    )
    source_longest_pause_s: float = Field(900, gt=0, description="longest pause of a source host, in seconds")
    source_wait_hours: float = Field(
        48, gt=0, description="hours after which a job that waits for an unavailable source fails"
    )
    file_roots: CommaSeparatedPaths = Field(
        (), description="folders that file:// URLs may be in; the inbox is always allowed"
    )
    inbox: Path | None = Field(None, description="folder watched for invoices; empty: HOME/inbox")
    s3_inbox: str | None = Field(
        None,
        pattern=r"^s3://[A-Za-z0-9]",
        description="S3 prefix watched for invoices, s3://bucket/prefix; empty: none",
    )
    s3_inbox_interval_s: int = Field(30, ge=5, description="seconds between two listings of the S3 prefix")
    max_pages: int = Field(100, gt=0, description="maximum pages of a document, or frames of a TIFF")
    max_words: int = Field(
        100_000,
        gt=0,
        description="maximum words of a document, on all pages together; bounds the time of its extraction",
    )
    # Pillow, which opens all images, refuses more than this upper bound.
    max_pixels: int = Field(
        100_000_000, gt=0, le=178_956_970, description="maximum pixels of one image, against decompression bombs"
    )

    recognition_timeout_s: float = Field(
        20,
        gt=0,
        description="seconds of processor time to open a document and recognise its type, or to render one page for "
        "display; on a busy machine up to three times as long in wall-clock time, here and below",
    )
    recognition_memory_mb: int = Field(
        1_500,
        ge=300,
        description="memory, in MB, for these two tasks in the REST service; a document that needs more is refused",
    )

    # Reading.
    reader: Literal["local", "docling_serve"] = Field(
        "local", description="what reads documents: Docling on this machine, or a docling-serve server"
    )
    docling_serve_url: str | None = Field(None, description="URL of docling-serve: http://host:5001")
    docling_serve_api_key: SecretStr | None = Field(None, description="API key of docling-serve, if it requires one")
    docling_serve_release: str = Field(
        "",
        description="version of docling-serve, part of the key of stored readings: change it to read documents again",
    )
    reading_timeout_s: float = Field(300, gt=0, description="seconds of processor time to read one document")
    reading_page_timeout_s: float = Field(
        60, gt=0, description="seconds of processor time to read one page; a document with a slower page is rejected"
    )
    reading_processes: int = Field(
        0,
        ge=0,
        description="documents of one client read concurrently, each in its own process; 0: one per processor. One "
        "more process is reserved for other clients",
    )
    reading_memory_mb: int = Field(
        3_000, ge=600, description="memory of one reading process, in MB; only the document that needs more is rejected"
    )
    reading_crashes: int = Field(
        2, ge=1, description="times a document may crash its reader, or run out of memory, before its job fails"
    )
    reading_fork_server: Path | None = Field(
        None,
        description="Unix socket of a process with Docling loaded, which reading processes are forked from; `cira up` "
        "starts one. Empty: each run loads Docling itself",
    )
    ocr_dpi: int = Field(200, ge=72, le=600, description="resolution for OCR of pages without a text layer, in dpi")
    ocr_threads: int = Field(
        0, ge=0, description="ONNX threads per reading process; 0: an equal share of the processors"
    )

    # Extraction.
    policy: Policy = Field(
        Policy.CHEAPEST,
        description="which extraction engines are asked, and when to stop; without a configured model always "
        "offline_only",
    )
    client_policies: Annotated[Mapping[str, Policy], NoDecode] = Field(
        default_factory=dict,
        description="policies of single clients, such as acme=model_first,shop=offline_only; a job's own policy has "
        "priority",
    )
    azure_openai_endpoint: str | None = Field(
        None, description="endpoint of the Azure OpenAI resource: https://NAME.openai.azure.com"
    )
    azure_openai_api_key: SecretStr | None = Field(None, description="API key of the resource; empty: Entra ID is used")
    azure_openai_ad_token: SecretStr | None = Field(
        None, description="an Entra ID access token; empty: azure-identity finds a credential (extra `entra`)"
    )
    azure_openai_entra_scope: str = Field(
        "https://cognitiveservices.azure.com/.default", description="scope that Entra ID tokens are requested for"
    )
    azure_openai_api_version: str = Field("2024-10-21", description="version of Azure OpenAI's REST API")
    azure_openai_deployment: str | None = Field(None, description="name of the first deployment that is asked")
    azure_openai_model: str = Field("gpt-4.1-mini", description="the deployment's model, which determines the price")
    azure_openai_escalation_deployment: str | None = Field(
        None,
        description="deployment of a stronger model, asked when the first deployment's record is not accepted",
    )
    azure_openai_escalation_model: str = Field(
        "gpt-4.1", description="the escalation deployment's model, which determines the price"
    )
    azure_openai_correction_rounds: int = Field(
        1, ge=0, le=5, description="times the model is asked again about a document, with the validation's findings"
    )
    azure_openai_timeout_s: float = Field(60, gt=0, description="seconds for one call to the model")
    azure_openai_attempts: int = Field(3, ge=1, description="maximum calls for one question, the first included")
    # Well below the lease of a claimed question (db/answers/repository.py): after the lease another process may pay.
    azure_openai_deadline_s: float = Field(
        240, gt=0, le=500, description="seconds for all calls for one question, waits included"
    )
    azure_openai_max_input_tokens: int = Field(
        60_000, ge=1_000, description="maximum tokens of document text in one question; longer documents are split"
    )
    azure_openai_max_output_tokens: int = Field(8_192, gt=0, description="maximum tokens of one answer")
    azure_openai_temperature: float = Field(
        0.0, ge=0, le=2, description="sampling temperature, 0: most likely answer; not sent to models without it"
    )
    azure_openai_seed: int = Field(1, description="sampling seed, for repeatable answers where the model supports it")
    azure_openai_tokens_per_minute: int | None = Field(
        None,
        gt=0,
        description="the deployment's tokens per minute (TPM), shared by all processes through Redis; empty: no "
        "limit in CIRA",
    )
    azure_openai_requests_per_minute: int | None = Field(
        None,
        gt=0,
        description="the deployment's requests per minute (RPM), shared by all processes through Redis; empty: no "
        "limit in CIRA",
    )
    azure_openai_escalation_tokens_per_minute: int | None = Field(
        None, gt=0, description="the escalation deployment's tokens per minute"
    )
    azure_openai_escalation_requests_per_minute: int | None = Field(
        None, gt=0, description="the escalation deployment's requests per minute"
    )
    azure_openai_batch_deployment: str | None = Field(
        None,
        description="deployment of the type Global Batch or Data Zone Batch with the first deployment's model; "
        "empty: no model batches. On a server other than Azure: the model's name",
    )
    azure_openai_escalation_batch_deployment: str | None = Field(
        None,
        description="batch deployment with the escalation deployment's model; empty: escalations are never batched",
    )
    model_batch_clients: CommaSeparated = Field(
        (), description="clients whose jobs wait for model batches, * for all; a job's own choice has priority"
    )
    model_batch_every_s: int = Field(900, ge=0, description="seconds a question waits at most before a batch is sent")
    model_batch_poll_s: int = Field(300, ge=1, description="seconds between two status checks of unfinished batches")
    model_batch_max_questions: int = Field(
        100_000, ge=1, description="maximum questions in one batch; Azure allows 100,000, OpenAI 50,000"
    )
    model_batch_max_bytes: int = Field(
        200_000_000, ge=1_000_000, description="maximum size of a batch's input file, in bytes; Azure allows 200 MB"
    )
    model_batch_attempts: int = Field(
        2, ge=1, description="batches that a question is put into before CIRA_MODEL_BATCH_FALLBACK applies"
    )
    model_batch_fallback: Literal["live", "none"] = Field(
        "live",
        description="what happens after the last batch attempt. live: the question is asked directly, at the full "
        "price; none: it counts as unanswered, another engine is used and a reviewer checks the record",
    )
    model_batch_timeout_s: float = Field(600, gt=0, description="seconds for one upload or download of a batch's file")
    model_outage_policy: Literal["offline", "wait"] = Field(
        "offline",
        description="what happens while the model is unavailable. offline: other engines are used and a reviewer "
        "checks the record; wait: the job waits until the model answers again",
    )
    breaker_failures: int = Field(
        5, ge=1, description="consecutive failures after which calls to the model or docling-serve are paused"
    )
    breaker_reset_s: float = Field(30, gt=0, description="seconds of the pause, after which one call tests the service")
    openai_base_url: str | None = Field(None, description="URL of an OpenAI-compatible server, used instead of Azure")
    openai_api_key: SecretStr | None = Field(None, description="API key of the server at CIRA_OPENAI_BASE_URL")

    # Validation and money.
    cost_budget_usd: Decimal = Field(
        Decimal("0.05"), ge=0, description="USD per invoice above which the check `cost` warns"
    )
    daily_budget_usd: Decimal | None = Field(
        None, ge=0, allow_inf_nan=False, description="USD per day (UTC); a paid call that could exceed it is not made"
    )
    monthly_budget_usd: Decimal | None = Field(
        None, ge=0, allow_inf_nan=False, description="USD per month (UTC); a paid call that could exceed it is not made"
    )
    client_budgets: Annotated[tuple[ClientBudget, ...], NoDecode] = Field(
        (), description="budgets of single clients in USD, such as acme=10/day,200/month,shop=50/month"
    )
    budget_alert_share: Decimal = Field(
        Decimal("0.8"), gt=0, le=1, description="share of a budget from which CIRA warns"
    )
    price_list: Path | None = Field(
        None, description="TOML or JSON file with your own prices, which have priority over published ones"
    )
    accept_confidence: float | None = Field(
        None,
        ge=0,
        le=1,
        description="confidence below which a payment-critical value sends its record to review; empty: the calibrated "
        "threshold",
    )
    supplier_memory_scope: Literal["client", "all", "off"] = Field(
        "client",
        description="whose confirmed invoices the engine `offline` learns suppliers' layouts from. client: those of "
        "the job's client; all: those of all clients, which then learn from each other; off: none",
    )
    rule_severity: Annotated[Mapping[str, RuleSeverity], NoDecode] = Field(
        default_factory=dict,
        description="severities of single rules, such as CIRA-PAY-01=info,CIRA-DATE-03=off, or as a JSON object",
    )
    custom_fields: Path | None = Field(
        None, description="TOML file with fields and rules of your own (docs/custom-fields.md); empty: none"
    )
    accuracy_threshold: Decimal = Field(
        Decimal("0.95"), ge=0, le=1, description="minimum share of correct fields on labelled documents"
    )

    # REST service.
    api_host: str = Field(
        "127.0.0.1", description="address `cira api` listens on; TLS is terminated by a proxy in front of it"
    )
    api_port: int = Field(8000, ge=0, le=65535, description="port `cira api` listens on")
    api_max_body_bytes: int = Field(16_000_000, gt=0, description="largest request body, in bytes, except uploads")
    api_body_timeout_s: float = Field(60, gt=0, description="seconds within which a request's whole body must arrive")
    api_url_schemes: CommaSeparated = Field(
        ("http", "https"),
        description=(
            "URL schemes clients may submit; file and s3 are read with CIRA's own permissions, for every client"
        ),
    )
    api_allowed_origins: CommaSeparated = Field((), description="web origins whose pages may call the API (CORS)")
    api_metrics_open: bool = Field(
        False, description="true: /metrics needs no API key; false: it needs one with the scope admin"
    )
    api_key_pepper: SecretStr | None = Field(
        None,
        description="secret that API keys are hashed with; empty: the file HOME/key-pepper, created when first needed",
    )
    api_session_hours: float = Field(
        10, gt=0, le=168, description="hours after which a web session ends and reviewers sign in again, active or not"
    )
    api_key: SecretStr | None = Field(None, description="API key that `cira ... --api URL` sends to a REST service")

    # Webhooks.
    webhook_delivery: bool = Field(
        True, description="the REST service also delivers webhooks; if false, `cira webhooks deliver` must run"
    )
    webhook_allow_http: bool = Field(
        False, description="allow callback URLs with http:, whose content is readable on the network"
    )
    webhook_allowed_hosts: CommaSeparated = Field(
        (), description="hosts or networks that callbacks may go to although their address is not public"
    )
    webhook_timeout_s: float = Field(15, gt=0, le=300, description="seconds for one whole attempt to deliver a webhook")
    webhook_give_up_s: float = Field(
        259_200, gt=0, description="seconds after which an undelivered webhook is given up; the default is three days"
    )
    webhook_threads: int = Field(16, ge=2, le=200, description="webhooks that one process delivers concurrently")

    # Dagster.
    batch_max_jobs: int = Field(
        500, ge=1, description="maximum jobs in one run; fewer spread a backlog over more machines sooner"
    )
    batch_key_min_jobs: int | None = Field(
        None,
        ge=1,
        description="new jobs from which a run gets one partition key for the whole batch in Dagster; empty: every job "
        "has its own partition key",
    )
    batch_small_runs: int = Field(
        4,
        ge=1,
        description="unfinished runs up to which queued jobs get a run immediately, however few they are; above it, "
        "runs are filled first",
    )
    batch_wait_s: float = Field(60, ge=0, description="maximum seconds that jobs wait for a run to be filled")
    batch_max_runs: int = Field(
        100, ge=1, description="maximum unfinished runs; further jobs wait in PostgreSQL, at no cost"
    )
    sensor_interval_s: int = Field(3, ge=1, description="seconds between ticks of the sensor new_invoices")
    sensor_max_jobs: int = Field(
        500,
        ge=1,
        description="maximum jobs that one sensor tick requests runs for, but at least one run's; a long tick delays "
        "the next",
    )
    stage_threads: int = Field(8, ge=1, description="jobs of one run that download or wait for a model concurrently")
    celery_broker_url: SecretStr | None = Field(
        None,
        description="Redis used as broker where Celery workers execute the runs (deploy/); empty: CIRA_REDIS_URL",
    )
    keep_keys_days: int = Field(
        30, ge=1, description="days for which Dagster shows a finished invoice; its results are kept permanently"
    )
    keep_runs_days: int = Field(90, ge=1, description="days for which Dagster keeps runs and their events")
    dagster_ui_url: str | None = Field(
        None,
        description="public URL of Dagster's UI, used for links; its host is the only one besides loopback that the UI "
        "answers to",
    )
    dagster_ui_hosts: CommaSeparated = Field((), description="further hosts that Dagster's UI answers to")
    daemon_silent_s: float = Field(
        180,
        ge=60,
        description="seconds without a heartbeat after which a Dagster daemon counts as dead; heartbeats come every 30",
    )
    queue_late_s: float = Field(
        7_200, gt=0, description="seconds in the queue after which `cira doctor` and an alert report a job as late"
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
            raise ValueError("expected CLIENT=POLICY pairs, separated by commas")
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
            raise ValueError("expected RULE=SEVERITY pairs, separated by commas, or a JSON object")
        return {rule.strip(): severity.strip() for rule, _, severity in pairs}

    @field_validator("client_budgets", mode="before")
    @classmethod
    def _budgets(cls, value: object) -> object:
        return _client_budgets(value) if isinstance(value, str) else value

    @property
    def inbox_path(self) -> Path:
        """The watched folder, absolute."""
        return (self.inbox or self.home / "inbox").absolute()

    @property
    def least_free_bytes(self) -> int:
        return self.least_free_mb * 1_000_000

    @property
    def redis_address(self) -> str | None:
        """The URL of Redis with its password, for the code that connects to it; `None` without Redis."""
        return self.redis_url.get_secret_value() if self.redis_url else None

    @property
    def object_store_url(self) -> str:
        return self.object_store or (self.home / "objects").absolute().as_uri()

    @property
    def model_configured(self) -> bool:
        """Whether a model's endpoint is configured."""
        return bool((self.azure_openai_endpoint and self.azure_openai_deployment) or self.openai_base_url)

    @property
    def batches_configured(self) -> bool:
        """Whether a deployment for model batches is configured."""
        deployments = (self.azure_openai_batch_deployment, self.azure_openai_escalation_batch_deployment)
        return self.model_configured and any(deployments)

    def may_wait_for_a_batch(self, client: str, own: bool | None = None) -> bool:
        """Whether a job's questions may wait for a model batch: the job's `own` choice, else its client's setting."""
        return own if own is not None else not {client, "*"}.isdisjoint(self.model_batch_clients)

    def as_environment(self) -> dict[str, str]:
        """All settings that were given, as environment variables for child processes."""
        given = ((name, getattr(self, name)) for name in sorted(self.model_fields_set))
        return {f"CIRA_{name.upper()}": _as_text(value) for name, value in given if value is not None}

    @property
    def effective_policy(self) -> Policy:
        """The policy for jobs without a policy of their own or of their client."""
        return self.policy_for()

    def policy_for(self, client: str = "", own: Policy | None = None) -> Policy:
        """The policy for a job: its own, else its client's, else the general one; `offline_only` without a model."""
        wanted = own or self.client_policies.get(client) or self.policy
        return wanted if self.model_configured else Policy.OFFLINE_ONLY


def _client_budgets(text: str) -> list[dict[str, str]]:
    """Parses `acme=10/day,200/month,shop=50/month`; a part without `CLIENT=` belongs to the client before it."""
    budgets: list[dict[str, str]] = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        client, sign, limit = part.rpartition("=")
        if sign:
            budgets.append({"client": client.strip()})
        usd, _, period = limit.partition("/")
        name = {"day": "daily_usd", "month": "monthly_usd"}.get(period.strip())
        if not budgets or name is None or name in budgets[-1]:
            raise ValueError("expected CLIENT=USD/day,USD/month, clients separated by commas")
        budgets[-1][name] = usd.strip()
    if len({budget["client"] for budget in budgets}) < len(budgets):
        raise ValueError("a client is listed twice")
    return budgets


def _check_address(url: str) -> None:
    """Raises: ValueError, whose message omits the address because it may contain a password."""
    try:
        malformed = "://" in url and urlsplit(url).port == 0
    except ValueError:
        malformed = True
    if malformed:
        raise ValueError("the host or port is malformed")


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
    """Settings from the environment and `.env`; `given` has priority.

    Raises: ConfigurationError, which names every invalid setting, but not its value, which may be a secret.
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
    """Environment variables `CIRA_...` that are not settings (typing errors) -> the most similar setting, if any."""
    known = [f"CIRA_{name.upper()}" for name in (*Settings.model_fields, *RENAMED)]
    strange = (name for name in sorted(os.environ) if name.startswith("CIRA_") and name not in known)
    return {
        name: next(iter(get_close_matches(name, known, n=1)), None)
        for name in strange
        if not name.startswith("CIRA_SUPERVISED_")
    }


def inherited_environment() -> dict[str, str]:
    """A copy of this process's environment, for child processes."""
    return dict(os.environ)
