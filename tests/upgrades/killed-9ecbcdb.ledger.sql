BEGIN TRANSACTION;
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
    sealed_key TEXT,
    image_name VARCHAR(20),
    video_name VARCHAR(20),
    image_url TEXT,
    video_url TEXT,
    video_seconds DOUBLE NOT NULL,
    uploaded_bytes INTEGER NOT NULL,
    total_bytes INTEGER NOT NULL,
    task_id VARCHAR(100),
    estimated_seconds DOUBLE,
    progress INTEGER,
    credits_estimated DOUBLE NOT NULL,
    credits_reserved DOUBLE,
    credits_used DOUBLE,
    fault JSON,
    vendor_url TEXT,
    vendor_expires_at DOUBLE,
    result_bytes INTEGER,
    PRIMARY KEY (id),
    UNIQUE (idempotency_key),
    UNIQUE (task_id)
    );
INSERT INTO "jobs" VALUES('PWu1BIdW2eLKToU5YiC0Zw','anna','running','live','{"prompt": "A dance", "quality": "720p", "character_orientation": "image", "keep_sound": true, "watermark": false, "element_id": ""}','evui-ee9dcd6312279dcabdd4d42ec1fdf6a1',1,1.79587842693185639384e+09,1.79587842771861886975e+09,1.79587842759052395821e+09,1.79587842771378421785e+09,NULL,NULL,'image.png','video.mp4','http://127.0.0.1:43657/files/file_00000000/image.png','http://127.0.0.1:43657/files/file_00000001/video.mp4',4.0,778006,778006,'task-unified-1795878427-000000',600.0,0,32.6592,32.6592,NULL,NULL,NULL,NULL,NULL);
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
    PRIMARY KEY (sha256, account, host)
    );
INSERT INTO "uploads" VALUES('8e80b212adc470fa76120681e28ae3f08a999e2c3ad7682679c15b18281153ec','0b29db2b35df48d3ab654f322fad3e950a93a0419425c8a0d258b49e8e3672e5','evolink','http://127.0.0.1:43657/files/file_00000000/image.png',1796137627.0);
INSERT INTO "uploads" VALUES('0ea0d252aa714c8838a7f3bdd33b39a3577bd63695bab0970a54dfc1a1ec7eb1','0b29db2b35df48d3ab654f322fad3e950a93a0419425c8a0d258b49e8e3672e5','evolink','http://127.0.0.1:43657/files/file_00000001/video.mp4',1796137627.0);
CREATE INDEX ix_jobs_created_at ON jobs (created_at);
CREATE INDEX ix_jobs_state ON jobs (state);
CREATE INDEX ix_jobs_visitor ON jobs (visitor);
COMMIT;
