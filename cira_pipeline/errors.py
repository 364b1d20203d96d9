"""Every error CIRA raises on purpose, as one tree.

A leaf has a stable `code` (stored with the job, shown to clients, listed in docs/errors.md), says whether trying again
can help (`retryable`), and tells the person what to do (`hint`). The message says what happened to this one input.

    CiraError
    ├── ConfigurationError            configuration_invalid
    │   ├── ServiceUnreachable        service_unreachable          (retryable)
    │   ├── ServiceAnswerInvalid      service_answer_invalid
    │   └── AlreadyRunning            already_running
    ├── JobError
    │   ├── JobNotFound               job_not_found
    │   ├── JobNotRetryable           job_not_retryable
    │   ├── JobNotCancellable         job_not_cancellable
    │   ├── SubmissionInvalid         submission_invalid
    │   └── UpstreamMissing           upstream_missing
    ├── AccessError
    │   ├── KeyMissing                key_missing
    │   ├── KeyInvalid                key_invalid
    │   ├── KeyNotFound               key_not_found
    │   ├── KeySettingsInvalid        key_settings_invalid
    │   ├── ScopeMissing              scope_missing
    │   ├── HostRefused               host_refused
    │   ├── OriginRefused             origin_refused
    │   ├── ShutdownRefused           shutdown_refused
    │   ├── RateExceeded              rate_exceeded                (retryable)
    │   └── QuotaExhausted            quota_exhausted              (retryable)
    ├── RequestError
    │   ├── RequestInvalid            request_invalid
    │   ├── RequestTooLarge           request_too_large
    │   ├── RequestTimedOut           request_timed_out            (retryable)
    │   ├── HostInvalid               host_invalid
    │   ├── TooManyUploads            too_many_uploads             (retryable)
    │   ├── RouteNotFound             route_not_found
    │   ├── FormExpired               form_expired                 (retryable)
    │   ├── RecordChanged             record_changed               (retryable)
    │   ├── MethodNotAllowed          method_not_allowed
    │   ├── ContentTypeUnsupported    content_type_unsupported
    │   ├── RecordNotFound            record_not_found
    │   ├── DocumentNotFound          document_not_found
    │   ├── PageNotFound              page_not_found
    │   └── JobNotFinished            job_not_finished             (retryable)
    ├── IntakeError
    │   ├── UrlInvalid                url_invalid
    │   ├── UrlSchemeUnsupported      url_scheme_unsupported
    │   ├── AddressRefused            url_address_refused
    │   ├── FileNotAllowed            file_not_allowed
    │   ├── SourceNotFound            source_not_found
    │   ├── SourceForbidden           source_forbidden
    │   ├── SourceUnavailable         source_unavailable           (retryable)
    │   ├── SourcePaused              source_paused                (retryable)
    │   ├── SourceBusy                source_busy                  (retryable)
    │   ├── DownloadTimedOut          download_timed_out           (retryable)
    │   ├── SourceAnswerInvalid       source_answer_invalid
    │   ├── SourceUntrusted           source_untrusted
    │   ├── TooManyRedirects          too_many_redirects
    │   ├── RedirectRefused           redirect_refused
    │   ├── DocumentTooLarge          document_too_large
    │   └── ManifestInvalid           manifest_invalid
    ├── DocumentError                 (the bytes can never become an invoice: the job is `rejected`)
    │   ├── DocumentEmpty             document_empty
    │   ├── DocumentTypeUnsupported   document_type_unsupported
    │   ├── DocumentEncrypted         document_encrypted
    │   ├── DocumentDamaged           document_damaged
    │   ├── DocumentTooManyPages      document_too_many_pages
    │   ├── DocumentTooManyWords      document_too_many_words
    │   ├── DocumentTooComplex        document_too_complex
    │   ├── DocumentTooSlow           document_too_slow
    │   ├── ReadingOutOfMemory        reading_out_of_memory
    │   ├── ImageTooLarge             image_too_large
    │   └── XmlForbidden              xml_forbidden
    ├── ReadingError
    │   ├── ReadingFailed             reading_failed
    │   ├── ReadingTimedOut           reading_timed_out            (retryable)
    │   ├── ReadingCrashed            reading_crashed
    │   └── ReaderUnavailable         reader_unavailable           (retryable)
    ├── ExtractionError
    │   ├── EInvoiceInvalid           einvoice_invalid
    │   ├── NothingExtracted          nothing_extracted
    │   ├── ModelUnavailable          model_unavailable            (retryable)
    │   ├── ModelRateLimited          model_rate_limited           (retryable)
    │   ├── ModelQuotaExhausted       model_quota_exhausted
    │   ├── ModelTimedOut             model_timed_out              (retryable)
    │   ├── ModelUnauthorised         model_unauthorised
    │   ├── ModelForbidden            model_forbidden
    │   ├── ModelDeploymentMissing    model_deployment_missing
    │   ├── ModelRequestRejected      model_request_rejected
    │   ├── ModelQuestionTooLong      model_question_too_long
    │   ├── ModelContentFiltered      model_content_filtered
    │   ├── ModelRefused              model_refused
    │   ├── ModelAnswerTruncated      model_answer_truncated
    │   ├── ModelAnswerInvalid        model_answer_invalid
    │   ├── ModelBatchFailed          model_batch_failed
    │   ├── ModelBatchRefused         model_batch_refused
    │   ├── ModelBatchQuotaExceeded   model_batch_quota_exceeded   (retryable)
    │   ├── ModelBatchExpired         model_batch_expired          (retryable)
    │   ├── ModelBatchCancelled       model_batch_cancelled        (retryable)
    │   └── ModelBatchAnswerMissing   model_batch_answer_missing   (retryable)
    ├── RecordRejected                verdict_rejected             (a record was made, and must not be paid)
    ├── WebhookError
    │   ├── WebhookSecretMissing      webhook_secret_missing
    │   ├── WebhookSecretExists       webhook_secret_exists
    │   ├── WebhookEventNotFound      webhook_event_not_found
    │   ├── WebhookRefused            webhook_refused              (retryable)
    │   ├── WebhookRedirected         webhook_redirected           (retryable)
    │   ├── WebhookGone               webhook_gone
    │   ├── WebhookTimedOut           webhook_timed_out            (retryable)
    │   ├── WebhookUnreachable        webhook_unreachable          (retryable)
    │   └── WebhookUntrusted          webhook_untrusted            (retryable)
    ├── LabelsInvalid                 labels_invalid
    ├── ResultsInvalid                results_invalid
    ├── CircuitOpen                   circuit_open                 (retryable)
    ├── AnswerInBatch                 answer_in_batch              (retryable)
    ├── BudgetReached                 budget_reached               (retryable)
    ├── StorageError
    │   ├── ObjectMissing             object_missing
    │   ├── ValueNotStorable          value_not_storable
    │   ├── ExportFailed              export_failed
    │   ├── BackupFailed              backup_failed
    │   ├── BackupTargetNotEmpty      backup_target_not_empty
    │   ├── BackupDamaged             backup_damaged
    │   ├── BackupTooNew              backup_too_new
    │   ├── RestoreTargetNotEmpty     restore_target_not_empty
    │   ├── PepperMismatch            pepper_mismatch
    │   └── StoreUnavailable          store_unavailable            (retryable)
    │       └── DiskFull              disk_full                    (retryable)
    ├── RunInterrupted                run_interrupted              (retryable)
    └── InternalError                 internal_error
"""

