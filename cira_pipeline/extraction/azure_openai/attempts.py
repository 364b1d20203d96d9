"""Asks the model about one document: first answer, correction rounds, and escalation to a stronger deployment.

An answer that validation does not accept goes back to the model with the findings, for a limited number of rounds; if
it is still not accepted, a stronger deployment is asked, where one is configured. When a later question fails, the
record of the earlier answers is kept: it needs review already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cira_pipeline.errors import CircuitOpen, ExtractionError
from cira_pipeline.extraction.azure_openai.conversation import Conversation, Model, Part
from cira_pipeline.extraction.azure_openai.correction import complained_about, settled
from cira_pipeline.extraction.azure_openai.grounded import grounded
from cira_pipeline.extraction.azure_openai.vocabulary import STANDARD, Vocabulary
from cira_pipeline.extraction.azure_openai.windows import Window, merged
from cira_pipeline.extraction.engine import Judge
from cira_pipeline.extraction.explain import ESCALATED, ROUND
from cira_pipeline.extraction.ranking import Rank, rank
from cira_pipeline.invoice import Invoice
from cira_pipeline.models import EngineName, Extraction, Finding, Reading, Record, Severity, Usage, Verdict

# Further findings rarely add information for the model.
_MOST_FINDINGS = 20


@dataclass
class Attempts:
    """All questions about one document. `usage`: of all answers so far."""

    reading: Reading
    windows: Sequence[Window]
    engine_version: str
    vocabulary: Vocabulary = STANDARD
    usage: list[Usage] = field(default_factory=list)

    def first(self, model: Model) -> tuple[Extraction, tuple[Part, ...]]:
        """The extraction of the first answer, with the answer by windows. Raises: `Model...` leaves, CircuitOpen."""
        parts = Conversation(model, self.usage).about(self.windows)
        return self._extraction(parts), parts

    def corrected(
        self, model: Model, extraction: Extraction, parts: tuple[Part, ...], judge: Judge, *, rounds: int
    ) -> Extraction:
        """`extraction` after at most `rounds` correction rounds; each adds findings with its cause and its changes."""
        for number in range(1, rounds + 1):
            findings = _resolvable_findings(judge(extraction))
            if not findings:
                break
            cause = f"correction round {number} of at most {rounds}"
            try:
                parts = Conversation(model, self.usage).again(parts, number, [finding.message for finding in findings])
            except (ExtractionError, CircuitOpen) as error:
                return _with_note(extraction, ROUND, f"{cause} gave no answer ({error.code})")
            after = self._extraction(parts)
            extraction = settled(
                extraction, after, doubted=complained_about(findings), rank=_ranking(judge), cause=cause
            )
            rules = ", ".join(dict.fromkeys(finding.rule for finding in findings))
            extraction = _with_note(extraction, ROUND, f"{cause}, because of {rules}")
        return extraction

    def escalated(self, model: Model, extraction: Extraction, judge: Judge) -> Extraction:
        """`extraction` combined with that of the stronger `model`; findings state where the two differ."""
        findings = _resolvable_findings(judge(extraction))
        if not findings:
            return extraction
        name = model.parameters.deployment
        rules = ", ".join(dict.fromkeys(finding.rule for finding in findings))
        try:
            stronger, _ = self.first(model)
        except (ExtractionError, CircuitOpen) as error:
            return _with_note(extraction, ESCALATED, f"deployment {name} gave no answer ({error.code})")
        # Its answer takes precedence; validation decides each difference from the earlier one, and a finding states it.
        cause = f"deployment {name} was asked, because of {rules}"
        everything = frozenset(Invoice.model_fields)
        combined = settled(extraction, stronger, doubted=everything, rank=_ranking(judge), cause=cause)
        return _with_note(combined, ESCALATED, cause)

    def _extraction(self, parts: Sequence[Part]) -> Extraction:
        spans = merged([part.spans for part in parts], self.vocabulary)
        found = grounded(spans, self.reading, self.vocabulary)
        return Extraction(
            engine=EngineName.AZURE_OPENAI,
            engine_version=self.engine_version,
            invoice=found.invoice,
            evidence=found.evidence,
            findings=found.findings,
        )


def _resolvable_findings(record: Record) -> list[Finding]:
    """Findings of a record that needs review which another answer could resolve.

    Findings about fields that two engines read alike are left out: asking again would give the same, such as an IBAN
    printed with wrong check digits.
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


def _with_note(extraction: Extraction, rule: str, message: str) -> Extraction:
    finding = Finding(rule=rule, severity=Severity.INFO, message=message)
    return extraction.model_copy(update={"findings": (*extraction.findings, finding)})
