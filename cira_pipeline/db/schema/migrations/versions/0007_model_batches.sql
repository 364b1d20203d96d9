-- Questions that a provider's batch API answers, and by what a dead claimant is known.

ALTER TABLE cira.jobs ADD COLUMN model_batch BOOLEAN;
COMMENT ON COLUMN cira.jobs.model_batch IS 'its questions to the model may wait for a model batch, at its lower price; null: as configured';
COMMENT ON COLUMN cira.jobs.status IS 'queued, running, needs_budget (waits for money), waiting (waits for a dependency that is down, or for a model batch), succeeded, failed (a stage broke, a retry may help), rejected (can never become an accepted invoice), cancelled';

ALTER TABLE cira.model_answers ADD COLUMN by_batch BOOLEAN DEFAULT false NOT NULL;
ALTER TABLE cira.model_answers ADD COLUMN claim_lock BIGINT;
COMMENT ON COLUMN cira.model_answers.by_batch IS 'it is asked, or was answered, by a model batch, at its lower price';
COMMENT ON COLUMN cira.model_answers.claim_lock IS 'advisory lock that whoever asks holds while it lives; null: the lease alone counts';

CREATE TABLE cira.model_batches (
    model_batch_id TEXT COLLATE "C" NOT NULL,
    provider TEXT NOT NULL,
    deployment TEXT NOT NULL,
    state TEXT DEFAULT 'preparing' NOT NULL,
    provider_status TEXT,
    input_file_id TEXT,
    provider_batch_id TEXT,
    question_count INTEGER NOT NULL,
    size_bytes BIGINT NOT NULL,
    answered_count INTEGER DEFAULT '0' NOT NULL,
    unanswered_count INTEGER DEFAULT '0' NOT NULL,
    left_out TEXT[] DEFAULT '{}' NOT NULL,
    error_code TEXT,
    error_message TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    create_tried_at TIMESTAMP WITH TIME ZONE,
    sent_at TIMESTAMP WITH TIME ZONE,
    polled_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    files_deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT model_batches_pkey PRIMARY KEY (model_batch_id),
    CONSTRAINT model_batches_provider_batch_id_key UNIQUE (provider_batch_id),
    CONSTRAINT model_batches_state_check CHECK (state IN ('preparing', 'sent', 'done', 'failed')),
    CONSTRAINT model_batches_sent_is_known_check CHECK (state <> 'sent' OR provider_batch_id IS NOT NULL),
    CONSTRAINT model_batches_ended_at_check CHECK ((ended_at IS NOT NULL) = (state IN ('done', 'failed'))),
    CONSTRAINT model_batches_failed_has_code_check CHECK (state <> 'failed' OR error_code IS NOT NULL),
    CONSTRAINT model_batches_counts_check CHECK (question_count >= 1 AND size_bytes >= 1 AND answered_count >= 0 AND unanswered_count >= 0)
);
CREATE INDEX model_batches_deployment_ended_at_idx ON cira.model_batches (deployment, ended_at);
CREATE INDEX model_batches_open_idx ON cira.model_batches (model_batch_id) WHERE files_deleted_at IS NULL;
COMMENT ON TABLE cira.model_batches IS 'Files of questions answered by the provider''s batch API within a day, at a lower price';
COMMENT ON COLUMN cira.model_batches.model_batch_id IS '`mba_` and a ULID; the provider''s metadata name it';
COMMENT ON COLUMN cira.model_batches.provider IS 'who answers';
COMMENT ON COLUMN cira.model_batches.deployment IS 'the deployment for batches, by its name at the provider';
COMMENT ON COLUMN cira.model_batches.state IS 'preparing (not yet at the provider), sent, done (its answers are kept), failed (it gave none)';
COMMENT ON COLUMN cira.model_batches.provider_status IS 'as the provider last called it: validating, in_progress, completed, ...';
COMMENT ON COLUMN cira.model_batches.input_file_id IS 'the provider''s id of the questions'' file';
COMMENT ON COLUMN cira.model_batches.provider_batch_id IS 'the provider''s id of the batch';
COMMENT ON COLUMN cira.model_batches.question_count IS 'questions in it';
COMMENT ON COLUMN cira.model_batches.size_bytes IS 'size of the questions'' file in bytes';
COMMENT ON COLUMN cira.model_batches.answered_count IS 'questions it answered';
COMMENT ON COLUMN cira.model_batches.unanswered_count IS 'questions it gave no answer to';
COMMENT ON COLUMN cira.model_batches.left_out IS 'request parameters that its deployment turned out not to take';
COMMENT ON COLUMN cira.model_batches.error_code IS 'stable code of what went wrong with it as a whole; docs/errors.md lists them';
COMMENT ON COLUMN cira.model_batches.error_message IS 'what the provider said of it';
COMMENT ON COLUMN cira.model_batches.created_at IS 'when its questions were gathered';
COMMENT ON COLUMN cira.model_batches.create_tried_at IS 'when the provider was last asked to begin it';
COMMENT ON COLUMN cira.model_batches.sent_at IS 'when it was known to be at the provider';
COMMENT ON COLUMN cira.model_batches.polled_at IS 'when the provider was last asked how it stands';
COMMENT ON COLUMN cira.model_batches.ended_at IS 'when its answers were all kept, or it was given up';
COMMENT ON COLUMN cira.model_batches.files_deleted_at IS 'when its files were deleted at the provider';