from __future__ import annotations

from typing import ClassVar


class CiraError(Exception):
    """Base of every error raised on purpose.

    Attributes: `code` stable snake case; `retryable` whether the same call may succeed later; `hint` what the person
    can do; `message` what happened here; `detail` parts of it for logs and tests.
    """

    code: ClassVar[str] = "internal_error"
    retryable: ClassVar[bool] = False
    hint: ClassVar[str] = "Report this with the job id; the log holds the stack trace."

    def __init__(self, message: str, **detail: object) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]"


class ConfigurationError(CiraError):
    code = "configuration_invalid"
    hint = "Correct the setting it names; `cira doctor` lists all settings and what is missing."


class ServiceUnreachable(ConfigurationError):
    code = "service_unreachable"
    retryable = True
    hint = "Start the service, or correct its address; `cira doctor` shows which one does not answer."


class ServiceAnswerInvalid(ConfigurationError):
    code = "service_answer_invalid"
    hint = "What answers there is not CIRA's REST service, or something changes its answers; correct the address."


class AlreadyRunning(ConfigurationError):
    code = "already_running"
    hint = "Use the one that runs, or stop it first (Ctrl-C in its terminal, or `kill` and its process number)."


class JobError(CiraError):
    """A request about a job that cannot be met."""


class JobNotFound(JobError):
    code = "job_not_found"
    hint = "Check the job id (`inv_` and 26 characters); `cira status` lists the newest jobs."


