"""All errors that CIRA raises, as one tree of exception classes.

Each leaf has a stable `code` (stored with the job, sent to clients, listed in docs/errors.md), whether a retry can help
(`retryable`), and what the reader can do (`hint`). The message of an instance says what happened to this one input.

    CiraError
    ├── ConfigurationError            configuration_invalid
    │   ├── ServiceUnreachable        service_unreachable          (retryable)
    │   ├── ServiceAnswerInvalid      service_answer_invalid
    │   ├── CustomFieldsInvalid       custom_fields_invalid
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
    │   ├── AttachmentNotFound        attachment_not_found
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
    ├── DocumentError                 (this file cannot become an invoice: the job is `rejected`)
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
    ├── RecordRejected                verdict_rejected             (the record was validated and must not be paid)
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
    """Base class of all CIRA errors.

    Attributes: `code`, stable, snake case; `retryable`, whether the same call may succeed later; `hint`, what the
    reader can do; `message`, what happened; `detail`, parts of the message for logs and tests.
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
    hint = "Correct the setting that the message names; `cira doctor` lists all settings and what is missing."


class ServiceUnreachable(ConfigurationError):
    code = "service_unreachable"
    retryable = True
    hint = "Start the service, or correct its address; `cira doctor` shows which service does not answer."


class ServiceAnswerInvalid(ConfigurationError):
    code = "service_answer_invalid"
    hint = (
        "Correct the address: another server answers there instead of CIRA's REST service, or a proxy changes its "
        "responses."
    )


class CustomFieldsInvalid(ConfigurationError):
    code = "custom_fields_invalid"
    hint = (
        "Correct the file of CIRA_CUSTOM_FIELDS where the message points at; docs/custom-fields.md shows what a field "
        "and a rule may state, and `cira doctor` checks the file."
    )


class AlreadyRunning(ConfigurationError):
    code = "already_running"
    hint = "Use the running instance, or stop it first (Ctrl-C in its terminal, or `kill PID`)."


class JobError(CiraError):
    """The job does not exist, or its status does not allow the request."""


class JobNotFound(JobError):
    code = "job_not_found"
    hint = "Check the job id (`inv_` and 26 characters); `cira status` lists the newest jobs."


class JobNotRetryable(JobError):
    code = "job_not_retryable"
    hint = "Only failed, rejected and waiting jobs can be retried; `cira show JOB` shows the job's status."


class JobNotCancellable(JobError):
    code = "job_not_cancellable"
    hint = "Only queued, running and waiting jobs can be cancelled; `cira show JOB` shows the job's status."


class SubmissionInvalid(JobError):
    code = "submission_invalid"
    hint = "Give one or more invoice URLs: http(s)://, file:// or s3://."


class UpstreamMissing(JobError):
    code = "upstream_missing"
    hint = "Materialise the earlier assets of this job first, or retry the whole job."


class AccessError(CiraError):
    """Access was denied: no valid key, a missing scope, a refused host or origin, or an exceeded limit."""


class KeyMissing(AccessError):
    code = "key_missing"
    hint = "Send `Authorization: Bearer KEY`; an operator creates keys with `cira keys create`."


class KeyInvalid(AccessError):
    code = "key_invalid"
    hint = "The key is unknown, revoked or expired; ask an operator for a new key (`cira keys list` shows all keys)."


class KeyNotFound(AccessError):
    code = "key_not_found"
    hint = "`cira keys list` shows the ids of all keys."


class KeySettingsInvalid(AccessError):
    code = "key_settings_invalid"
    hint = (
        "A key needs a client, one or more of the scopes submit, read, review, dagster_view, dagster_launch and admin, "
        "and limits above zero."
    )


class ScopeMissing(AccessError):
    code = "scope_missing"
    hint = "Use a key with this scope; an operator creates one with `cira keys create --scope ...`."


class HostRefused(AccessError):
    code = "host_refused"
    hint = "Open Dagster's UI at the address in CIRA_DAGSTER_UI_URL, or add the host to CIRA_DAGSTER_UI_HOSTS."


