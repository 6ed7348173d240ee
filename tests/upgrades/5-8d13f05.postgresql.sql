CREATE TABLE public.jobs (
    id character varying(40) NOT NULL,
    visitor character varying(200) NOT NULL,
    state character varying(12) NOT NULL,
    mode character varying(8) NOT NULL,
    request json NOT NULL,
    idempotency_key character varying(96) NOT NULL,
    run integer NOT NULL,
    created_at double precision NOT NULL,
    updated_at double precision NOT NULL,
    started_at double precision,
    ordered_at double precision,
    finished_at double precision,
    own_key boolean NOT NULL,
    sealed_key text,
    image_name character varying(20),
    video_name character varying(20),
    image_url text,
    video_url text,
    video_seconds double precision NOT NULL,
    uploaded_bytes integer NOT NULL,
    total_bytes integer NOT NULL,
    notice text,
    task_id character varying(100),
    estimated_seconds double precision,
    progress integer,
    credits_estimated double precision NOT NULL,
    credits_reserved double precision,
    credits_used double precision,
    fault json,
    charged character varying(7),
    vendor_url text,
    vendor_expires_at double precision,
    result_bytes integer
);
CREATE TABLE public.replicas (
    executor_id character varying(64) NOT NULL,
    beat_at timestamp with time zone NOT NULL
);
CREATE TABLE public.schema_version (
    version integer NOT NULL
);
CREATE TABLE public.uploads (
    sha256 character varying(64) NOT NULL,
    account character varying(64) NOT NULL,
    host character varying(10) NOT NULL,
    url text NOT NULL,
    expires_at double precision NOT NULL,
    file_id text
);
INSERT INTO public.jobs VALUES ('waiting', 'anna', 'queued', 'live', '{"prompt": "A dance", "quality": "720p", "character_orientation": "image", "keep_sound": true, "watermark": false, "element_id": "", "image_url": "", "video_url": ""}', 'evolink-ui-waiting', 1, 1795414080, 1795414080, NULL, NULL, NULL, false, NULL, 'image.png', 'video.mp4', NULL, NULL, 4, 0, 120000, NULL, NULL, NULL, NULL, 32.652, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.jobs VALUES ('running', 'anna', 'running', 'live', '{"prompt": "A dance", "quality": "720p", "character_orientation": "image", "keep_sound": true, "watermark": false, "element_id": "", "image_url": "", "video_url": ""}', 'evolink-ui-running', 1, 1795413660, 1795414083, 1795414080, 1795414081, NULL, false, NULL, 'image.png', 'video.mp4', 'https://files.example/a.png', 'https://files.example/a.mp4', 4, 120000, 120000, NULL, 'task-unified-1795413600-running', 120, 0, 32.652, 32.652, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.jobs VALUES ('done', 'anna', 'done', 'live', '{"prompt": "A dance", "quality": "720p", "character_orientation": "image", "keep_sound": true, "watermark": false, "element_id": "", "image_url": "", "video_url": ""}', 'evolink-ui-done', 1, 1795413720, 1795414088, 1795414083, 1795414084, 1795414088, false, NULL, 'image.png', 'video.mp4', 'https://files.example/a.png', 'https://files.example/a.mp4', 4, 120000, 120000, NULL, 'task-unified-1795413600-done', 120, 100, 32.652, 32.652, 32.6, NULL, NULL, 'https://files.example/r.mp4', 1795500486, 5000);
INSERT INTO public.jobs VALUES ('refused', 'anna', 'failed', 'live', '{"prompt": "A dance", "quality": "720p", "character_orientation": "image", "keep_sound": true, "watermark": false, "element_id": "", "image_url": "", "video_url": ""}', 'evolink-ui-refused', 1, 1795413780, 1795414091, 1795414088, 1795414089, 1795414091, false, NULL, 'image.png', 'video.mp4', 'https://files.example/a.png', 'https://files.example/a.mp4', 4, 120000, 120000, NULL, NULL, NULL, NULL, 32.652, NULL, NULL, '{"code": "insufficient_quota", "message": "Not enough credits.", "next_step": "Top up.", "charged": "no", "retryable": false, "request_id": null}', 'no', NULL, NULL, NULL);
INSERT INTO public.jobs VALUES ('unknown', 'anna', 'unknown', 'live', '{"prompt": "A dance", "quality": "720p", "character_orientation": "image", "keep_sound": true, "watermark": false, "element_id": "", "image_url": "", "video_url": ""}', 'evolink-ui-unknown', 1, 1795413840, 1795414094, 1795414091, 1795414092, 1795414094, false, NULL, 'image.png', 'video.mp4', 'https://files.example/a.png', 'https://files.example/a.mp4', 4, 120000, 120000, NULL, NULL, NULL, NULL, 32.652, NULL, NULL, '{"code": "outcome_unknown", "message": "The answer was lost.", "next_step": "Look in your dashboard.", "charged": "unknown", "retryable": false, "request_id": null}', 'unknown', NULL, NULL, NULL);
INSERT INTO public.jobs VALUES ('stopped', 'anna', 'stopped', 'live', '{"prompt": "A dance", "quality": "720p", "character_orientation": "image", "keep_sound": true, "watermark": false, "element_id": "", "image_url": "", "video_url": ""}', 'evolink-ui-stopped', 1, 1795413900, 1795414098, 1795414094, 1795414095, 1795414098, false, NULL, 'image.png', 'video.mp4', 'https://files.example/a.png', 'https://files.example/a.mp4', 4, 120000, 120000, NULL, 'task-unified-1795413600-stopped', 120, 0, 32.652, 32.652, NULL, '{"code": "stopped", "message": "You stopped following.", "next_step": "Press Follow again.", "charged": "yes", "retryable": true, "request_id": null}', 'yes', NULL, NULL, NULL);
INSERT INTO public.jobs VALUES ('given_up', 'anna', 'failed', 'live', '{"prompt": "A dance", "quality": "720p", "character_orientation": "image", "keep_sound": true, "watermark": false, "element_id": "", "image_url": "", "video_url": ""}', 'evolink-ui-given_up', 1, 1795413960, 1795414102, 1795414098, 1795414099, 1795414102, false, NULL, 'image.png', 'video.mp4', 'https://files.example/a.png', 'https://files.example/a.mp4', 4, 120000, 120000, NULL, NULL, NULL, NULL, 32.652, NULL, NULL, '{"code": "given_up", "message": "You gave this order up.", "next_step": "Check.", "charged": "unknown", "retryable": false, "request_id": null}', 'unknown', NULL, NULL, NULL);
INSERT INTO public.jobs VALUES ('own', 'anna', 'stopped', 'live', '{"prompt": "A dance", "quality": "720p", "character_orientation": "image", "keep_sound": true, "watermark": false, "element_id": "", "image_url": "", "video_url": ""}', 'evolink-ui-own', 1, 1795414020, 1795414106, 1795414102, 1795414103, 1795414106, true, 'sealed-key-of-anna', 'image.png', 'video.mp4', 'https://files.example/a.png', 'https://files.example/a.mp4', 4, 120000, 120000, NULL, 'task-unified-1795413600-own', 120, 0, 32.652, 32.652, NULL, '{"code": "stopped", "message": "You stopped following.", "next_step": "Press Follow again.", "charged": "yes", "retryable": true, "request_id": null}', 'yes', NULL, NULL, NULL);
INSERT INTO public.schema_version VALUES (1);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_idempotency_key_key UNIQUE (idempotency_key);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_task_id_key UNIQUE (task_id);
ALTER TABLE ONLY public.replicas
    ADD CONSTRAINT replicas_pkey PRIMARY KEY (executor_id);
ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT uploads_pkey PRIMARY KEY (sha256, account, host);
CREATE INDEX ix_jobs_created_at ON public.jobs USING btree (created_at);
CREATE INDEX ix_jobs_state ON public.jobs USING btree (state);
CREATE INDEX ix_jobs_visitor ON public.jobs USING btree (visitor);