class JobNotRetryable(JobError):
    code = "job_not_retryable"
    hint = "Only failed, rejected and waiting jobs can be retried; `cira show JOB` tells its status."


class JobNotCancellable(JobError):
    code = "job_not_cancellable"
    hint = "Only queued, running and waiting jobs can be cancelled; `cira show JOB` tells its status."


class SubmissionInvalid(JobError):
    code = "submission_invalid"
    hint = "Give one or more invoice URLs: http(s)://, file:// or s3://."


class UpstreamMissing(JobError):
    code = "upstream_missing"
    hint = "Materialise the earlier assets of this job first, or retry the whole job."


class AccessError(CiraError):
    """Who asks may not, or not so often."""


class KeyMissing(AccessError):
    code = "key_missing"
    hint = "Send `Authorization: Bearer KEY`; an operator makes keys with `cira keys create`."


class KeyInvalid(AccessError):
    code = "key_invalid"
    hint = "The key is unknown, revoked or expired; ask an operator for a new one (`cira keys list` shows all)."


class KeyNotFound(AccessError):
    code = "key_not_found"
    hint = "`cira keys list` shows the ids of all keys."


class KeySettingsInvalid(AccessError):
    code = "key_settings_invalid"
    hint = (
        "A key has a client, one or more of the scopes submit, read, review, dagster_view, dagster_launch and admin, "
        "and limits above zero."
    )


class ScopeMissing(AccessError):
    code = "scope_missing"
    hint = "Use a key that has this scope; an operator makes one with `cira keys create --scope ...`."


class HostRefused(AccessError):
    code = "host_refused"
    hint = "Open Dagster's UI at the address in CIRA_DAGSTER_UI_URL, or add the host to CIRA_DAGSTER_UI_HOSTS."


class OriginRefused(AccessError):
    code = "origin_refused"
    hint = "Dagster's UI takes requests of its own pages only; open it at its own address."


class ShutdownRefused(AccessError):
    code = "shutdown_refused"
    hint = "Whatever started the code server ends it: stop `cira up`, or restart the service in its orchestrator."


class RateExceeded(AccessError):
    code = "rate_exceeded"
    retryable = True
    hint = "Wait as long as `Retry-After` says; an operator can give the key a higher rate."


class QuotaExhausted(AccessError):
    code = "quota_exhausted"
    retryable = True
    hint = "The key's jobs of this day (UTC) are used up; go on tomorrow, or ask an operator for a higher quota."


class RequestError(CiraError):
    """A request to the REST service that cannot be met as it was sent."""


class RequestInvalid(RequestError):
    code = "request_invalid"
    hint = "The problem's `errors` name what is wrong and where; docs/api.md and /openapi.json say what is expected."


class RequestTooLarge(RequestError):
    code = "request_too_large"
    hint = "Send less at once: up to 1,000 URLs a request, and one document of at most CIRA_FETCH_MAX_BYTES."


class RequestTimedOut(RequestError):
    code = "request_timed_out"
    retryable = True
    hint = "The request's body came too slowly; send it again over a better connection."


class HostInvalid(RequestError):
    code = "host_invalid"
    hint = "The header `Host` is the server's name and port, as in the URL; a proxy before CIRA may have changed it."


class FormExpired(RequestError):
    code = "form_expired"
    retryable = True
    hint = "Nothing was changed; load the page again and repeat what you did."


class RecordChanged(RequestError):
    code = "record_changed"
    retryable = True
    hint = "Look at the record as it stands now, then confirm it."


class TooManyUploads(RequestError):
    code = "too_many_uploads"
    retryable = True
    hint = "Wait for the answers to earlier uploads and page pictures; Retry-After says when to try again."


class RouteNotFound(RequestError):
    code = "route_not_found"
    hint = "/openapi.json lists all paths."


class MethodNotAllowed(RequestError):
    code = "method_not_allowed"
    hint = "The header `Allow` names the methods of this path."