class OriginRefused(AccessError):
    code = "origin_refused"
    hint = "Dagster's UI accepts requests from its own pages only; open it at its own address."


class ShutdownRefused(AccessError):
    code = "shutdown_refused"
    hint = "The code server cannot be stopped from the UI: stop `cira up`, or restart the service in its orchestrator."


class RateExceeded(AccessError):
    code = "rate_exceeded"
    retryable = True
    hint = "Wait for the time in `Retry-After`; an operator can raise the key's rate limit."


class QuotaExhausted(AccessError):
    code = "quota_exhausted"
    retryable = True
    hint = (
        "The key's daily quota of jobs is used up (days in UTC); submit tomorrow, or ask an operator to raise the "
        "quota."
    )


class RequestError(CiraError):
    """The REST service cannot process the request as it was sent."""


class RequestInvalid(RequestError):
    code = "request_invalid"
    hint = "`errors` in the response names each invalid part; docs/api.md and /openapi.json describe valid requests."


class RequestTooLarge(RequestError):
    code = "request_too_large"
    hint = "Send less per request: at most 1,000 URLs, or one document of at most CIRA_FETCH_MAX_BYTES."


class RequestTimedOut(RequestError):
    code = "request_timed_out"
    retryable = True
    hint = "The request's body arrived too slowly; send it again over a faster connection."


class HostInvalid(RequestError):
    code = "host_invalid"
    hint = (
        "The header `Host` must be the server's name and port, as in the URL; a proxy in front of CIRA may have "
        "changed it."
    )


class FormExpired(RequestError):
    code = "form_expired"
    retryable = True
    hint = "Nothing was changed; reload the page and repeat the action."


class RecordChanged(RequestError):
    code = "record_changed"
    retryable = True
    hint = "Nothing was confirmed; check the record's current values, then confirm it again."


class TooManyUploads(RequestError):
    code = "too_many_uploads"
    retryable = True
    hint = "Wait for the responses to earlier uploads and page images; `Retry-After` says when to try again."


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
    hint = "The job has no record (yet); check the job's status."


class DocumentNotFound(RequestError):
    code = "document_not_found"
    hint = "The job's document was not fetched yet, or has been erased; check the job's status."


class PageNotFound(RequestError):
    code = "page_not_found"
    hint = "Pages are numbered from 1; e-invoices in XML have no pages."


class AttachmentNotFound(RequestError):
    code = "attachment_not_found"
    hint = (
        "`GET /v1/invoices/JOB/attachments` lists the attachments, numbered from 1, and says which are stored. Retry "
        "the job to store those of an invoice that an earlier version of CIRA processed."
    )


class JobNotFinished(RequestError):
    code = "job_not_finished"
    retryable = True
    hint = "Wait until the job has ended, or cancel it."


class IntakeError(CiraError):
    """The document at a URL could not be fetched."""


class UrlInvalid(IntakeError):
    code = "url_invalid"
    hint = "Submit an absolute URL with a host and without a user name or password."


class UrlSchemeUnsupported(IntakeError):
    code = "url_scheme_unsupported"
    hint = "Use http://, https://, file:// or s3://."


class AddressRefused(IntakeError):
    code = "url_address_refused"
    hint = "Only public addresses are fetched; to allow an internal host, add it to CIRA_FETCH_ALLOWED_HOSTS."


class FileNotAllowed(IntakeError):
    code = "file_not_allowed"
    hint = "Move the file into one of the folders in CIRA_FILE_ROOTS, or add its folder to that setting."


class SourceNotFound(IntakeError):
    code = "source_not_found"
    hint = "There is no file at this URL; submit the correct URL, or retry when the file is there."


class SourceForbidden(IntakeError):
    code = "source_forbidden"
    hint = "The server requires credentials; use a pre-signed URL, or give CIRA access to the bucket or folder."


class SourceUnavailable(IntakeError):
    code = "source_unavailable"
    retryable = True
    hint = "The server did not answer, or answered with an error; retry the job, nothing needs to be changed."


