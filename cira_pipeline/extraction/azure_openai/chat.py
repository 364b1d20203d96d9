"""Makes one chat completion call, without retries: a question in, its answer or one error out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai
from openai.types.chat import ChatCompletion
from pydantic import ValidationError

from cira_pipeline.errors import ConfigurationError, ModelTimedOut, ModelUnavailable
from cira_pipeline.extraction.azure_openai.entra import TokenProvider, entra_token_provider
from cira_pipeline.extraction.azure_openai.failures import complaint_of, failure_of
from cira_pipeline.extraction.azure_openai.model_capabilities import ModelCapabilities
from cira_pipeline.extraction.azure_openai.question import Parameters, Question
from cira_pipeline.extraction.azure_openai.windows import estimate_tokens
from cira_pipeline.models import ModelAnswer
from cira_pipeline.settings import Settings

LARGEST_ANSWER_BYTES = 8_000_000
_REJECTED = {400, 404, 422, 500, 501}
_AZURE_HOSTS = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")


@dataclass(frozen=True)
class Deployment:
    """A model deployment: its `name` and the `model` behind it; a server without deployments is asked for the model."""

    name: str | None
    model: str


def first_deployment(settings: Settings) -> Deployment:
    """The deployment that is asked first."""
    return Deployment(settings.azure_openai_deployment, settings.azure_openai_model)


def escalation_deployment(settings: Settings) -> Deployment | None:
    """The stronger deployment to ask when the first one's record is not accepted, `None` without one."""
    name = settings.azure_openai_escalation_deployment
    return Deployment(name, settings.azure_openai_escalation_model) if name else None


def _ignore(_headers: Mapping[str, str]) -> None:
    """Default for callers without a rate limiter."""