CREATE TABLE cira.batched_questions (
    request_hash TEXT NOT NULL,
    provider TEXT NOT NULL,
    deployment TEXT NOT NULL,
    model TEXT NOT NULL,
    body TEXT,
    size_bytes INTEGER NOT NULL,
    job_id TEXT COLLATE "C" NOT NULL,
    state TEXT DEFAULT 'waiting' NOT NULL,
    model_batch_id TEXT COLLATE "C",
    tries INTEGER DEFAULT '0' NOT NULL,
    error_code TEXT,
    error_message TEXT,
    queued_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT batched_questions_pkey PRIMARY KEY (request_hash),
    CONSTRAINT batched_questions_request_hash_check CHECK (request_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT batched_questions_state_check CHECK (state IN ('waiting', 'sent', 'given_up')),
    CONSTRAINT batched_questions_sent_in_a_batch_check CHECK ((state = 'sent') = (model_batch_id IS NOT NULL)),
    CONSTRAINT batched_questions_erased_only_when_sent_check CHECK (body IS NOT NULL OR state = 'sent'),
    CONSTRAINT batched_questions_counts_check CHECK (size_bytes >= 1 AND tries >= 0),
    CONSTRAINT batched_questions_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.jobs (job_id),
    CONSTRAINT batched_questions_model_batch_id_fkey FOREIGN KEY(model_batch_id) REFERENCES cira.model_batches (model_batch_id)
);
CREATE INDEX batched_questions_job_id_idx ON cira.batched_questions (job_id);
CREATE INDEX batched_questions_model_batch_id_idx ON cira.batched_questions (model_batch_id);
CREATE INDEX batched_questions_waiting_idx ON cira.batched_questions (deployment, queued_at, request_hash) WHERE state = 'waiting';
COMMENT ON TABLE cira.batched_questions IS 'Questions to a model that wait for a batch or are in one; an answered question leaves this table';
COMMENT ON COLUMN cira.batched_questions.request_hash IS 'the question, as in model_answers';
COMMENT ON COLUMN cira.batched_questions.provider IS 'who is asked';
COMMENT ON COLUMN cira.batched_questions.deployment IS 'the deployment for batches that is asked';
COMMENT ON COLUMN cira.batched_questions.model IS 'the model whose price holds when the answer''s is not known';
COMMENT ON COLUMN cira.batched_questions.body IS 'the request, JSON; null once its job was erased';
COMMENT ON COLUMN cira.batched_questions.size_bytes IS 'size of its line in the file, in bytes';
COMMENT ON COLUMN cira.batched_questions.job_id IS 'the job that pays for it';
COMMENT ON COLUMN cira.batched_questions.state IS 'waiting (for the next batch), sent (in a batch), given_up (no batch answered it)';
COMMENT ON COLUMN cira.batched_questions.model_batch_id IS 'the batch it is in';
COMMENT ON COLUMN cira.batched_questions.tries IS 'batches that gave no answer to it';
COMMENT ON COLUMN cira.batched_questions.error_code IS 'stable code of why the last batch did not answer it';
COMMENT ON COLUMN cira.batched_questions.error_message IS 'what the provider said of it';
COMMENT ON COLUMN cira.batched_questions.queued_at IS 'since when it waits for a batch';

CREATE TABLE cira.batch_waits (
    job_id TEXT COLLATE "C" NOT NULL,
    request_hash TEXT NOT NULL,
    CONSTRAINT batch_waits_pkey PRIMARY KEY (job_id, request_hash),
    CONSTRAINT batch_waits_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.jobs (job_id) ON DELETE CASCADE,
    CONSTRAINT batch_waits_request_hash_fkey FOREIGN KEY(request_hash) REFERENCES cira.batched_questions (request_hash) ON DELETE CASCADE
);
CREATE INDEX batch_waits_request_hash_idx ON cira.batch_waits (request_hash);
COMMENT ON TABLE cira.batch_waits IS 'Which jobs wait for which batched questions; a job without any goes on';
COMMENT ON COLUMN cira.batch_waits.job_id IS 'the job';
COMMENT ON COLUMN cira.batch_waits.request_hash IS 'a question whose answer it waits for';

COMMENT ON VIEW cira.waiting_jobs IS 'Jobs that wait by themselves and go on by themselves: for a budget, for a dependency that is down, or for a model batch';
COMMENT ON COLUMN cira.waiting_jobs.waits_for IS 'needs_budget: for money; waiting: for a dependency or a model batch';