class ContentTypeUnsupported(RequestError):
    code = "content_type_unsupported"
    hint = "Send JSON with the header `Content-Type: application/json`."


class RecordNotFound(RequestError):
    code = "record_not_found"
    hint = "The job has no record, or not yet; ask for the job's status."


class DocumentNotFound(RequestError):
    code = "document_not_found"
    hint = "The job's document was not fetched yet, or has been erased; ask for the job's status."


class PageNotFound(RequestError):
    code = "page_not_found"
    hint = "Pages count from 1; e-invoices in XML have none."


class JobNotFinished(RequestError):
    code = "job_not_finished"
    retryable = True
    hint = "Wait until the job has ended, or cancel it first."


class IntakeError(CiraError):
    """The document behind a URL could not be had."""


class UrlInvalid(IntakeError):
    code = "url_invalid"
    hint = "Give an absolute URL with a host, without user name or password in it."


class UrlSchemeUnsupported(IntakeError):
    code = "url_scheme_unsupported"
    hint = "Use http://, https://, file:// or s3://."


class AddressRefused(IntakeError):
    code = "url_address_refused"
    hint = "Only public addresses are fetched; for an internal host set CIRA_FETCH_ALLOWED_HOSTS."


class FileNotAllowed(IntakeError):
    code = "file_not_allowed"
    hint = "Put the file below one of the folders in CIRA_FILE_ROOTS, or add its folder there."


class SourceNotFound(IntakeError):
    code = "source_not_found"
    hint = "The URL leads to nothing; correct it and submit again, or retry when the file is there."


class SourceForbidden(IntakeError):
    code = "source_forbidden"
    hint = "The server wants credentials; use a pre-signed URL, or give CIRA access to the bucket or folder."


class SourceUnavailable(IntakeError):
    code = "source_unavailable"
    retryable = True
    hint = "The server did not answer properly; the job can be retried as it is."


class SourcePaused(IntakeError):
    code = "source_paused"
    retryable = True
    hint = "The job goes on by itself when the host answers again; `cira doctor` shows the hosts that are left alone."


class SourceBusy(IntakeError):
    code = "source_busy"
    retryable = True
    hint = "The job goes on by itself; an operator can allow more requests at once with CIRA_SOURCE_MAX_REQUESTS."


class DownloadTimedOut(IntakeError):
    code = "download_timed_out"
    retryable = True
    hint = "The download took longer than CIRA_FETCH_TIMEOUT_S; retry, or raise the limit."


class SourceAnswerInvalid(IntakeError):
    code = "source_answer_invalid"
    hint = "The server does not hand out a file at this URL; open it in a browser and submit the file's own URL."


class SourceUntrusted(IntakeError):
    code = "source_untrusted"
    hint = "The server's certificate is not valid, so the file could be anybody's; ask the supplier to renew it."


class TooManyRedirects(IntakeError):
    code = "too_many_redirects"
    hint = "Submit the URL it finally leads to."


class RedirectRefused(IntakeError):
    code = "redirect_refused"
    hint = "The URL leads somewhere unsafe; if you trust the place it leads to, submit that URL."


class DocumentTooLarge(IntakeError):
    code = "document_too_large"
    hint = "The file is larger than CIRA_FETCH_MAX_BYTES; send a smaller one or raise the limit."


class ManifestInvalid(IntakeError):
    code = "manifest_invalid"
    hint = "A manifest is a CSV file with a header and a column `url`; docs/submitting.md shows one."


class DocumentError(CiraError):
    """The bytes can never become an invoice: trying again changes nothing, so the job is `rejected`."""


class DocumentEmpty(DocumentError):
    code = "document_empty"
    hint = "The file holds nothing; ask the supplier to send it again."


class DocumentTypeUnsupported(DocumentError):
    code = "document_type_unsupported"
    hint = "Send PDF, PNG, JPEG, TIFF or an e-invoice in XML; docs/submitting.md lists the syntaxes."


class DocumentEncrypted(DocumentError):
    code = "document_encrypted"
    hint = "Ask the supplier for a PDF without a password."


class DocumentDamaged(DocumentError):
    code = "document_damaged"
    hint = "The file is cut off or broken; ask the supplier to send it again."


