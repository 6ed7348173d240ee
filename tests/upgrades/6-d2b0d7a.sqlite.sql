BEGIN TRANSACTION;
CREATE TABLE instance (
    id VARCHAR(32) NOT NULL,
    PRIMARY KEY (id)
    );
INSERT INTO "instance" VALUES('69d5ad8cad452dc1');
CREATE TABLE jobs (
    id VARCHAR(40) NOT NULL,
    visitor VARCHAR(200) NOT NULL,
    state VARCHAR(12) NOT NULL,
    mode VARCHAR(8) NOT NULL,
    request JSON NOT NULL,
    idempotency_key VARCHAR(96) NOT NULL,
    run INTEGER NOT NULL,
    created_at DOUBLE NOT NULL,
    updated_at DOUBLE NOT NULL,
    started_at DOUBLE,
    ordered_at DOUBLE,
    finished_at DOUBLE,
    own_key BOOLEAN NOT NULL,
    sealed_key TEXT,
    image_name VARCHAR(20),
    video_name VARCHAR(20),
    image_url TEXT,
    video_url TEXT,
    video_seconds DOUBLE NOT NULL,
    uploaded_bytes INTEGER NOT NULL,
    total_bytes INTEGER NOT NULL,
    notice TEXT,
    task_id VARCHAR(100),
    estimated_seconds DOUBLE,
    progress INTEGER,
    credits_estimated DOUBLE NOT NULL,
    credits_reserved DOUBLE,
    credits_used DOUBLE,
    fault JSON,
    charged VARCHAR(7),
    vendor_url TEXT,
    vendor_expires_at DOUBLE,
    result_bytes INTEGER,
    PRIMARY KEY (id),
    UNIQUE (idempotency_key),
    UNIQUE (task_id)
    );
INSERT INTO "jobs" VALUES('running','anna','running','live','{"prompt": "A dance", "quality": "720p", "character_orientation": "image", "keep_sound": true, "watermark": false, "element_id": "", "image_url": "", "video_url": ""}','evolink-ui-running',1,1795413660.0,1795414083.0,1795414080.0,1795414081.0,NULL,0,NULL,'image.png','video.mp4','https://files.example/a.png','https://files.example/a.mp4',4.0,120000,120000,NULL,'task-unified-1795413600-running',120.0,0,32.652,32.652,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('done','anna','done','live','{"prompt": "A dance", "quality": "720p", "character_orientation": "image", "keep_sound": true, "watermark": false, "element_id": "", "image_url": "", "video_url": ""}','evolink-ui-done',1,1795413720.0,1795414088.0,1795414083.0,1795414084.0,1795414088.0,0,NULL,'image.png','video.mp4','https://files.example/a.png','https://files.example/a.mp4',4.0,120000,120000,NULL,'task-unified-1795413600-done',120.0,100,32.652,32.652,32.6,NULL,NULL,'https://files.example/r.mp4',1795500486.0,5000);
INSERT INTO "jobs" VALUES('refused','anna','failed','live','{"prompt": "A dance", "quality": "720p", "character_orientation": "image", "keep_sound": true, "watermark": false, "element_id": "", "image_url": "", "video_url": ""}','evolink-ui-refused',1,1795413780.0,1795414091.0,1795414088.0,1795414089.0,1795414091.0,0,NULL,'image.png','video.mp4','https://files.example/a.png','https://files.example/a.mp4',4.0,120000,120000,NULL,NULL,NULL,NULL,32.652,NULL,NULL,'{"code": "insufficient_quota", "message": "Not enough credits.", "next_step": "Top up.", "charged": "no", "retryable": false, "request_id": null}','no',NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('unknown','anna','unknown','live','{"prompt": "A dance", "quality": "720p", "character_orientation": "image", "keep_sound": true, "watermark": false, "element_id": "", "image_url": "", "video_url": ""}','evolink-ui-unknown',1,1795413840.0,1795414094.0,1795414091.0,1795414092.0,1795414094.0,0,NULL,'image.png','video.mp4','https://files.example/a.png','https://files.example/a.mp4',4.0,120000,120000,NULL,NULL,NULL,NULL,32.652,NULL,NULL,'{"code": "outcome_unknown", "message": "The answer was lost.", "next_step": "Look in your dashboard.", "charged": "unknown", "retryable": false, "request_id": null}','unknown',NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('stopped','anna','stopped','live','{"prompt": "A dance", "quality": "720p", "character_orientation": "image", "keep_sound": true, "watermark": false, "element_id": "", "image_url": "", "video_url": ""}','evolink-ui-stopped',1,1795413900.0,1795414098.0,1795414094.0,1795414095.0,1795414098.0,0,NULL,'image.png','video.mp4','https://files.example/a.png','https://files.example/a.mp4',4.0,120000,120000,NULL,'task-unified-1795413600-stopped',120.0,0,32.652,32.652,NULL,'{"code": "stopped", "message": "You stopped following.", "next_step": "Press Follow again.", "charged": "yes", "retryable": true, "request_id": null}','yes',NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('given_up','anna','failed','live','{"prompt": "A dance", "quality": "720p", "character_orientation": "image", "keep_sound": true, "watermark": false, "element_id": "", "image_url": "", "video_url": ""}','evolink-ui-given_up',1,1795413960.0,1795414102.0,1795414098.0,1795414099.0,1795414102.0,0,NULL,'image.png','video.mp4','https://files.example/a.png','https://files.example/a.mp4',4.0,120000,120000,NULL,NULL,NULL,NULL,32.652,NULL,NULL,'{"code": "given_up", "message": "You gave this order up.", "next_step": "Check.", "charged": "unknown", "retryable": false, "request_id": null}','unknown',NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('own','anna','stopped','live','{"prompt": "A dance", "quality": "720p", "character_orientation": "image", "keep_sound": true, "watermark": false, "element_id": "", "image_url": "", "video_url": ""}','evolink-ui-own',1,1795414020.0,1795414106.0,1795414102.0,1795414103.0,1795414106.0,1,'sealed-key-of-anna','image.png','video.mp4','https://files.example/a.png','https://files.example/a.mp4',4.0,120000,120000,NULL,'task-unified-1795413600-own',120.0,0,32.652,32.652,NULL,'{"code": "stopped", "message": "You stopped following.", "next_step": "Press Follow again.", "charged": "yes", "retryable": true, "request_id": null}','yes',NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('waiting','anna','queued','live','{"prompt": "A dance", "quality": "720p", "character_orientation": "image", "keep_sound": true, "watermark": false, "element_id": "", "image_url": "", "video_url": ""}','evolink-ui-waiting',1,1795414080.0,1795414080.0,NULL,NULL,NULL,0,NULL,'image.png','video.mp4',NULL,NULL,4.0,0,120000,NULL,NULL,NULL,NULL,32.652,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE replicas (
    executor_id VARCHAR(64) NOT NULL,
    beat_at DATETIME NOT NULL,
    PRIMARY KEY (executor_id)
    );
CREATE TABLE schema_version (
    version INTEGER NOT NULL
    );
INSERT INTO "schema_version" VALUES(1);
CREATE TABLE uploads (
    sha256 VARCHAR(64) NOT NULL,
    account VARCHAR(64) NOT NULL,
    host VARCHAR(10) NOT NULL,
    url TEXT NOT NULL,
    expires_at DOUBLE NOT NULL,
    file_id TEXT,
    PRIMARY KEY (sha256, account, host)
    );
CREATE INDEX ix_jobs_state ON jobs (state);
CREATE INDEX ix_jobs_created_at ON jobs (created_at);
CREATE INDEX ix_jobs_visitor ON jobs (visitor);
COMMIT;