class SourcePaused(IntakeError):
    code = "source_paused"
    retryable = True
    hint = "The job resumes automatically when the host answers again; `cira doctor` lists the paused hosts."


class SourceBusy(IntakeError):
    code = "source_busy"
    retryable = True
    hint = (
        "The job resumes automatically; an operator can allow more concurrent requests to one host with "
        "CIRA_SOURCE_MAX_REQUESTS."
    )


class DownloadTimedOut(IntakeError):
    code = "download_timed_out"
    retryable = True
    hint = "The download took longer than CIRA_FETCH_TIMEOUT_S; retry, or raise the limit."


class SourceAnswerInvalid(IntakeError):
    code = "source_answer_invalid"
    hint = "The server does not return a file at this URL; open it in a browser and submit the URL of the file itself."


class SourceUntrusted(IntakeError):
    code = "source_untrusted"
    hint = (
        "The server's TLS certificate is not valid, so the origin of the file cannot be verified; ask the supplier to "
        "renew the certificate."
    )


class TooManyRedirects(IntakeError):
    code = "too_many_redirects"
    hint = "Submit the URL at the end of the redirects."


class RedirectRefused(IntakeError):
    code = "redirect_refused"
    hint = "The URL redirects to an address that is not followed; if you trust that address, submit it directly."


class DocumentTooLarge(IntakeError):
    code = "document_too_large"
    hint = "The file is larger than CIRA_FETCH_MAX_BYTES; send a smaller one or raise the limit."


class ManifestInvalid(IntakeError):
    code = "manifest_invalid"
    hint = "A manifest is a CSV file with a header and a column `url`; docs/intake.md shows one."


class DocumentError(CiraError):
    """The file cannot become an invoice; a retry would end the same way, so the job is `rejected`."""


class DocumentEmpty(DocumentError):
    code = "document_empty"
    hint = "The file is empty; ask the supplier to send it again."


class DocumentTypeUnsupported(DocumentError):
    code = "document_type_unsupported"
    hint = "Submit a PDF, PNG, JPEG or TIFF file, or an e-invoice in XML; docs/intake.md lists the syntaxes."


class DocumentEncrypted(DocumentError):
    code = "document_encrypted"
    hint = "Ask the supplier for a PDF without a password."


class DocumentDamaged(DocumentError):
    code = "document_damaged"
    hint = "The file is truncated or damaged; ask the supplier to send it again."


class DocumentTooManyPages(DocumentError):
    code = "document_too_many_pages"
    hint = "Split the file, or raise CIRA_MAX_PAGES."


class DocumentTooManyWords(DocumentError):
    code = "document_too_many_words"
    hint = "The document has more text than CIRA_MAX_WORDS allows; split the file, or raise the limit."


class DocumentTooComplex(DocumentError):
    code = "document_too_complex"
    hint = (
        "The file has far more drawing operations or structure than an invoice; ask the supplier for a simpler file, "
        "or print and scan it."
    )


class DocumentTooSlow(DocumentError):
    """The document, or one page of it, used more processor time than is allowed; machine load does not count."""

    code = "document_too_slow"
    hint = (
        "The document needs more processor time than is allowed (CIRA_RECOGNITION_TIMEOUT_S to open or render it, "
        "CIRA_READING_PAGE_TIMEOUT_S per page, CIRA_READING_TIMEOUT_S in total); ask the supplier for a simpler PDF, "
        "or print and scan it."
    )


class ReadingOutOfMemory(DocumentError):
    code = "reading_out_of_memory"
    hint = (
        "The document needs more memory than CIRA_RECOGNITION_MEMORY_MB to be opened, or CIRA_READING_MEMORY_MB to be "
        "read; ask the supplier for a simpler file, or raise the limit that the message names."
    )


class ImageTooLarge(DocumentError):
    code = "image_too_large"
    hint = "The image has more pixels than CIRA_MAX_PIXELS; scan at 200 to 300 dpi."


class XmlForbidden(DocumentError):
    code = "xml_forbidden"
    hint = (
        "The file has a DTD or entities, which are refused as unsafe; ask the supplier for an e-invoice without them."
    )


