"""One call to the model: a question in, its answer or one clear error out. Nothing is tried again here."""

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
    """`name` as it is deployed, `model` what is behind it; a server that has no deployments is asked for the model."""

    name: str | None
    model: str


def first_deployment(settings: Settings) -> Deployment:
    return Deployment(settings.azure_openai_deployment, settings.azure_openai_model)


def escalation_deployment(settings: Settings) -> Deployment | None:
    """The stronger deployment to ask when the first one's record is not accepted, where one is named."""
    name = settings.azure_openai_escalation_deployment
    return Deployment(name, settings.azure_openai_escalation_model) if name else None


def _ignore(_headers: Mapping[str, str]) -> None:
    """For callers without a limiter."""


class Chat:
    """A deployment of Azure OpenAI, or a server that speaks its language. Thread-safe.

    Raises: ConfigurationError when the settings name no way to sign in.
    """

    def __init__(
        self, settings: Settings, deployment: Deployment, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = open_client(settings, deployment)
        self._timeout_s = settings.azure_openai_timeout_s
        self._monotonic = monotonic
        # Learnt by any thread, for all: assigning it is atomic, and learning it twice does no harm.
        self._dialect = ModelCapabilities()
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
        heard: Callable[[Mapping[str, str]], None] = _ignore,
    ) -> ModelAnswer:
        """The answer as it came, whatever is in it: it is paid. `timeout_s` bounds the whole call, body included.

        `heard` is told the headers of an answer, which say how much of the deployment's quota is left.

        Raises: the `Model...` leaves of the error tree, for calls that gave no answer.
        """
        limit_s = min(self._timeout_s, timeout_s or self._timeout_s)
        dialect = self._dialect
        while True:
            try:
                completion = self._completion(dialect.request(question), limit_s, heard)
            except openai.APIStatusError as error:
                plainer = _plainer(dialect, error)
                if plainer is None:
                    raise failure_of(error) from error
                dialect = plainer
            except (openai.OpenAIError, httpx2.HTTPError) as error:
                raise failure_of(error) from error
            else:
                self._dialect = dialect
                return answer_of(
                    completion,
                    question.request_hash,
                    provider=self.provider,
                    model=question.parameters.model,
                    asked_tokens=question.estimated_tokens,
                )

    def request(self, question: Question) -> dict[str, Any]:
        """The question as a request's body, as far as it is known what the server takes."""
        return self._dialect.request(question)

    def close(self) -> None:
        self._client.close()

    def _completion(
        self, request: dict[str, Any], limit_s: float, heard: Callable[[Mapping[str, str]], None]
    ) -> ChatCompletion:
        ends = self._monotonic() + limit_s
        body = bytearray()
        chat = self._client.chat.completions
        # Read in pieces: the client's own time limit is for each piece, and a server that drips would hold it for ever.
        with chat.with_streaming_response.create(**request, timeout=limit_s) as response:
            for chunk in response.iter_bytes():
                body += chunk
                if self._monotonic() > ends:
                    # What is complete was paid and is taken, however late: thrown away, it would be paid again.
                    if _is_complete(body):
                        break
                    raise ModelTimedOut(f"the model's answer was not complete after {limit_s:.0f} s")
                if len(body) > LARGEST_ANSWER_BYTES:
                    raise ModelUnavailable(f"the model's answer is larger than {LARGEST_ANSWER_BYTES} bytes")
            heard(response.headers)
        try:
            return ChatCompletion.model_validate_json(bytes(body))
        except ValidationError as error:
            raise ModelUnavailable("the model's server answered something that is no chat completion") from error


def _is_complete(body: bytes | bytearray) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def _plainer(dialect: ModelCapabilities, error: openai.APIStatusError) -> ModelCapabilities | None:
    """Another way to say the same, when the server rejected how it was said and not what."""
    if error.status_code not in _REJECTED or error.status_code == 404:
        return None
    failure = failure_of(error)
    if failure.code not in ("model_request_rejected", "model_unavailable"):
        return None
    learnt = dialect.without(complaint_of(error))
    if learnt is None and error.status_code == 422:
        # Only servers that are not OpenAI's answer 422, and what most of them lack is structured output.
        learnt = dialect.without_schema()
    return learnt


def answer_of(
    completion: ChatCompletion, request_hash: str, *, provider: str, model: str, asked_tokens: int
) -> ModelAnswer:
    """What was answered and counted; `model` and `asked_tokens` stand in for what the server does not say."""
    choice = completion.choices[0] if completion.choices else None
    message = choice.message if choice else None
    refusal = message.refusal if message else None
    content = refusal or (message.content if message else None) or ""
    finish_reason = "refusal" if refusal else str(choice.finish_reason) if choice else "none"
    usage = completion.usage
    # A server that does not count is billed by the estimate, which is high: a cost is never silently zero.
    asked = usage.prompt_tokens if usage else asked_tokens
    told = usage.completion_tokens if usage else estimate_tokens(content)
    details = usage.prompt_tokens_details if usage else None
    return ModelAnswer(
        request_hash=request_hash,
        provider=provider,
        model=completion.model or model,
        content=content,
        finish_reason=finish_reason,
        input_tokens=max(asked, 0),
        cached_input_tokens=min(max((details.cached_tokens if details else 0) or 0, 0), max(asked, 0)),
        output_tokens=max(told, 0),
    )


def provider_of(settings: Settings) -> str:
    """`azure` or `openai`, as price lists name them. Who only speaks the language is priced as OpenAI."""
    if not settings.openai_base_url:
        return "azure"
    host = urlsplit(settings.openai_base_url).hostname or ""
    return "azure" if host.endswith(_AZURE_HOSTS) else "openai"


def open_client(settings: Settings, deployment: Deployment) -> openai.OpenAI:
    """Raises: ConfigurationError when the settings name no way to sign in."""
    # The client's own retries are off: ours know the deadline, the circuit breaker and what was paid.
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
    """One way to sign in: given two, openai refuses to choose."""

    api_key: str | None = None
    ad_token: str | None = None
    token_provider: TokenProvider | None = None


def _credentials(settings: Settings) -> _Credentials:
    if settings.azure_openai_api_key:
        return _Credentials(api_key=settings.azure_openai_api_key.get_secret_value())
    if settings.azure_openai_ad_token:
        return _Credentials(ad_token=settings.azure_openai_ad_token.get_secret_value())
    return _Credentials(token_provider=entra_token_provider(settings.azure_openai_entra_scope))
