-- Webhooks: who is to be told of a job's end, what is owed to them, and every attempt at it. Labels that come with a
-- job. How long stages take. Erasures that Dagster's event log has to follow.

ALTER TABLE cira.jobs
    ADD COLUMN callback TEXT,
    ADD CONSTRAINT jobs_callback_check CHECK (length(callback) <= 2048 AND callback ~ '^https?://[^/?#]' AND callback !~ '[\u0001-\u001f\u007f]');
COMMENT ON COLUMN cira.jobs.callback IS 'URL that is told how the job ended; null: nobody is';

CREATE TABLE cira.job_labels (
    job_id TEXT COLLATE "C" NOT NULL,
    fields JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT job_labels_pkey PRIMARY KEY (job_id),
    CONSTRAINT job_labels_fields_check CHECK (jsonb_typeof(fields) = 'object'),
    CONSTRAINT job_labels_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.jobs (job_id) ON DELETE CASCADE
);
COMMENT ON TABLE cira.job_labels IS 'Labels submitted with a job; they become its document''s once that is known';
COMMENT ON COLUMN cira.job_labels.job_id IS 'the job';
COMMENT ON COLUMN cira.job_labels.fields IS 'fields known to be right, named as in records';
COMMENT ON COLUMN cira.job_labels.created_at IS 'when it was submitted';

CREATE TABLE cira.webhook_secrets (
    signing_id TEXT COLLATE "C" NOT NULL,
    client TEXT NOT NULL,
    pepper_id TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT webhook_secrets_pkey PRIMARY KEY (signing_id),
    CONSTRAINT webhook_secrets_signing_id_check CHECK (signing_id ~ '^[0-9a-hjkmnp-tv-z]{16}$'),
    CONSTRAINT webhook_secrets_client_check CHECK (length(client) BETWEEN 1 AND 200 AND client !~ '[\u0001-\u001f\u007f]')
);
CREATE INDEX webhook_secrets_client_idx ON cira.webhook_secrets (client);
-- One that does not end is the one in force.
CREATE UNIQUE INDEX webhook_secrets_in_force_idx ON cira.webhook_secrets (client) WHERE expires_at IS NULL;
COMMENT ON TABLE cira.webhook_secrets IS 'Secrets that webhooks are signed with; derived from the pepper, so kept nowhere';
COMMENT ON COLUMN cira.webhook_secrets.signing_id IS 'what the secret is derived from, with the pepper';
COMMENT ON COLUMN cira.webhook_secrets.client IS 'whose webhooks it signs';
COMMENT ON COLUMN cira.webhook_secrets.pepper_id IS 'which pepper it is derived from; not the pepper itself';
COMMENT ON COLUMN cira.webhook_secrets.created_at IS 'when it was made';
COMMENT ON COLUMN cira.webhook_secrets.expires_at IS 'until then a replaced one signs too; null: it is in force';

CREATE TABLE cira.webhook_receivers (
    client TEXT NOT NULL,
    host TEXT NOT NULL,
    failures INTEGER DEFAULT '0' NOT NULL,
    paused_until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT webhook_receivers_pkey PRIMARY KEY (client, host),
    CONSTRAINT webhook_receivers_failures_check CHECK (failures >= 0)
);
COMMENT ON TABLE cira.webhook_receivers IS 'Hosts that webhooks go to, for each client: one that fails is left alone for a while';
COMMENT ON COLUMN cira.webhook_receivers.client IS 'whose webhooks';
COMMENT ON COLUMN cira.webhook_receivers.host IS 'host and port of the callbacks';
COMMENT ON COLUMN cira.webhook_receivers.failures IS 'attempts in a row that failed';
COMMENT ON COLUMN cira.webhook_receivers.paused_until IS 'nothing is sent before then; null: it is not paused';