class DocumentTooManyPages(DocumentError):
    code = "document_too_many_pages"
    hint = "Split the file, or raise CIRA_MAX_PAGES."


class DocumentTooManyWords(DocumentError):
    code = "document_too_many_words"
    hint = "This is more text than an invoice has; split the file, or raise CIRA_MAX_WORDS."


class DocumentTooComplex(DocumentError):
    code = "document_too_complex"
    hint = (
        "The file holds far more drawing or structure than an invoice has; ask the supplier for a plain one, or scan a "
        "print of it."
    )


class DocumentTooSlow(DocumentError):
    """A worker computed for as long as a document, or one page of it, may take; a busy machine is no reason."""

    code = "document_too_slow"
    hint = (
        "The document takes longer than any invoice (CIRA_RECOGNITION_TIMEOUT_S to open or draw it, "
        "CIRA_READING_PAGE_TIMEOUT_S for a page, CIRA_READING_TIMEOUT_S in all); ask the supplier for a plain PDF, or "
        "scan a print of it."
    )


class ReadingOutOfMemory(DocumentError):
    code = "reading_out_of_memory"
    hint = (
        "The document needs more than CIRA_RECOGNITION_MEMORY_MB to be opened, or CIRA_READING_MEMORY_MB to be read; "
        "ask the supplier for a plainer copy, or raise the limit that the message names."
    )


class ImageTooLarge(DocumentError):
    code = "image_too_large"
    hint = "The picture has more pixels than CIRA_MAX_PIXELS; scan at 200 to 300 dpi."


class XmlForbidden(DocumentError):
    code = "xml_forbidden"
    hint = "E-invoices carry no DTD and no entities; this file does, and is not opened."


class ReadingError(CiraError):
    """A document could not be turned into text lines."""


class ReadingFailed(ReadingError):
    code = "reading_failed"
    hint = "Open the document by hand; if it looks fine, report it with the job id."


class ReadingTimedOut(ReadingError):
    code = "reading_timed_out"
    retryable = True
    hint = (
        "The reader was kept from its work by a busy machine, or docling-serve took longer than "
        "CIRA_READING_TIMEOUT_S; the job was tried three times. Retry it when the machine is less busy."
    )


class ReadingCrashed(ReadingError):
    code = "reading_crashed"
    hint = "The document ends the reader, however often it is tried; look at it with care, or ask for another copy."


class ReaderUnavailable(ReadingError):
    code = "reader_unavailable"
    retryable = True
    hint = (
        "docling-serve does not answer at CIRA_DOCLING_SERVE_URL, or the reader's process does not start; the message "
        "says which. The job waits and is tried five times; then retry it when the cause is gone."
    )


class ExtractionError(CiraError):
    """An engine could not propose fields."""


class EInvoiceInvalid(ExtractionError):
    code = "einvoice_invalid"
    hint = "Ask the supplier for a valid e-invoice; docs/submitting.md lists the syntaxes that are read."


class NothingExtracted(ExtractionError):
    code = "nothing_extracted"
    hint = "No engine found an invoice in this document; check by hand whether it is one."


class ModelUnavailable(ExtractionError):
    code = "model_unavailable"
    retryable = True
    hint = "Azure OpenAI answered with an error of its own; the job can be retried as it is."


class ModelRateLimited(ExtractionError):
    code = "model_rate_limited"
    retryable = True
    hint = "The deployment's quota is used up for now; retry later or raise the quota."


class ModelQuotaExhausted(ExtractionError):
    code = "model_quota_exhausted"
    hint = "The account at the provider has no credit left; top it up or raise its limit, then retry."


class ModelTimedOut(ExtractionError):
    code = "model_timed_out"
    retryable = True
    hint = "The model did not answer within CIRA_AZURE_OPENAI_TIMEOUT_S; retry, or raise the limit."


class ModelUnauthorised(ExtractionError):
    code = "model_unauthorised"
    hint = (
        "Azure does not know this key or token (401); set CIRA_AZURE_OPENAI_API_KEY to a key of this endpoint's "
        "resource, or correct the identity that Entra ID takes, then retry."
    )


class ModelForbidden(ExtractionError):
    code = "model_forbidden"
    hint = (
        "Azure knows who asks and does not let it in (403): allow this network in the resource's firewall, or give the "
        "identity the role Cognitive Services OpenAI User, then retry."
    )


