"""Runs the engines of a policy on a document in order, and chooses the best record.

`cheapest`      einvoice, offline, azure_openai: stops at the first engine whose record is accepted
`model_first`   einvoice; else always the model, compared with offline, which is free
`offline_only`  einvoice, offline

XML that is declared as the invoice is authoritative: when `einvoice` found fields, no other engine's values are taken.
But people see the page, so the offline engine reads it, and what contradicts the XML becomes a finding.

The model's answer is compared with earlier extractions, so that a contradiction goes back to the model like any other
finding. A value that one engine left out and another read with sufficient confidence is filled in, with a finding.

A model without an answer does not fail a job that another engine can do: the offline result is kept, and under
`model_first` it gets the warning `model_failed`, so that it is reviewed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cira_pipeline.errors import CiraError, CircuitOpen, ExtractionError, NothingExtracted
from cira_pipeline.extraction.accounts import account_findings
from cira_pipeline.extraction.agreement import FILLED_FROM, asked_about, compared, filled, left_out, omissions
from cira_pipeline.extraction.engine import CorrectableEngine, Engine, Judge
from cira_pipeline.extraction.ranking import rank
from cira_pipeline.extraction.xml_against_page import page_findings
from cira_pipeline.extraction.xml_contradictions import contradictions
from cira_pipeline.jobs import Policy
from cira_pipeline.models import Document, EngineName, Extraction, Finding, Reading, Record, Severity, Usage, Verdict

OF_THE_PAGE = frozenset(
    {
        *("offline.not_an_invoice", "offline.not_payable", "offline.credit_mark", "offline.marked_paid"),
        *("offline.date_order_unknown", "offline.currency_undecided"),
    }
)
"""Findings about what is printed, which hold whichever engine's values are taken."""
_FREE = tuple(name for name in EngineName if not name.is_paid)
ORDER: Mapping[Policy, tuple[EngineName, ...]] = {
    Policy.CHEAPEST: tuple(EngineName),
    Policy.MODEL_FIRST: tuple(EngineName),
    Policy.OFFLINE_ONLY: _FREE,
}


@dataclass(frozen=True)
class Step:
    """The extraction of one engine, and its record."""

    extraction: Extraction
    record: Record


@dataclass(frozen=True)
class EngineSkipped:
    """An engine that did not run, or found no input in the document."""

    engine: EngineName
    reason: str


@dataclass(frozen=True)
class EngineFailed:
    """An engine that ended in an error. `usage`: paid before it."""

    engine: EngineName
    error: CiraError
    usage: tuple[Usage, ...] = ()

    @property
    def code(self) -> str:
        return self.error.code


@dataclass(frozen=True)
class CascadeOutcome:
    """The results of all engines in the order in which they ran; `chosen` is an index (from 0) into `steps`."""

    steps: tuple[Step, ...]
    chosen: int
    stopped_because: str
    skipped: tuple[EngineSkipped, ...] = ()
    failed: tuple[EngineFailed, ...] = ()

    @property
    def usage(self) -> tuple[Usage, ...]:
        """The usage of all model answers about this document, also of failed engines."""
        return tuple(usage for step in self.steps for usage in step.extraction.usage) + tuple(
            usage for failure in self.failed for usage in failure.usage
        )


def run_cascade(
    document: Document, reading: Reading, engines: Mapping[EngineName, Engine], policy: Policy, judge: Judge
) -> CascadeOutcome:
    """Runs the engines of `policy` that `engines` contains until the policy accepts a record.

    The best record is chosen (`ranking.rank`), of equal ones that of the engine with more `trust`; under `model_first`
    the model's whenever it is accepted.

    Raises: the engine's own error when no engine found anything and one failed (a retryable error first), with
    everything paid in its detail `usage`; NothingExtracted when none failed.
    """
    run = _Run(document, reading, engines, policy, judge)
    for name in ORDER[policy]:
        run.ask(name)
        if run.stopped_because:
            break
    return run.outcome()