CREATE TABLE cira.webhook_events (
    event_id TEXT COLLATE "C" NOT NULL,
    job_id TEXT COLLATE "C" NOT NULL,
    client TEXT NOT NULL,
    host TEXT NOT NULL,
    job_version BIGINT NOT NULL,
    status TEXT NOT NULL,
    verdict TEXT,
    error_code TEXT,
    state TEXT DEFAULT 'pending' NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    owed_since TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    next_attempt_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    last_failure TEXT,
    CONSTRAINT webhook_events_pkey PRIMARY KEY (event_id),
    CONSTRAINT webhook_events_event_id_check CHECK (event_id ~ '^evt_[0-9a-f]{32}$'),
    CONSTRAINT webhook_events_status_check CHECK (status IN ('succeeded', 'failed', 'rejected', 'cancelled')),
    CONSTRAINT webhook_events_verdict_check CHECK (verdict IN ('accepted', 'needs_review', 'rejected')),
    CONSTRAINT webhook_events_state_check CHECK (state IN ('pending', 'delivered', 'failed')),
    CONSTRAINT webhook_events_ended_at_check CHECK ((ended_at IS NOT NULL) = (state <> 'pending')),
    CONSTRAINT webhook_events_attempts_check CHECK (attempts >= 0),
    CONSTRAINT webhook_events_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.jobs (job_id) ON DELETE CASCADE,
    CONSTRAINT webhook_events_receiver_fkey FOREIGN KEY(client, host) REFERENCES cira.webhook_receivers (client, host)
);
CREATE INDEX webhook_events_owed_idx ON cira.webhook_events (client, host, next_attempt_at) WHERE state = 'pending';
CREATE INDEX webhook_events_owed_since_idx ON cira.webhook_events (owed_since) WHERE state = 'pending';
CREATE INDEX webhook_events_failed_idx ON cira.webhook_events (created_at) WHERE state = 'failed';
CREATE INDEX webhook_events_job_id_idx ON cira.webhook_events (job_id);
COMMENT ON TABLE cira.webhook_events IS 'Outbox: ends of jobs that a callback is told, written with the end itself';
COMMENT ON COLUMN cira.webhook_events.event_id IS 'identifies it for the receiver, however often it comes';
COMMENT ON COLUMN cira.webhook_events.job_id IS 'the job';
COMMENT ON COLUMN cira.webhook_events.client IS 'whose job it is';
COMMENT ON COLUMN cira.webhook_events.host IS 'host and port it goes to';
COMMENT ON COLUMN cira.webhook_events.job_version IS 'the job''s version then; a lower one is older news';
COMMENT ON COLUMN cira.webhook_events.status IS 'how the job ended';
COMMENT ON COLUMN cira.webhook_events.verdict IS 'its record''s verdict, if it ended with one';
COMMENT ON COLUMN cira.webhook_events.error_code IS 'why it failed or was rejected';
COMMENT ON COLUMN cira.webhook_events.state IS 'pending, delivered, or failed: given up';
COMMENT ON COLUMN cira.webhook_events.attempts IS 'attempts so far, one that is under way included';
COMMENT ON COLUMN cira.webhook_events.created_at IS 'when the job ended so';
COMMENT ON COLUMN cira.webhook_events.owed_since IS 'when it was created or last replayed; given up some time after';
COMMENT ON COLUMN cira.webhook_events.next_attempt_at IS 'when it is due; while an attempt is under way, when another may start';
COMMENT ON COLUMN cira.webhook_events.ended_at IS 'when it was delivered or given up; null before';
COMMENT ON COLUMN cira.webhook_events.last_failure IS 'code of the last attempt that failed';

CREATE TABLE cira.webhook_attempts (
    event_id TEXT COLLATE "C" NOT NULL,
    attempt INTEGER NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    http_status INTEGER,
    error_code TEXT,
    CONSTRAINT webhook_attempts_pkey PRIMARY KEY (event_id, attempt),
    CONSTRAINT webhook_attempts_attempt_check CHECK (attempt >= 1),
    CONSTRAINT webhook_attempts_outcome_check CHECK (num_nulls(http_status, error_code) < 2),
    CONSTRAINT webhook_attempts_event_id_fkey FOREIGN KEY(event_id) REFERENCES cira.webhook_events (event_id) ON DELETE CASCADE
);
COMMENT ON TABLE cira.webhook_attempts IS 'Every attempt to deliver a webhook';
COMMENT ON COLUMN cira.webhook_attempts.event_id IS 'what was delivered';
COMMENT ON COLUMN cira.webhook_attempts.attempt IS 'which attempt, from 1';
COMMENT ON COLUMN cira.webhook_attempts.started_at IS 'when it began';
COMMENT ON COLUMN cira.webhook_attempts.seconds IS 'seconds it took';
COMMENT ON COLUMN cira.webhook_attempts.http_status IS 'what the receiver answered; null: nothing';
COMMENT ON COLUMN cira.webhook_attempts.error_code IS 'why it failed; null: delivered';