class ReadingError(CiraError):
    """The document could not be read: neither its text layer nor OCR gave text lines."""


class ReadingFailed(ReadingError):
    code = "reading_failed"
    hint = "Open the document in a viewer; if it displays correctly, report it with the job id."


class ReadingTimedOut(ReadingError):
    code = "reading_timed_out"
    retryable = True
    hint = (
        "The machine was too busy to read the document in time, or docling-serve took longer than "
        "CIRA_READING_TIMEOUT_S; the job was attempted three times. Retry it when the machine is less busy."
    )


class ReadingCrashed(ReadingError):
    code = "reading_crashed"
    hint = (
        "The document crashes the reader process on every attempt; open it with caution, or ask the supplier for "
        "another copy."
    )


class ReaderUnavailable(ReadingError):
    code = "reader_unavailable"
    retryable = True
    hint = (
        "docling-serve does not answer at CIRA_DOCLING_SERVE_URL, or the reader process does not start; the message "
        "says which. The job waits and is attempted five times; after that, remove the cause and retry it."
    )


class ExtractionError(CiraError):
    """An extraction engine could not propose field values."""


class EInvoiceInvalid(ExtractionError):
    code = "einvoice_invalid"
    hint = "Ask the supplier for a valid e-invoice; docs/intake.md lists the syntaxes that are read."


class NothingExtracted(ExtractionError):
    code = "nothing_extracted"
    hint = "No engine found invoice fields in this document; check whether the document is an invoice."


class ModelUnavailable(ExtractionError):
    code = "model_unavailable"
    retryable = True
    hint = "Azure OpenAI answered with a server error; retry the job, nothing needs to be changed."


class ModelRateLimited(ExtractionError):
    code = "model_rate_limited"
    retryable = True
    hint = "The deployment's rate limit is exceeded; retry later, or raise the deployment's quota."


class ModelQuotaExhausted(ExtractionError):
    code = "model_quota_exhausted"
    hint = "The account at the provider has no credit left; add credit or raise its limit, then retry."


class ModelTimedOut(ExtractionError):
    code = "model_timed_out"
    retryable = True
    hint = "The model did not answer within CIRA_AZURE_OPENAI_TIMEOUT_S; retry, or raise the limit."


class ModelUnauthorised(ExtractionError):
    code = "model_unauthorised"
    hint = (
        "Azure rejected the key or token (HTTP 401): set CIRA_AZURE_OPENAI_API_KEY to a key of this endpoint's "
        "resource, or correct the Entra ID credential, then retry."
    )


class ModelForbidden(ExtractionError):
    code = "model_forbidden"
    hint = (
        "Azure denied access (HTTP 403): allow this network in the resource's firewall, or give the identity the role "
        "Cognitive Services OpenAI User, then retry."
    )


class ModelDeploymentMissing(ExtractionError):
    code = "model_deployment_missing"
    hint = "The deployment does not exist at this endpoint; correct CIRA_AZURE_OPENAI_DEPLOYMENT."


class ModelRequestRejected(ExtractionError):
    code = "model_request_rejected"
    hint = "The server rejected the request's parameters; check CIRA_AZURE_OPENAI_API_VERSION and the model."


class ModelQuestionTooLong(ExtractionError):
    code = "model_question_too_long"
    hint = (
        "The question exceeds the model's context window; lower CIRA_AZURE_OPENAI_MAX_INPUT_TOKENS, or use a model "
        "with a larger one."
    )


class ModelContentFiltered(ExtractionError):
    code = "model_content_filtered"
    hint = "Azure's content filter blocked this document; review it manually."


class ModelRefused(ExtractionError):
    code = "model_refused"
    hint = "The model refused to answer; review the document manually."


class ModelAnswerTruncated(ExtractionError):
    code = "model_answer_truncated"
    hint = "The model's answer reached the token limit; raise CIRA_AZURE_OPENAI_MAX_OUTPUT_TOKENS."


