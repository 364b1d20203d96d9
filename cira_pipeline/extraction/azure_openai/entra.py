"""Signs in to Azure with Entra ID: obtains and renews tokens for the identity of this machine."""

from __future__ import annotations

from collections.abc import Callable

from cira_pipeline.errors import ConfigurationError, ModelUnauthorised, ModelUnavailable

TokenProvider = Callable[[], str]


def entra_token_provider(scope: str) -> TokenProvider:
    """Tokens of azure-identity's `DefaultAzureCredential`: environment, workload or managed identity, developer tools.

    The provider raises ModelUnauthorised when there is no identity, ModelUnavailable when the token endpoint does not
    answer.

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
    # Interactive sign-in is excluded: a service would wait for it without end.
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