-- In the database and not in the code, so that whoever ends a job owes the news of it in the same transaction.
CREATE FUNCTION cira.owe_callback() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    receiver TEXT := substring(NEW.callback FROM '^https?://([^/?#]+)');
BEGIN
    INSERT INTO cira.webhook_receivers (client, host) VALUES (NEW.client, receiver) ON CONFLICT DO NOTHING;
    INSERT INTO cira.webhook_events (event_id, job_id, client, host, job_version, status, verdict, error_code)
    VALUES (
        'evt_' || replace(gen_random_uuid()::text, '-', ''), NEW.job_id, NEW.client, receiver, NEW.version, NEW.status,
        NEW.verdict, NEW.error_code
    );
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION cira.owe_callback() IS 'Puts the end of a job with a callback into the outbox';
CREATE TRIGGER jobs_owe_callback AFTER UPDATE ON cira.jobs FOR EACH ROW
WHEN (
    NEW.callback IS NOT NULL AND NEW.status IN ('succeeded', 'failed', 'rejected', 'cancelled')
    AND (OLD.status, OLD.verdict, OLD.error_code) IS DISTINCT FROM (NEW.status, NEW.verdict, NEW.error_code)
)
EXECUTE FUNCTION cira.owe_callback();

CREATE TABLE cira.stage_timings (
    stage TEXT NOT NULL,
    up_to_s DOUBLE PRECISION NOT NULL,
    runs BIGINT NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    CONSTRAINT stage_timings_pkey PRIMARY KEY (stage, up_to_s),
    CONSTRAINT stage_timings_stage_check CHECK (stage IN ('raw_document', 'ocr_text', 'extracted_fields', 'validated_record')),
    CONSTRAINT stage_timings_counts_check CHECK (runs > 0 AND seconds >= 0)
);
COMMENT ON TABLE cira.stage_timings IS 'How long stages took, counted in classes; all runs of all processes together';
COMMENT ON COLUMN cira.stage_timings.stage IS 'the stage';
COMMENT ON COLUMN cira.stage_timings.up_to_s IS 'longest of the class in seconds; infinity for the last one';
COMMENT ON COLUMN cira.stage_timings.runs IS 'times the stage did its work within that class';
COMMENT ON COLUMN cira.stage_timings.seconds IS 'seconds these took together';

CREATE TABLE cira.erasures (
    job_id TEXT COLLATE "C" NOT NULL,
    erased_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    dagster_erased_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT erasures_pkey PRIMARY KEY (job_id),
    CONSTRAINT erasures_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.jobs (job_id) ON DELETE CASCADE
);
CREATE INDEX erasures_owed_idx ON cira.erasures (erased_at) WHERE dagster_erased_at IS NULL;
COMMENT ON TABLE cira.erasures IS 'Jobs whose content was erased, here and in Dagster''s event log';
COMMENT ON COLUMN cira.erasures.job_id IS 'the job';
COMMENT ON COLUMN cira.erasures.erased_at IS 'when its content was last erased';
COMMENT ON COLUMN cira.erasures.dagster_erased_at IS 'when Dagster''s events about it were; null: not yet';

-- Findings name jobs and bank accounts of the record's own client only; of earlier ones it is not known whose they name.
UPDATE cira.record_findings SET message = 'this invoice came before: paying it again would pay twice'
WHERE rule = 'CIRA-DUP-01';
UPDATE cira.record_findings
SET message = 'this bank account is new for the supplier; ask the supplier by a way you know before paying'
WHERE rule = 'CIRA-PAY-02';