class Chat:
    """Client of a deployment of Azure OpenAI, or of an OpenAI-compatible server. Thread-safe.

    Raises: ConfigurationError when the settings contain no credentials.
    """

    def __init__(
        self, settings: Settings, deployment: Deployment, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = open_client(settings, deployment)
        self._timeout_s = settings.azure_openai_timeout_s
        self._monotonic = monotonic
        # Shared by all threads: assignment is atomic, and detecting capabilities twice does no harm.
        self._capabilities = ModelCapabilities()
        self.provider = provider_of(settings)
        self.parameters = Parameters(
            provider=self.provider,
            deployment=deployment.name or deployment.model,
            model=deployment.model,
            temperature=settings.azure_openai_temperature,
            seed=settings.azure_openai_seed,
            max_output_tokens=settings.azure_openai_max_output_tokens,
        )

    def ask(
        self,
        question: Question,
        *,
        timeout_s: float | None = None,
        on_headers: Callable[[Mapping[str, str]], None] = _ignore,
    ) -> ModelAnswer:
        """The answer, whatever its content, because it is paid for. `timeout_s` bounds the whole call, body included.

        `on_headers` receives the headers of an answer, which state the remaining quota of the deployment.

        Raises: the `Model...` leaves of the error tree, for calls without an answer.
        """
        limit_s = min(self._timeout_s, timeout_s or self._timeout_s)
        capabilities = self._capabilities
        while True:
            try:
                completion = self._completion(capabilities.request(question), limit_s, on_headers)
            except openai.APIStatusError as error:
                reduced = _reduced(capabilities, error)
                if reduced is None:
                    raise failure_of(error) from error
                capabilities = reduced
            except (openai.OpenAIError, httpx2.HTTPError) as error:
                raise failure_of(error) from error
            else:
                self._capabilities = capabilities
                return answer_of(
                    completion,
                    question.request_hash,
                    provider=self.provider,
                    model=question.parameters.model,
                    asked_tokens=question.estimated_tokens,
                )

    def request(self, question: Question) -> dict[str, Any]:
        """The body of the request for `question`, by the capabilities of the server detected so far."""
        return self._capabilities.request(question)

    def close(self) -> None:
        self._client.close()

    def _completion(
        self, request: dict[str, Any], limit_s: float, on_headers: Callable[[Mapping[str, str]], None]
    ) -> ChatCompletion:
        ends = self._monotonic() + limit_s
        body = bytearray()
        chat = self._client.chat.completions
        # Read in chunks: the client's own time limit applies to each chunk, so a slow server could block without end.
        with chat.with_streaming_response.create(**request, timeout=limit_s) as response:
            for chunk in response.iter_bytes():
                body += chunk
                if self._monotonic() > ends:
                    # A complete answer is accepted even when late, because it is paid for.
                    if _is_complete(body):
                        break
                    raise ModelTimedOut(f"the model's answer was not complete after {limit_s:.0f} s")
                if len(body) > LARGEST_ANSWER_BYTES:
                    raise ModelUnavailable(f"the model's answer is larger than {LARGEST_ANSWER_BYTES} bytes")
            on_headers(response.headers)
        try:
            return ChatCompletion.model_validate_json(bytes(body))
        except ValidationError as error:
            raise ModelUnavailable(
                "the model's server answered with something that is not a chat completion"
            ) from error


def _is_complete(body: bytes | bytearray) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def _reduced(capabilities: ModelCapabilities, error: openai.APIStatusError) -> ModelCapabilities | None:
    """The capabilities to try next when the server rejected the form of a request, `None` for other errors."""
    if error.status_code not in _REJECTED or error.status_code == 404:
        return None
    failure = failure_of(error)
    if failure.code not in ("model_request_rejected", "model_unavailable"):
        return None
    found = capabilities.without(complaint_of(error))
    if found is None and error.status_code == 422:
        # Only OpenAI-compatible servers answer 422, and most of them lack structured output.
        found = capabilities.without_schema()
    return found


def answer_of(
    completion: ChatCompletion, request_hash: str, *, provider: str, model: str, asked_tokens: int
) -> ModelAnswer:
    """The answer in `completion` with its token counts; `model` and `asked_tokens` are used where it has none."""
    choice = completion.choices[0] if completion.choices else None
    message = choice.message if choice else None
    refusal = message.refusal if message else None
    content = refusal or (message.content if message else None) or ""
    finish_reason = "refusal" if refusal else str(choice.finish_reason) if choice else "none"
    usage = completion.usage
    # Without counts from the server, the (high) estimate is billed, so that a cost is never zero by mistake.
    asked = usage.prompt_tokens if usage else asked_tokens
    answered = usage.completion_tokens if usage else estimate_tokens(content)
    details = usage.prompt_tokens_details if usage else None
    return ModelAnswer(
        request_hash=request_hash,
        provider=provider,
        model=completion.model or model,
        content=content,
        finish_reason=finish_reason,
        input_tokens=max(asked, 0),
        cached_input_tokens=min(max((details.cached_tokens if details else 0) or 0, 0), max(asked, 0)),
        output_tokens=max(answered, 0),
    )


def provider_of(settings: Settings) -> str:
    """`azure` or `openai`, as price lists name them. OpenAI-compatible servers are priced as OpenAI."""
    if not settings.openai_base_url:
        return "azure"
    host = urlsplit(settings.openai_base_url).hostname or ""
    return "azure" if host.endswith(_AZURE_HOSTS) else "openai"


def open_client(settings: Settings, deployment: Deployment) -> openai.OpenAI:
    """The openai client for `deployment`. Raises: ConfigurationError when the settings contain no credentials."""
    # The client's own retries are off: CIRA's observe the deadline, the circuit breaker and paid answers.
    timeout_s = settings.azure_openai_timeout_s
    try:
        if settings.openai_base_url:
            key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else "none"
            return openai.OpenAI(base_url=settings.openai_base_url, api_key=key, max_retries=0, timeout=timeout_s)
        credentials = _credentials(settings)
        return openai.AzureOpenAI(
            azure_endpoint=settings.azure_openai_endpoint or "",
            azure_deployment=deployment.name,
            api_version=settings.azure_openai_api_version,
            api_key=credentials.api_key,
            azure_ad_token=credentials.ad_token,
            azure_ad_token_provider=credentials.token_provider,
            max_retries=0,
            timeout=timeout_s,
        )
    except (openai.OpenAIError, httpx2.InvalidURL, ValueError) as error:
        raise ConfigurationError(f"the model cannot be reached as configured: {error}") from error


@dataclass(frozen=True)
class _Credentials:
    """Credentials of one kind: the openai client refuses several."""

    api_key: str | None = None
    ad_token: str | None = None
    token_provider: TokenProvider | None = None


def _credentials(settings: Settings) -> _Credentials:
    if settings.azure_openai_api_key:
        return _Credentials(api_key=settings.azure_openai_api_key.get_secret_value())
    if settings.azure_openai_ad_token:
        return _Credentials(ad_token=settings.azure_openai_ad_token.get_secret_value())
    return _Credentials(token_provider=entra_token_provider(settings.azure_openai_entra_scope))
