PRAGMA application_id = 1382114409;
PRAGMA user_version = 1;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE ledger (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL, epoch INTEGER NOT NULL, created INTEGER NOT NULL
) STRICT;
INSERT INTO ledger VALUES(1,'cd684ec8ea936120810754d28d66afca',1,1795282634682);
CREATE TABLE sweep (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'canceled')),
    digest TEXT NOT NULL, priority INTEGER NOT NULL,
    configurations INTEGER NOT NULL, checkpoints INTEGER NOT NULL, created INTEGER NOT NULL
) STRICT;
INSERT INTO sweep VALUES(1,'old','active','3076098ae43bd059f86c92f9f4c484f11891d3b113e5edf68322ba29046e40e9',0,4,0,1795282635114);
CREATE TABLE sweep_file (
    sweep INTEGER NOT NULL REFERENCES sweep, digest TEXT NOT NULL, bundle TEXT NOT NULL, launched INTEGER NOT NULL,
    PRIMARY KEY (sweep, digest)
) STRICT, WITHOUT ROWID;
INSERT INTO sweep_file VALUES(1,'3076098ae43bd059f86c92f9f4c484f11891d3b113e5edf68322ba29046e40e9','{"fileName":"sweep.yaml","files":{},"inputs":{},"text":"name: old\ntrainer:\n  command: [bash, /somewhere/train.sh, \"{out}\", \"{lr}\"]\n  metrics: [ { jsonl: \"{out}/metrics.jsonl\" } ]\n  checkpoints: [ { glob: \"{out}/model-*.safetensors\", step: \"model-([0-9]+)\", kind: adapter } ]\nretries: { crash: 0 }\ngroups: [ { name: g, list: [ { lr: 1e-4 }, { lr: 3e-4 }, { lr: 2e-4 }, { lr: 5e-4 } ] } ]\n"}',1795282635114);
CREATE TABLE configuration (
    id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, parameters TEXT NOT NULL
) STRICT;
INSERT INTO configuration VALUES(1,'9861a860f07bafbac424bd6e4478ee5c3d05e268afa95f61872f671a4e5d45d1','{"lr":0.0001}');
INSERT INTO configuration VALUES(2,'821a7700f897c578f447131891bb2efb8f7e91daeb581b60c97be6e90e0f9d27','{"lr":0.0003}');
INSERT INTO configuration VALUES(3,'1e2ccb0be6cae5cca90feebd72d8d96bc4309e31c9e386a4609e7ab953d9209f','{"lr":0.0002}');
INSERT INTO configuration VALUES(4,'64259500a27b45d9c4f008dbad38eb4d18abf1ddb172ef138d9bd13a7e07d21c','{"lr":0.0005}');
CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    identity TEXT NOT NULL UNIQUE CHECK (length(identity) = 64),
    sweep INTEGER NOT NULL REFERENCES sweep,
    configuration INTEGER NOT NULL REFERENCES configuration,
    seed INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'running', 'done', 'failed', 'parked', 'canceled', 'paused')),
    stop TEXT CHECK (stop IS NULL OR (stop = 'pause' AND state = 'running')),
    priority INTEGER NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    epoch INTEGER NOT NULL DEFAULT 0,
    budget_from INTEGER NOT NULL DEFAULT 0,
    ready_at INTEGER, avoid TEXT,
    worker TEXT, failure TEXT, message TEXT,
    spec TEXT NOT NULL, requirements TEXT NOT NULL, retries TEXT NOT NULL, states_kept INTEGER NOT NULL,
    created INTEGER NOT NULL, updated INTEGER NOT NULL
) STRICT;
INSERT INTO job VALUES(1,'82aa060f54bb194a5750c7850d26277baff5a4939480a12e8d33aec4cda443d0',1,1,0,'done',NULL,0,1,1,0,NULL,NULL,'83c96b95753e16d745cb61b5cc32e3ce',NULL,NULL,'{"configuration":"9861a860f07bafbac424bd6e4478ee5c3d05e268afa95f61872f671a4e5d45d1","given":{"lr":0.0001},"group":"g","id":"82aa060f54bb194a5750c7850d26277baff5a4939480a12e8d33aec4cda443d0","parameters":{"lr":0.0001},"priority":0,"requirements":{"gpus":0,"labels":{},"memoryBytes":0},"retention":{},"retries":{"crash":0},"seed":0,"sweep":"old","trainer":{"checkpoints":[{"glob":"{out}/model-*.safetensors","kind":"adapter","step":"model-([0-9]+)"}],"command":["bash","/somewhere/train.sh","{out}","{lr}"],"env":{},"files":[],"metrics":[{"kind":"jsonl","path":"{out}/metrics.jsonl"}],"resume":[],"samples":[],"stop":{"graceSeconds":30,"signal":"TERM"}}}','{"gpus":0,"labels":{},"memoryBytes":0}','{"crash":0}',2,1795282635114,1795282635551);
INSERT INTO job VALUES(2,'29e389399e768e7d13d97579fa876c6a25ae2aed69ec0d9cc9f2eb9d234910a3',1,2,0,'failed',NULL,0,1,1,0,NULL,NULL,'83c96b95753e16d745cb61b5cc32e3ce','crash','the trainer exited with code 1','{"configuration":"821a7700f897c578f447131891bb2efb8f7e91daeb581b60c97be6e90e0f9d27","given":{"lr":0.0003},"group":"g","id":"29e389399e768e7d13d97579fa876c6a25ae2aed69ec0d9cc9f2eb9d234910a3","parameters":{"lr":0.0003},"priority":0,"requirements":{"gpus":0,"labels":{},"memoryBytes":0},"retention":{},"retries":{"crash":0},"seed":0,"sweep":"old","trainer":{"checkpoints":[{"glob":"{out}/model-*.safetensors","kind":"adapter","step":"model-([0-9]+)"}],"command":["bash","/somewhere/train.sh","{out}","{lr}"],"env":{},"files":[],"metrics":[{"kind":"jsonl","path":"{out}/metrics.jsonl"}],"resume":[],"samples":[],"stop":{"graceSeconds":30,"signal":"TERM"}}}','{"gpus":0,"labels":{},"memoryBytes":0}','{"crash":0}',2,1795282635114,1795282635638);
INSERT INTO job VALUES(3,'24475ebd7415fb894811b7f2acfbdd4174017d5a013e8694cfaf4da8e92a5c59',1,3,0,'running',NULL,0,1,1,0,NULL,NULL,'83c96b95753e16d745cb61b5cc32e3ce',NULL,NULL,'{"configuration":"1e2ccb0be6cae5cca90feebd72d8d96bc4309e31c9e386a4609e7ab953d9209f","given":{"lr":0.0002},"group":"g","id":"24475ebd7415fb894811b7f2acfbdd4174017d5a013e8694cfaf4da8e92a5c59","parameters":{"lr":0.0002},"priority":0,"requirements":{"gpus":0,"labels":{},"memoryBytes":0},"retention":{},"retries":{"crash":0},"seed":0,"sweep":"old","trainer":{"checkpoints":[{"glob":"{out}/model-*.safetensors","kind":"adapter","step":"model-([0-9]+)"}],"command":["bash","/somewhere/train.sh","{out}","{lr}"],"env":{},"files":[],"metrics":[{"kind":"jsonl","path":"{out}/metrics.jsonl"}],"resume":[],"samples":[],"stop":{"graceSeconds":30,"signal":"TERM"}}}','{"gpus":0,"labels":{},"memoryBytes":0}','{"crash":0}',2,1795282635114,1795282635621);
INSERT INTO job VALUES(4,'ee1b6287c555da62ded6d813140c3f4b158671eceb5709baa4bd905a8112ec25',1,4,0,'waiting',NULL,0,0,0,0,NULL,NULL,NULL,NULL,NULL,'{"configuration":"64259500a27b45d9c4f008dbad38eb4d18abf1ddb172ef138d9bd13a7e07d21c","given":{"lr":0.0005},"group":"g","id":"ee1b6287c555da62ded6d813140c3f4b158671eceb5709baa4bd905a8112ec25","parameters":{"lr":0.0005},"priority":0,"requirements":{"gpus":0,"labels":{},"memoryBytes":0},"retention":{},"retries":{"crash":0},"seed":0,"sweep":"old","trainer":{"checkpoints":[{"glob":"{out}/model-*.safetensors","kind":"adapter","step":"model-([0-9]+)"}],"command":["bash","/somewhere/train.sh","{out}","{lr}"],"env":{},"files":[],"metrics":[{"kind":"jsonl","path":"{out}/metrics.jsonl"}],"resume":[],"samples":[],"stop":{"graceSeconds":30,"signal":"TERM"}}}','{"gpus":0,"labels":{},"memoryBytes":0}','{"crash":0}',2,1795282635114,1795282635114);
CREATE TABLE member (
    sweep INTEGER NOT NULL REFERENCES sweep, job INTEGER NOT NULL REFERENCES job,
    group_name TEXT NOT NULL, parameters TEXT NOT NULL,
    PRIMARY KEY (sweep, job)
) STRICT, WITHOUT ROWID;
INSERT INTO member VALUES(1,1,'g','{"lr":0.0001}');
INSERT INTO member VALUES(1,2,'g','{"lr":0.0003}');
INSERT INTO member VALUES(1,3,'g','{"lr":0.0002}');
INSERT INTO member VALUES(1,4,'g','{"lr":0.0005}');
CREATE TABLE sweep_count (
    sweep INTEGER NOT NULL REFERENCES sweep, state TEXT NOT NULL, jobs INTEGER NOT NULL,
    PRIMARY KEY (sweep, state)
) STRICT, WITHOUT ROWID;
INSERT INTO sweep_count VALUES(1,'done',1);
INSERT INTO sweep_count VALUES(1,'failed',1);
INSERT INTO sweep_count VALUES(1,'running',1);
INSERT INTO sweep_count VALUES(1,'waiting',1);
CREATE TABLE attempt (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL REFERENCES job, number INTEGER NOT NULL, epoch INTEGER NOT NULL,
    worker TEXT NOT NULL, session TEXT NOT NULL,
    started INTEGER NOT NULL, ended INTEGER,
    outcome TEXT CHECK (outcome IN ('done', 'failed', 'lost', 'released', 'paused', 'canceled')),
    failure TEXT, message TEXT, exit_code INTEGER,
    resumed_step INTEGER NOT NULL DEFAULT 0 CHECK (resumed_step >= 0),
    points INTEGER NOT NULL DEFAULT 0, log_end INTEGER NOT NULL DEFAULT 0,
    UNIQUE (job, number),
    CHECK ((ended IS NULL) = (outcome IS NULL))
) STRICT;
INSERT INTO attempt VALUES(1,1,1,1,'83c96b95753e16d745cb61b5cc32e3ce','c178c5016049788c6781a1ff0fff704e',1795282635374,1795282635551,'done',NULL,NULL,NULL,0,3,0);
INSERT INTO attempt VALUES(2,2,1,1,'83c96b95753e16d745cb61b5cc32e3ce','c178c5016049788c6781a1ff0fff704e',1795282635529,1795282635638,'failed','crash','the trainer exited with code 1',1,0,3,0);
INSERT INTO attempt VALUES(3,3,1,1,'83c96b95753e16d745cb61b5cc32e3ce','c178c5016049788c6781a1ff0fff704e',1795282635621,NULL,NULL,NULL,NULL,NULL,0,3,0);
CREATE TABLE metric_key (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
INSERT INTO metric_key VALUES(1,'loss');
CREATE TABLE metric (
    attempt INTEGER NOT NULL, key INTEGER NOT NULL, step INTEGER NOT NULL, value REAL,
    PRIMARY KEY (attempt, key, step)
) STRICT, WITHOUT ROWID;
INSERT INTO metric VALUES(1,1,1,0.10000000000000000555);
INSERT INTO metric VALUES(1,1,2,0.2000000000000000111);
INSERT INTO metric VALUES(1,1,3,0.29999999999999998889);
INSERT INTO metric VALUES(2,1,1,0.10000000000000000555);
INSERT INTO metric VALUES(2,1,2,0.2000000000000000111);
INSERT INTO metric VALUES(2,1,3,0.29999999999999998889);
INSERT INTO metric VALUES(3,1,1,0.10000000000000000555);
INSERT INTO metric VALUES(3,1,2,0.2000000000000000111);
INSERT INTO metric VALUES(3,1,3,0.29999999999999998889);
CREATE TABLE metric_bits (
    attempt INTEGER NOT NULL, key INTEGER NOT NULL, step INTEGER NOT NULL, bits INTEGER NOT NULL,
    PRIMARY KEY (attempt, key, step)
) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoint (
    id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL REFERENCES attempt, name TEXT NOT NULL,
    epoch INTEGER NOT NULL, step INTEGER NOT NULL, final INTEGER NOT NULL CHECK (final IN (0, 1)),
    resumable INTEGER NOT NULL CHECK (resumable IN (0, 1)), created INTEGER NOT NULL,
    UNIQUE (attempt, name)
) STRICT;
INSERT INTO checkpoint VALUES(1,1,'step-00000003',0,3,0,0,1795282635551);
INSERT INTO checkpoint VALUES(2,3,'step-00000003',0,3,0,0,1795282637973);
CREATE TABLE checkpoint_file (
    checkpoint INTEGER NOT NULL REFERENCES checkpoint, name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('adapter', 'state')),
    sha256 TEXT NOT NULL REFERENCES blob, bytes INTEGER NOT NULL,
    PRIMARY KEY (checkpoint, name)
) STRICT, WITHOUT ROWID;
INSERT INTO checkpoint_file VALUES(1,'model-3.safetensors','adapter','1b465fa6b6bcbc06a3199e3d2d8aec35d37494a712f888b6d5536684dd89d0f0',8);
INSERT INTO checkpoint_file VALUES(2,'model-3.safetensors','adapter','1b465fa6b6bcbc06a3199e3d2d8aec35d37494a712f888b6d5536684dd89d0f0',8);
CREATE TABLE evaluation (
    attempt INTEGER NOT NULL REFERENCES attempt, checkpoint TEXT NOT NULL,
    epoch INTEGER NOT NULL, step INTEGER NOT NULL,
    class TEXT NOT NULL, prompts TEXT NOT NULL, metric TEXT NOT NULL, value REAL, n INTEGER NOT NULL,
    PRIMARY KEY (attempt, checkpoint, prompts, class, metric)
) STRICT, WITHOUT ROWID;
CREATE TABLE evaluated (
    attempt INTEGER NOT NULL REFERENCES attempt, checkpoint TEXT NOT NULL, step INTEGER NOT NULL,
    PRIMARY KEY (attempt, checkpoint)
) STRICT, WITHOUT ROWID;
CREATE TABLE artifact (
    attempt INTEGER NOT NULL REFERENCES attempt, kind TEXT NOT NULL, name TEXT NOT NULL,
    checkpoint TEXT NOT NULL, step INTEGER NOT NULL,
    sha256 TEXT NOT NULL REFERENCES blob, bytes INTEGER NOT NULL,
    PRIMARY KEY (attempt, kind, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE log_text (
    attempt INTEGER NOT NULL REFERENCES attempt, start INTEGER NOT NULL, bytes INTEGER NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (attempt, start)
) STRICT, WITHOUT ROWID;
CREATE TABLE blob (
    sha256 TEXT PRIMARY KEY CHECK (length(sha256) = 64), bytes INTEGER NOT NULL,
    created INTEGER NOT NULL, keep_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO blob VALUES('1b465fa6b6bcbc06a3199e3d2d8aec35d37494a712f888b6d5536684dd89d0f0',8,1795282635549,1795369037957);
CREATE TABLE input (
    digest TEXT PRIMARY KEY, name TEXT NOT NULL, is_folder INTEGER NOT NULL, bytes INTEGER NOT NULL,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE input_file (
    input TEXT NOT NULL REFERENCES input, path TEXT NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (input, path)
) STRICT, WITHOUT ROWID;
CREATE TABLE worker (
    id TEXT PRIMARY KEY, name TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'draining', 'quarantined')),
    slots INTEGER NOT NULL, threads INTEGER NOT NULL, gpus INTEGER NOT NULL, memory INTEGER NOT NULL,
    labels TEXT NOT NULL, version TEXT NOT NULL, session TEXT NOT NULL,
    trusted_from INTEGER NOT NULL DEFAULT 0,
    first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO worker VALUES('83c96b95753e16d745cb61b5cc32e3ce','old','active',1,2,0,25276514304,'{}','0.1.0','c178c5016049788c6781a1ff0fff704e',0,1795282635340,1795282635340);
CREATE TABLE exchange (
    session TEXT NOT NULL, number INTEGER NOT NULL, reply TEXT NOT NULL,
    PRIMARY KEY (session, number)
) STRICT, WITHOUT ROWID;
INSERT INTO exchange VALUES('c178c5016049788c6781a1ff0fff704e',1,'1');
INSERT INTO exchange VALUES('c178c5016049788c6781a1ff0fff704e',2,'2');
INSERT INTO exchange VALUES('c178c5016049788c6781a1ff0fff704e',4,'3');
CREATE TABLE request_key (
    key TEXT PRIMARY KEY, digest TEXT NOT NULL, reply TEXT NOT NULL, created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO request_key VALUES('8ec7615ed7d46359308b27c817cb3c37','ea36ef85006fb0aa56b36ee1c57f42c25ca2e2d7347e506bf359740d539772a3','4 4 0',1795282635114);
CREATE TABLE token (
    id TEXT PRIMARY KEY, hash TEXT NOT NULL, scope TEXT NOT NULL, note TEXT NOT NULL,
    created INTEGER NOT NULL, expires INTEGER, revoked INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO token VALUES('5b07aeff2a43','3b973e936eebad6965a5ef39d2ead28c6e9efb579e5fb98f8a32f6ef05522efe','read','',1795282638386,NULL,NULL);
INSERT INTO token VALUES('eb1fd835866e','d7f186e806cf60673bebea38f367d0790b3392376621ca7f90cde220f87390ce','admin','admin.token',1795282634702,NULL,NULL);
CREATE TABLE event (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL,
    job INTEGER REFERENCES job, attempt INTEGER, sweep INTEGER REFERENCES sweep, worker TEXT,
    detail TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO event VALUES(1,1795282635114,'launch',NULL,NULL,1,NULL,'4 jobs added, 0 of them shared');
INSERT INTO event VALUES(2,1795282635340,'worker-registered',NULL,NULL,NULL,'83c96b95753e16d745cb61b5cc32e3ce','old');
INSERT INTO event VALUES(3,1795282635374,'claim',1,1,NULL,'83c96b95753e16d745cb61b5cc32e3ce','');
INSERT INTO event VALUES(4,1795282635529,'claim',2,1,NULL,'83c96b95753e16d745cb61b5cc32e3ce','');
INSERT INTO event VALUES(5,1795282635551,'done',1,1,NULL,NULL,'');
INSERT INTO event VALUES(6,1795282635621,'claim',3,1,NULL,'83c96b95753e16d745cb61b5cc32e3ce','');
INSERT INTO event VALUES(7,1795282635638,'failed',2,1,NULL,NULL,'crash: the trainer exited with code 1');
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, job TEXT NOT NULL, attempt INTEGER NOT NULL,
    kind TEXT NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE TABLE audit (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, call TEXT NOT NULL, detail TEXT NOT NULL
) STRICT;
INSERT INTO audit VALUES(1,1795282635126,'open','launch','old, 4 jobs');
INSERT INTO audit VALUES(2,1795282638386,'open','createToken','5b07aeff2a43, scope read');
CREATE INDEX job_waiting ON job (priority DESC, id) WHERE state = 'waiting';
CREATE INDEX job_running ON job (id) WHERE state = 'running';
CREATE INDEX member_job ON member (job);
CREATE UNIQUE INDEX attempt_result ON attempt (job) WHERE outcome = 'done';
CREATE INDEX attempt_open ON attempt (worker) WHERE ended IS NULL;
CREATE INDEX attempt_failed ON attempt (worker, ended) WHERE outcome IN ('failed', 'done');
CREATE INDEX checkpoint_file_blob ON checkpoint_file (sha256);
CREATE INDEX artifact_blob ON artifact (sha256);
CREATE INDEX input_file_blob ON input_file (sha256);
CREATE INDEX event_job ON event (job, id);
CREATE INDEX quarantine_job ON quarantine (job, id);
CREATE TRIGGER job_state AFTER UPDATE OF state ON job WHEN old.state <> new.state BEGIN
    INSERT INTO sweep_count (sweep, state, jobs) SELECT sweep, old.state, -1 FROM member WHERE job = new.id
        ON CONFLICT (sweep, state) DO UPDATE SET jobs = jobs - 1;
    INSERT INTO sweep_count (sweep, state, jobs) SELECT sweep, new.state, 1 FROM member WHERE job = new.id
        ON CONFLICT (sweep, state) DO UPDATE SET jobs = jobs + 1;
END;
CREATE TRIGGER member_added AFTER INSERT ON member BEGIN
    INSERT INTO sweep_count (sweep, state, jobs) SELECT new.sweep, state, 1 FROM job WHERE id = new.job
        ON CONFLICT (sweep, state) DO UPDATE SET jobs = jobs + 1;
END;
CREATE VIEW span AS SELECT a.id AS attempt, a.job, a.number,
    CASE WHEN a.resumed_step = 0 THEN -1 ELSE a.resumed_step END AS low,
    coalesce((SELECT min(CASE WHEN b.resumed_step = 0 THEN -1 ELSE b.resumed_step END)
              FROM attempt b WHERE b.job = a.job AND b.number > a.number), 9223372036854775807) AS high
FROM attempt a;
CREATE VIEW jobs AS SELECT j.identity AS id, s.name AS sweep, j.configuration AS configuration, j.state AS state,
    j.seed AS seed, j.attempt AS attempts, j.worker AS worker, j.failure AS failure, c.parameters AS parameters,
    j.message AS message, j.priority AS priority, j.created AS created, j.updated AS updated
FROM job j JOIN sweep s ON s.id = j.sweep JOIN configuration c ON c.id = j.configuration;
CREATE VIEW members AS SELECT s.name AS sweep, j.identity AS job, m.group_name AS group_name,
    j.configuration AS configuration, m.parameters AS parameters
FROM member m JOIN sweep s ON s.id = m.sweep JOIN job j ON j.id = m.job;
CREATE VIEW metrics AS SELECT j.identity AS job, p.number AS attempt, k.name AS key, m.step AS step, m.value AS value
FROM job j JOIN span p ON p.job = j.id JOIN metric m ON m.attempt = p.attempt JOIN metric_key k ON k.id = m.key
WHERE m.step > p.low AND m.step <= p.high;
CREATE VIEW latest_metrics AS SELECT j.identity AS job, k.name AS key, l.step AS step, m.value AS value
FROM job j JOIN (
    SELECT p.job AS job, m.key AS key, max(m.step) AS step
    FROM span p JOIN metric m ON m.attempt = p.attempt
    WHERE m.step > p.low AND m.step <= p.high GROUP BY p.job, m.key
) l ON l.job = j.id
JOIN metric_key k ON k.id = l.key
JOIN span p ON p.job = l.job AND l.step > p.low AND l.step <= p.high
JOIN metric m ON m.attempt = p.attempt AND m.key = l.key AND m.step = l.step;
CREATE VIEW checkpoints AS SELECT j.identity AS job, p.number AS attempt, c.epoch AS epoch, c.step AS step,
    f.kind AS kind, f.sha256 AS sha256, f.bytes AS bytes, c.name AS name, f.name AS file, c.final AS final
FROM job j JOIN span p ON p.job = j.id JOIN checkpoint c ON c.attempt = p.attempt
JOIN checkpoint_file f ON f.checkpoint = c.id
WHERE c.step > p.low AND c.step <= p.high;
CREATE VIEW results AS SELECT j.identity AS job, s.name AS sweep, e.checkpoint AS checkpoint, e.epoch AS epoch,
    e.step AS step, e.class AS class, e.prompts AS prompts, e.metric AS metric, e.value AS value, e.n AS n
FROM job j JOIN sweep s ON s.id = j.sweep JOIN span p ON p.job = j.id JOIN evaluation e ON e.attempt = p.attempt
WHERE e.step <= p.high AND NOT EXISTS (
    SELECT 1 FROM span q JOIN evaluation f ON f.attempt = q.attempt
    WHERE q.job = j.id AND q.number > p.number AND f.checkpoint = e.checkpoint AND f.prompts = e.prompts
        AND f.class = e.class AND f.metric = e.metric);
CREATE VIEW artifacts AS SELECT j.identity AS job, a.checkpoint AS checkpoint, a.kind AS kind, a.name AS name,
    a.sha256 AS sha256, a.bytes AS bytes
FROM job j JOIN span p ON p.job = j.id JOIN artifact a ON a.attempt = p.attempt
WHERE a.step <= p.high AND NOT EXISTS (
    SELECT 1 FROM span q JOIN artifact b ON b.attempt = q.attempt
    WHERE q.job = j.id AND q.number > p.number AND b.kind = a.kind AND b.name = a.name);
CREATE TRIGGER audit_kept_update BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit table is only added to');
END;
CREATE TRIGGER audit_kept_delete BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit table is only added to');
END;
COMMIT;
