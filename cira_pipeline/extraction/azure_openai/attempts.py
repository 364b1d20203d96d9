"""From the first answer about a document to the last one that is worth its money.

What validation does not accept goes back to the model with the findings, at most so many rounds; what is still not
accepted goes to a stronger deployment, where there is one. When a later question fails, the record of the answers
before it stands: it is known to need a person already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cira_pipeline.errors import CircuitOpen, ExtractionError
from cira_pipeline.extraction.azure_openai.conversation import Conversation, Model, Part
from cira_pipeline.extraction.azure_openai.correction import complained_about, settled
from cira_pipeline.extraction.azure_openai.grounded import grounded
from cira_pipeline.extraction.azure_openai.windows import Window, merged
from cira_pipeline.extraction.engine import Judge
from cira_pipeline.extraction.explain import ESCALATED, ROUND
from cira_pipeline.extraction.ranking import Rank, rank
from cira_pipeline.invoice import Invoice
from cira_pipeline.models import EngineName, Extraction, Finding, Reading, Record, Severity, Usage, Verdict

# More would tell the model nothing that the first ones do not.
_MOST_FINDINGS = 20


@dataclass
class Attempts:
    """All questions about one document. `usage` is everything that was answered so far."""

    reading: Reading
    windows: Sequence[Window]
    engine_version: str
    usage: list[Usage] = field(default_factory=list)

    def first(self, model: Model) -> tuple[Extraction, tuple[Part, ...]]:
        """Raises: `Model...` leaves of the error tree, CircuitOpen."""
        parts = Conversation(model, self.usage).about(self.windows)
        return self._extraction(parts), parts

    def corrected(
        self, model: Model, extraction: Extraction, parts: tuple[Part, ...], judge: Judge, *, rounds: int
    ) -> Extraction:
        """`extraction` after at most `rounds` rounds; each leaves findings: why it was, what it changed."""
        for number in range(1, rounds + 1):
            doubts = _doubts_to_settle(judge(extraction))
            if not doubts:
                break
            cause = f"correction round {number} of at most {rounds}"
            try:
                parts = Conversation(model, self.usage).again(parts, number, [finding.message for finding in doubts])
            except (ExtractionError, CircuitOpen) as error:
                return _told(extraction, ROUND, f"{cause} gave no answer ({error.code})")
            after = self._extraction(parts)
            extraction = settled(extraction, after, doubted=complained_about(doubts), rank=_ranking(judge), cause=cause)
            rules = ", ".join(dict.fromkeys(finding.rule for finding in doubts))
            extraction = _told(extraction, ROUND, f"{cause}, because of {rules}")
        return extraction

    def escalated(self, model: Model, extraction: Extraction, judge: Judge) -> Extraction:
        """`extraction`, or that of the stronger `model` where it is the better one; either tells of the other."""
        doubts = _doubts_to_settle(judge(extraction))
        if not doubts:
            return extraction
        name = model.parameters.deployment
        rules = ", ".join(dict.fromkeys(finding.rule for finding in doubts))
        try:
            stronger, _ = self.first(model)
        except (ExtractionError, CircuitOpen) as error:
            return _told(extraction, ESCALATED, f"deployment {name} gave no answer ({error.code})")
        # Its answer is the one in force; what the first answers say otherwise is put to validation, and told.
        cause = f"deployment {name} was asked, because of {rules}"
        everything = frozenset(Invoice.model_fields)
        combined = settled(extraction, stronger, doubted=everything, rank=_ranking(judge), cause=cause)
        return _told(combined, ESCALATED, cause)

    def _extraction(self, parts: Sequence[Part]) -> Extraction:
        found = grounded(merged([part.spans for part in parts]), self.reading)
        return Extraction(
            engine=EngineName.AZURE_OPENAI,
            engine_version=self.engine_version,
            invoice=found.invoice,
            evidence=found.evidence,
            findings=found.findings,
        )


def _doubts_to_settle(record: Record) -> list[Finding]:
    """What another answer could settle in a record that needs review: no complaint about what two engines read alike.

    An IBAN whose check digits are wrong on the page stays wrong however often one looks.
    """
    if record.verdict is not Verdict.NEEDS_REVIEW:
        return []
    agreed = {evidence.field for evidence in record.evidence if evidence.agreed_by}
    return [
        finding
        for finding in record.findings
        if finding.severity is not Severity.INFO and not (finding.fields and complained_about((finding,)) <= agreed)
    ][:_MOST_FINDINGS]


def _ranking(judge: Judge) -> Callable[[Extraction], Rank]:
    return lambda extraction: rank(judge(extraction))


def _told(extraction: Extraction, rule: str, message: str) -> Extraction:
    finding = Finding(rule=rule, severity=Severity.INFO, message=message)
    return extraction.model_copy(update={"findings": (*extraction.findings, finding)})