class ModelDeploymentMissing(ExtractionError):
    code = "model_deployment_missing"
    hint = "Azure knows no such deployment; correct CIRA_AZURE_OPENAI_DEPLOYMENT."


class ModelRequestRejected(ExtractionError):
    code = "model_request_rejected"
    hint = "The server does not take the question as asked; check CIRA_AZURE_OPENAI_API_VERSION and the model."


class ModelQuestionTooLong(ExtractionError):
    code = "model_question_too_long"
    hint = "The model's context is too small; lower CIRA_AZURE_OPENAI_MAX_INPUT_TOKENS or use a larger model."


class ModelContentFiltered(ExtractionError):
    code = "model_content_filtered"
    hint = "Azure's content filter stopped this document; review it by hand."


class ModelRefused(ExtractionError):
    code = "model_refused"
    hint = "The model declined to answer; review the document by hand."


class ModelAnswerTruncated(ExtractionError):
    code = "model_answer_truncated"
    hint = "The answer hit the token limit; raise CIRA_AZURE_OPENAI_MAX_OUTPUT_TOKENS."


class ModelAnswerInvalid(ExtractionError):
    code = "model_answer_invalid"
    hint = "The model's answer does not fit the schema; retry, or use a model with structured output."


class ModelBatchFailed(ExtractionError):
    code = "model_batch_failed"
    hint = (
        "No model batch answered the question; `cira batches` says why. Retry the job for another batch, or set "
        "CIRA_MODEL_BATCH_FALLBACK=live."
    )


class ModelBatchRefused(ExtractionError):
    code = "model_batch_refused"
    hint = (
        "The provider takes no such batch; check that CIRA_AZURE_OPENAI_BATCH_DEPLOYMENT is a deployment of the type "
        "Global Batch or Data Zone Batch."
    )


class ModelBatchQuotaExceeded(ExtractionError):
    code = "model_batch_quota_exceeded"
    retryable = True
    hint = (
        "The deployment's quota of enqueued tokens is used up; smaller batches are sent by themselves as others end. A "
        "higher quota makes it quicker."
    )


class ModelBatchExpired(ExtractionError):
    code = "model_batch_expired"
    retryable = True
    hint = "The provider did not finish the batch in time; what it left out goes into the next one by itself."


class ModelBatchCancelled(ExtractionError):
    code = "model_batch_cancelled"
    retryable = True
    hint = "Somebody cancelled the batch at the provider; what it left out goes into the next one by itself."


class ModelBatchAnswerMissing(ExtractionError):
    code = "model_batch_answer_missing"
    retryable = True
    hint = "The batch ended without a readable answer to this question; it goes into the next one by itself."


class RecordRejected(CiraError):
    code = "verdict_rejected"
    hint = "The record's findings say why; ask the supplier for a correct invoice and submit that one."


class WebhookError(CiraError):
    """A client could not be told how its job ended, or it is not settled how."""


class WebhookSecretMissing(WebhookError):
    code = "webhook_secret_missing"
    hint = "An operator makes the secret that callbacks are signed with: `cira webhooks secret create --client NAME`."


class WebhookSecretExists(WebhookError):
    code = "webhook_secret_exists"
    hint = "A secret is shown once; `cira webhooks secret rotate` makes another, and the old one signs on for a while."


class WebhookEventNotFound(WebhookError):
    code = "webhook_event_not_found"
    hint = "`cira webhooks list` and `GET /v1/jobs/{id}/deliveries` show the ids of events (`evt_...`)."


class WebhookRefused(WebhookError):
    code = "webhook_refused"
    retryable = True
    hint = "The receiver must answer with a status from 200 to 299; its own log says why it did not."


class WebhookRedirected(WebhookError):
    code = "webhook_redirected"
    retryable = True
    hint = "Redirects are not followed: submit jobs with the address that answers itself."


class WebhookGone(WebhookError):
    code = "webhook_gone"
    hint = "The receiver answered 410, which ends the attempts; `cira webhooks replay` begins them anew."


class WebhookTimedOut(WebhookError):
    code = "webhook_timed_out"
    retryable = True
    hint = "The receiver must answer within CIRA_WEBHOOK_TIMEOUT_S: let it note the event and work on it afterwards."


