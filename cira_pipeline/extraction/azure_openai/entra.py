"""Signing in to Azure with Entra ID: a token from whatever identity this machine has, fetched and renewed by itself."""

from __future__ import annotations

from collections.abc import Callable

from cira_pipeline.errors import ConfigurationError, ModelUnauthorised, ModelUnavailable

TokenProvider = Callable[[], str]


def entra_token_provider(scope: str) -> TokenProvider:
    """Tokens of azure-identity's `DefaultAzureCredential`: environment, workload or managed identity, developer tools.

    The provider raises ModelUnauthorised when no identity can be found, ModelUnavailable when the place that issues
    tokens does not answer.

    Raises: ConfigurationError when azure-identity is not installed.
    """
    try:
        from azure.core.exceptions import AzureError, ClientAuthenticationError
        from azure.identity import DefaultAzureCredential, get_bearer_token_provider
    except ImportError as error:
        raise ConfigurationError(
            "CIRA_AZURE_OPENAI_ENDPOINT is set, but neither CIRA_AZURE_OPENAI_API_KEY nor CIRA_AZURE_OPENAI_AD_TOKEN; "
            "to sign in with Entra ID install the extra: pip install 'cira-pipeline[entra]'"
        ) from error
    # A person at a browser is no identity of a service: it would wait for one that never comes.
    issued = get_bearer_token_provider(DefaultAzureCredential(exclude_interactive_browser_credential=True), scope)

    def token() -> str:
        try:
            return str(issued())
        except ClientAuthenticationError as error:
            raise ModelUnauthorised(f"Entra ID gave no token: {_first_line(error)}") from error
        except AzureError as error:
            raise ModelUnavailable(f"Entra ID cannot be asked for a token: {_first_line(error)}") from error

    return token


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