class _Run:
    def __init__(
        self, document: Document, reading: Reading, engines: Mapping[EngineName, Engine], policy: Policy, judge: Judge
    ) -> None:
        self._document = document
        self._reading = reading
        self._engines = engines
        self._policy = policy
        self._judge = judge
        self._steps: list[Step] = []
        self._skipped: list[EngineSkipped] = []
        self._failed: list[EngineFailed] = []
        self.stopped_because = ""

    def ask(self, name: EngineName) -> None:
        engine = self._engines.get(name)
        if engine is None:
            self._skipped.append(EngineSkipped(name, "it is not configured"))
            return
        try:
            extraction = self._extraction_of(engine)
        except (ExtractionError, CircuitOpen) as error:
            self._failed.append(EngineFailed(name, error, usage_of_error(error)))
            return
        if extraction is None:
            self._skipped.append(EngineSkipped(name, "the document contains no input for it"))
            return
        self._add(extraction)

    def outcome(self) -> CascadeOutcome:
        if not self._steps:
            raise self._no_result()
        self._add_model_failure()
        best = max(range(len(self._steps)), key=self._preference)
        self._resolve_omissions(best)
        return CascadeOutcome(
            steps=tuple(self._steps),
            chosen=best,
            stopped_because=(self.stopped_because or self._exhausted()) + self._failures(),
            skipped=tuple(self._skipped),
            failed=tuple(self._failed),
        )

    def _extraction_of(self, engine: Engine) -> Extraction | None:
        if isinstance(engine, CorrectableEngine):
            return engine.extract_judged(self._document, self._reading, self._judge_with_earlier)
        return engine.extract(self._document, self._reading)

    def _judge_with_earlier(self, extraction: Extraction) -> Record:
        """The record of `extraction`, with findings from the comparison with the engines that ran before."""
        extraction = self._with_findings(extraction, *account_findings(extraction, self._reading))
        missed: list[Finding] = []
        for earlier in self._steps:
            missed += asked_about(extraction, earlier.extraction)
            extraction = compared(extraction, earlier.extraction, earlier.record)
        record = self._judge(extraction)
        if not missed or record.verdict is Verdict.REJECTED:
            return record
        return record.model_copy(update={"verdict": Verdict.NEEDS_REVIEW, "findings": (*record.findings, *missed)})

    def _add(self, extraction: Extraction) -> None:
        extraction = self._with_findings(extraction, *self._doubts_about(extraction))
        step = Step(extraction, self._judge(extraction))
        for index, earlier in enumerate(self._steps):
            mine = compared(step.extraction, earlier.extraction, earlier.record)
            theirs = compared(earlier.extraction, step.extraction, step.record)
            self._steps[index] = Step(theirs, self._judge(theirs))
            step = self._completed(Step(mine, self._judge(mine)), earlier.extraction)
        self._steps.append(step)
        self.stopped_because = self._why_stop(step)

    def _completed(self, step: Step, earlier: Extraction, *, same_verdict: bool = False) -> Step:
        """`step` with values that it left out and `earlier` read with confidence, unless the record gets worse.

        `same_verdict`: only where the verdict stays the same, so that values of another engine make no record accepted.
        """
        for name in left_out(step.extraction, earlier, least=FILLED_FROM):
            extraction = filled(step.extraction, earlier, name)
            record = self._judge(extraction)
            if same_verdict and record.verdict is not step.record.verdict:
                continue
            if rank(record) >= rank(step.record):
                step = Step(extraction, record)
        return step

    def _resolve_omissions(self, chosen: int) -> None:
        """Fills in, or names in a finding, each value that another engine read and the chosen record lacks.

        So a due date that one engine missed does not look as if the document had none.
        """
        step = self._steps[chosen]
        if not step.extraction.engine.reads_page:
            return
        others = [each for index, each in enumerate(self._steps) if index != chosen]
        for other in others:
            step = self._completed(step, other.extraction, same_verdict=True)
        missing = tuple(finding for other in others for finding in omissions(step.extraction, other.extraction))
        if missing:
            extraction = self._with_findings(step.extraction, *missing)
            step = Step(extraction, self._judge(extraction))
        self._steps[chosen] = step
        if self.stopped_because:
            self.stopped_because = self._why_stop(step)

    def _doubts_about(self, extraction: Extraction) -> tuple[Finding, ...]:
        if not extraction.engine.reads_page:
            return (*page_findings(extraction, self._reading), *self._contradictions(extraction))
        failures = (failure for failure in self._failed if not failure.engine.reads_page)
        earlier = dict.fromkeys(finding for step in self._steps for finding in step.extraction.findings)
        return (
            *account_findings(extraction, self._reading),
            *(each for each in earlier if each.rule in OF_THE_PAGE and each not in extraction.findings),
            *self._findings_of(failures),
        )

    def _contradictions(self, xml: Extraction) -> tuple[Finding, ...]:
        """What the visible page says against `xml`, by what the offline engine reads."""
        engine = self._engines.get(EngineName.OFFLINE)
        page = engine.extract(self._document, self._reading) if engine is not None else None
        if page is None:
            return ()
        of_the_page = (finding for finding in page.findings if finding.rule in OF_THE_PAGE)
        return (*contradictions(xml, page, self._judge(page), self._reading), *of_the_page)

    def _add_model_failure(self) -> None:
        """Adds the finding `model_failed` to all steps: under `model_first` they only replace the model's answer."""
        findings = self._findings_of(failure for failure in self._failed if failure.engine.is_paid)
        for index, step in enumerate(self._steps if findings else ()):
            extraction = self._with_findings(step.extraction, *findings)
            self._steps[index] = Step(extraction, self._judge(extraction))

    def _findings_of(self, failures: Iterable[EngineFailed]) -> tuple[Finding, ...]:
        return tuple(finding for failure in failures if (finding := _finding_of(failure, self._policy)) is not None)

    def _preference(self, index: int) -> tuple[int, ...]:
        step = self._steps[index]
        accepted_model = (
            self._policy is Policy.MODEL_FIRST
            and step.extraction.engine.is_paid
            and step.record.verdict is Verdict.ACCEPTED
        )
        return (int(accepted_model), *rank(step.record), step.extraction.engine.trust)

    @staticmethod
    def _with_findings(extraction: Extraction, *findings: Finding) -> Extraction:
        return extraction.model_copy(update={"findings": extraction.findings + findings}) if findings else extraction

    def _why_stop(self, step: Step) -> str:
        engine, verdict = step.extraction.engine, step.record.verdict
        if not engine.reads_page:
            return f"{engine}: the XML is the invoice itself; its record is {verdict}"
        if self._policy is Policy.MODEL_FIRST and not engine.is_paid:
            return ""
        if verdict is Verdict.ACCEPTED:
            return f"{engine}: its record passed every check"
        return ""

    def _exhausted(self) -> str:
        ran = ", ".join(f"{step.extraction.engine} {step.record.verdict}" for step in self._steps)
        return f"no further engine: {ran}"

    def _failures(self) -> str:
        return "".join(f"; {failure.engine} failed with {failure.code}" for failure in self._failed)

    def _no_result(self) -> CiraError:
        paid = tuple(usage for failure in self._failed for usage in failure.usage)
        failures = sorted(self._failed, key=lambda failure: not failure.error.retryable)
        if failures:
            error = failures[0].error
            error.detail["usage"] = paid
            return error
        reasons = "; ".join(f"{skipped.engine}: {skipped.reason}" for skipped in self._skipped)
        return NothingExtracted(f"no engine found an invoice in this document ({reasons})")


def usage_of_error(error: CiraError) -> tuple[Usage, ...]:
    """Usage paid before `error` ended an engine or the whole cascade."""
    usage = error.detail.get("usage", ())
    return tuple(each for each in usage if isinstance(each, Usage)) if isinstance(usage, tuple) else ()


def _finding_of(failure: EngineFailed, policy: Policy) -> Finding | None:
    """The finding about a failed engine whose result was replaced by that of a less trusted one."""
    if not failure.engine.reads_page:
        message = (
            f"the file contains e-invoice XML that cannot be used ({failure.error.message}); the fields were read from "
            "the page: compare them with the document, or ask the supplier for a valid file"
        )
        return Finding(rule="einvoice_unusable", severity=Severity.WARNING, message=message)
    if failure.engine.is_paid and policy is Policy.MODEL_FIRST:
        message = (
            f"the model gave no answer ({failure.code}); the fields come from the offline engine alone: "
            "compare them with the document"
        )
        return Finding(rule="model_failed", severity=Severity.WARNING, message=message)
    return None
