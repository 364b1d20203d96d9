"""Resource for the extraction engines and the paid model behind one of them."""

from collections.abc import Mapping

import dagster as dg
from pydantic import Field, SecretStr

from cira_pipeline.extraction.answers import AnswerStore
from cira_pipeline.extraction.engine import Engine
from cira_pipeline.jobs import Policy
from cira_pipeline.models import EngineName
from cira_pipeline.pipeline.engines import engines_from_settings
from cira_pipeline.settings import Settings


class ExtractionResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Extraction engines: the free ones always; the paid ones where an endpoint and a deployment are named."""

    policy: str = Field(
        Policy.CHEAPEST.value, description="order of the engines: cheapest, model_first or offline_only"
    )
    azure_openai_endpoint: str = Field("", description="https://NAME.openai.azure.com")
    azure_openai_deployment: str = ""
    azure_openai_model: str = Field("gpt-4.1-mini", description="the deployment's model, which determines its price")
    azure_openai_api_key: str = Field("", description="environment variable CIRA_AZURE_OPENAI_API_KEY")

    def overrides(self) -> dict[str, object]:
        overrides: dict[str, object] = {
            "policy": Policy(self.policy),
            "azure_openai_endpoint": self.azure_openai_endpoint or None,
            "azure_openai_deployment": self.azure_openai_deployment or None,
            "azure_openai_model": self.azure_openai_model,
        }
        if self.azure_openai_api_key:
            overrides["azure_openai_api_key"] = SecretStr(self.azure_openai_api_key)
        return overrides

    def engines(self, settings: Settings, answers: AnswerStore) -> Mapping[EngineName, Engine]:
        return engines_from_settings(settings, answers)