class ModelAnswerInvalid(ExtractionError):
    code = "model_answer_invalid"
    hint = "The model's answer does not match the schema; retry, or use a model with structured output."


class ModelBatchFailed(ExtractionError):
    code = "model_batch_failed"
    hint = (
        "No model batch answered the question; `cira batches` shows why. Retry the job to put it into another batch, "
        "or set CIRA_MODEL_BATCH_FALLBACK=live."
    )


class ModelBatchRefused(ExtractionError):
    code = "model_batch_refused"
    hint = (
        "The provider refused the batch; check that CIRA_AZURE_OPENAI_BATCH_DEPLOYMENT is a deployment of the type "
        "Global Batch or Data Zone Batch."
    )


class ModelBatchQuotaExceeded(ExtractionError):
    code = "model_batch_quota_exceeded"
    retryable = True
    hint = (
        "The deployment's quota of enqueued tokens is used up; smaller batches are sent automatically as others end. "
        "Raise the quota to finish sooner."
    )


class ModelBatchExpired(ExtractionError):
    code = "model_batch_expired"
    retryable = True
    hint = "The provider did not finish the batch in time; unanswered questions go into the next batch automatically."


class ModelBatchCancelled(ExtractionError):
    code = "model_batch_cancelled"
    retryable = True
    hint = "The batch was cancelled at the provider; unanswered questions go into the next batch automatically."


class ModelBatchAnswerMissing(ExtractionError):
    code = "model_batch_answer_missing"
    retryable = True
    hint = "The batch ended without a valid answer to this question; it goes into the next batch automatically."


class RecordRejected(CiraError):
    code = "verdict_rejected"
    hint = "The record's findings say why; ask the supplier for a corrected invoice and submit that."


class WebhookError(CiraError):
    """A webhook could not be delivered, or webhooks are not configured for the client."""


class WebhookSecretMissing(WebhookError):
    code = "webhook_secret_missing"
    hint = "An operator creates the secret that signs callbacks: `cira webhooks secret create --client NAME`."


class WebhookSecretExists(WebhookError):
    code = "webhook_secret_exists"
    hint = (
        "A secret is shown only once; `cira webhooks secret rotate` creates a new one, and the old one keeps signing "
        "for a transition period."
    )


class WebhookEventNotFound(WebhookError):
    code = "webhook_event_not_found"
    hint = "`cira webhooks list` and `GET /v1/jobs/{id}/deliveries` show the ids of events (`evt_...`)."


class WebhookRefused(WebhookError):
    code = "webhook_refused"
    retryable = True
    hint = "The receiver must answer with a status from 200 to 299; check the receiver's log."


class WebhookRedirected(WebhookError):
    code = "webhook_redirected"
    retryable = True
    hint = "Redirects are not followed: submit jobs with the callback URL that the redirect leads to."


class WebhookGone(WebhookError):
    code = "webhook_gone"
    hint = "The receiver answered HTTP 410, which ends the attempts; `cira webhooks replay` restarts them."


class WebhookTimedOut(WebhookError):
    code = "webhook_timed_out"
    retryable = True
    hint = (
        "The receiver must answer within CIRA_WEBHOOK_TIMEOUT_S: let it store the event, answer, and process the event "
        "afterwards."
    )


class WebhookUnreachable(WebhookError):
    code = "webhook_unreachable"
    retryable = True
    hint = "Check that the receiver runs and that its host name resolves on the machine that CIRA runs on."


class WebhookUntrusted(WebhookError):
    code = "webhook_untrusted"
    retryable = True
    hint = (
        "The receiver's TLS certificate is not valid for its host name; renew it, or submit jobs with the host name it "
        "is valid for."
    )


class LabelsInvalid(CiraError):
    code = "labels_invalid"
    hint = (
        "A labels file has one JSON object per line, with `file` or `sha256`, and `fields`; docs/labels.md shows an "
        "example."
    )


class ResultsInvalid(CiraError):
    code = "results_invalid"
    hint = "Pass the output of `cira extract --jsonl` (--results) or of `cira eval --json` (--baseline)."


