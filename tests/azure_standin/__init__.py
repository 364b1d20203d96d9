"""Azure OpenAI for tests and demos: a real HTTP server with Azure's paths, headers, error bodies, faults and bill."""

from tests.azure_standin.answers import answer, changed
from tests.azure_standin.batches import BatchFault
from tests.azure_standin.faults import Fault, Faults
from tests.azure_standin.label_answers import LabelAnswers
from tests.azure_standin.mistakes import Mistakes
from tests.azure_standin.quota import Quota
from tests.azure_standin.server import AzureStandin

__all__ = ["AzureStandin", "BatchFault", "Fault", "Faults", "LabelAnswers", "Mistakes", "Quota", "answer", "changed"]