class WebhookUnreachable(WebhookError):
    code = "webhook_unreachable"
    retryable = True
    hint = "Check that the receiver runs and that its host name can be resolved from where CIRA runs."


class WebhookUntrusted(WebhookError):
    code = "webhook_untrusted"
    retryable = True
    hint = "The receiver's certificate is not valid for its name; renew it, or submit jobs with the right name."


class LabelsInvalid(CiraError):
    code = "labels_invalid"
    hint = "A labels file holds one JSON object a line: `file` or `sha256`, and `fields`; docs/accuracy.md shows one."


class ResultsInvalid(CiraError):
    code = "results_invalid"
    hint = "Give what `cira extract --jsonl` printed (--results) or what `cira eval --json` wrote (--baseline)."


class CircuitOpen(CiraError):
    code = "circuit_open"
    retryable = True
    hint = "This dependency failed repeatedly and is left alone for a while; the job can be retried later."


class AnswerInBatch(CiraError):
    code = "answer_in_batch"
    retryable = True
    hint = (
        "The job goes on by itself when its model batch is answered, within a day as a rule; `cira batches` shows how "
        "far it is."
    )


class BudgetReached(CiraError):
    """Detail: `needs_usd` (Decimal), `not_before` (datetime), when the budget's period ends."""

    code = "budget_reached"
    retryable = True
    hint = (
        "The job goes on by itself when the period ends or the budget is raised (CIRA_DAILY_BUDGET_USD, "
        "CIRA_MONTHLY_BUDGET_USD, CIRA_CLIENT_BUDGETS); `cira costs` shows what was spent."
    )


class StorageError(CiraError):
    """PostgreSQL or the object store did not do what was asked."""


class ObjectMissing(StorageError):
    code = "object_missing"
    hint = "The object store has lost this object; retry the job to make it again."


class ValueNotStorable(StorageError):
    code = "value_not_storable"
    hint = "A value of this document is beyond anything an invoice holds; review the document by hand."


class ExportFailed(StorageError):
    code = "export_failed"
    hint = "Check that the folder exists, may be written to and has room."


class BackupFailed(StorageError):
    code = "backup_failed"
    hint = "Nothing was left at the folder. Check that its parent exists, may be written to and has room, then repeat."


class BackupTargetNotEmpty(StorageError):
    code = "backup_target_not_empty"
    hint = "Give a folder that does not exist or is empty; a backup never replaces another."


class BackupDamaged(StorageError):
    code = "backup_damaged"
    hint = "Nothing was restored. Use another copy of this backup, or an earlier one."


class BackupTooNew(StorageError):
    code = "backup_too_new"
    hint = "Nothing was restored. Install the version of CIRA that made the backup (its manifest.json names it)."


class RestoreTargetNotEmpty(StorageError):
    code = "restore_target_not_empty"
    hint = "Nothing was changed. Restore into an empty database and home: another CIRA_HOME, or a database made for it."


class PepperMismatch(StorageError):
    code = "pepper_mismatch"
    hint = (
        "API keys and webhook secrets work with the pepper they were made with only: set CIRA_API_KEY_PEPPER to that "
        "one, or put it into HOME/key-pepper."
    )


class StoreUnavailable(StorageError):
    code = "store_unavailable"
    retryable = True
    hint = "The database or object store does not answer. A job waits and is tried five times; then retry it."


class DiskFull(StoreUnavailable):
    code = "disk_full"
    retryable = True
    hint = (
        "Free space where CIRA keeps its data (`cira doctor` shows how much is left), or lower CIRA_LEAST_FREE_MB. "
        "Jobs wait and go on by themselves; a request that was refused is sent again."
    )


class RunInterrupted(CiraError):
    code = "run_interrupted"
    retryable = True
    hint = "The Dagster run ended before this job was done; retry it, finished work is kept."


class InternalError(CiraError):
    """Something CIRA did not expect; the cause is chained."""

    code = "internal_error"


def kept_error(code: str | None, message: str) -> CiraError:
    """The error that a job was ended with, as it was raised; an InternalError for a code of another version."""
    known = (each for each in globals().values() if isinstance(each, type) and issubclass(each, CiraError))
    raised = next((each for each in known if vars(each).get("code") == code), None)
    return raised(message) if raised is not None else InternalError(f"{code}: {message}")