class CircuitOpen(CiraError):
    code = "circuit_open"
    retryable = True
    hint = "The service failed repeatedly, so calls to it are paused for a while; the job can be retried later."


class AnswerInBatch(CiraError):
    code = "answer_in_batch"
    retryable = True
    hint = (
        "The job resumes automatically when its model batch is answered, usually within a day; `cira batches` shows "
        "the batch's progress."
    )


class BudgetReached(CiraError):
    """A paid call would exceed a budget. Detail: `needs_usd` (Decimal), `not_before` (datetime, the period's end)."""

    code = "budget_reached"
    retryable = True
    hint = (
        "The job resumes automatically when the period ends or the budget is raised (CIRA_DAILY_BUDGET_USD, "
        "CIRA_MONTHLY_BUDGET_USD, CIRA_CLIENT_BUDGETS); `cira costs` shows the money spent."
    )


class StorageError(CiraError):
    """PostgreSQL, the object store, an export, a backup or a restore failed."""


class ObjectMissing(StorageError):
    code = "object_missing"
    hint = "The object is missing from the object store; retry the job to create it again."


class ValueNotStorable(StorageError):
    code = "value_not_storable"
    hint = "A value in this document is outside the range that can be stored; review the document manually."


class ExportFailed(StorageError):
    code = "export_failed"
    hint = "Check that the folder exists, is writable and has free space."


class BackupFailed(StorageError):
    code = "backup_failed"
    hint = (
        "The incomplete backup was removed. Check that the parent folder exists, is writable and has free space, then "
        "repeat."
    )


class BackupTargetNotEmpty(StorageError):
    code = "backup_target_not_empty"
    hint = "Choose a folder that does not exist or is empty; a backup never overwrites another one."


class BackupDamaged(StorageError):
    code = "backup_damaged"
    hint = "Nothing was restored. Use another copy of this backup, or an earlier one."


class BackupTooNew(StorageError):
    code = "backup_too_new"
    hint = "Nothing was restored. Install the version of CIRA that made the backup (its manifest.json names it)."


class RestoreTargetNotEmpty(StorageError):
    code = "restore_target_not_empty"
    hint = (
        "Nothing was changed. Restore into an empty home and database: set another CIRA_HOME, or create a new database."
    )


class PepperMismatch(StorageError):
    code = "pepper_mismatch"
    hint = (
        "API keys and webhook secrets are valid only with the pepper they were created with: set CIRA_API_KEY_PEPPER "
        "to it, or write it to HOME/key-pepper."
    )


class StoreUnavailable(StorageError):
    code = "store_unavailable"
    retryable = True
    hint = (
        "The database or object store does not answer. A job waits and is attempted five times; after that, retry it "
        "when the store answers."
    )


class DiskFull(StoreUnavailable):
    code = "disk_full"
    retryable = True
    hint = (
        "Free space on the disk with CIRA's data (`cira doctor` shows what is left), or lower CIRA_LEAST_FREE_MB. Jobs "
        "wait and resume automatically; a refused request must be sent again."
    )


class RunInterrupted(CiraError):
    code = "run_interrupted"
    retryable = True
    hint = "The Dagster run ended before this job was finished; retry the job, finished stages are kept."


class InternalError(CiraError):
    """An unexpected exception; the original one is chained as the cause."""

    code = "internal_error"


def leaves() -> tuple[type[CiraError], ...]:
    """All error classes with a code of their own, in the order of this file."""
    found = (each for each in globals().values() if isinstance(each, type) and issubclass(each, CiraError))
    return tuple(
        each for each in found if each is not CiraError and ("code" in vars(each) or not each.__subclasses__())
    )


def class_of(code: str | None) -> type[CiraError] | None:
    """The error class with this code; `None` for a code that this version does not have."""
    return next((each for each in leaves() if each.code == code), None)


def kept_error(code: str | None, message: str) -> CiraError:
    """The exception for a stored code and message; an `InternalError` for a code that this version does not have."""
    error_class = class_of(code)
    return error_class(message) if error_class is not None else InternalError(f"{code}: {message}")
