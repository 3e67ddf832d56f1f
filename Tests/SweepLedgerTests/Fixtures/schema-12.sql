PRAGMA application_id = 1382114409;
PRAGMA user_version = 12;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE artifact (
    attempt INTEGER NOT NULL REFERENCES attempt, kind TEXT NOT NULL, name TEXT NOT NULL,
    checkpoint TEXT NOT NULL, step INTEGER NOT NULL,
    sha256 TEXT NOT NULL REFERENCES blob, bytes INTEGER NOT NULL,
    PRIMARY KEY (attempt, kind, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "artifact" VALUES(1,'sample','2.png','step-2',2,'76c7b7040df1797a11fafb682d006c930f1b5ebd7e13af04a631b3ff32071426',102);
INSERT INTO "artifact" VALUES(1,'sample','4.png','step-4',4,'21adfd5d80a9a39e72a53ebc50c67575a2e3dc2e21e55ab87a3ad542fb3daddd',105);
INSERT INTO "artifact" VALUES(1,'sample','6.png','step-6',6,'cd56a17b9afb09511e15a7a36ba8f3b1a49fafb27e6da6f0b4321d2f3c191117',107);
INSERT INTO "artifact" VALUES(2,'sample','8.png','step-8',8,'1f7696631ceaf78136c3dba4891688a2ff3f3945d8a41e4174572b97c186ed2d',109);
INSERT INTO "artifact" VALUES(3,'sample','2.png','step-2',2,'d80ab621535165e3ef626aba57a1e848ef9f32742a8b36d2c0dc1554f42231d7',111);
INSERT INTO "artifact" VALUES(3,'sample','4.png','step-4',4,'3359e9da452b3dcf1ac671dadc60c8d123b869bbd2466be9fb2b24bf82326298',114);
INSERT INTO "artifact" VALUES(3,'sample','6.png','step-6',6,'90ecf038b59b5dd62f71cea9cb648b8a5919e91d08c511b71e88cbbcbf9cef54',116);
INSERT INTO "artifact" VALUES(4,'sample','2.png','step-2',2,'de2e216ce89451bcc604aae43a4c2ce53fbbb319651758cf982fc701a9a7b10d',118);
INSERT INTO "artifact" VALUES(4,'sample','4.png','step-4',4,'f31d0e43a96a8ba58763cefea030aa5e9fdcb7770270b73b0eb95809e2148c3a',121);
INSERT INTO "artifact" VALUES(4,'sample','6.png','step-6',6,'c36a17afe70451cd5d46b8e030cfe8e330c976f0ad67a7c7617aad7c5964ddbd',123);
INSERT INTO "artifact" VALUES(5,'sample','2.png','step-2',2,'1a6976d2946513b09eaa34814a49b92229811da1acf4177b94831148074a352b',125);
INSERT INTO "artifact" VALUES(5,'sample','4.png','step-4',4,'2f83ebc08b33f3a15cb2312e4f89ec781d9ace0f84e82db0194b53c63c9f98b9',128);
INSERT INTO "artifact" VALUES(5,'sample','6.png','step-6',6,'fcde2bd69f4144ffba7bb09bdccef8c28b89a1b62ff1ac615a03cf9035ef9d68',130);
INSERT INTO "artifact" VALUES(6,'sample','8.png','step-8',8,'efa3808818b65b606b6cbfe9ed3e269ff6c07869cbe813f2dac30c2bac7ca82a',132);
CREATE TABLE attempt (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL REFERENCES job, number INTEGER NOT NULL, epoch INTEGER NOT NULL,
    worker TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER,
    outcome TEXT CHECK (outcome IN ('done', 'failed', 'lost', 'released', 'paused', 'canceled')),
    failure TEXT, message TEXT, exit_code INTEGER,
    resumed_step INTEGER NOT NULL DEFAULT 0 CHECK (resumed_step >= 0),
    points INTEGER NOT NULL DEFAULT 0, log_end INTEGER NOT NULL DEFAULT 0,
    UNIQUE (job, number),
    CHECK ((ended IS NULL) = (outcome IS NULL))
) STRICT;
INSERT INTO "attempt" VALUES(1,1,1,2,'wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww',1795000000010,1795000000015,'lost','lost',NULL,NULL,0,8,6);
INSERT INTO "attempt" VALUES(2,1,2,2,'wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww',1795000000020,1795000000025,'done',NULL,NULL,NULL,4,8,6);
INSERT INTO "attempt" VALUES(3,2,1,2,'wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww',1795000000030,1795000000035,'failed','crash',NULL,NULL,0,8,6);
INSERT INTO "attempt" VALUES(4,3,1,2,'wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww',1795000000040,NULL,NULL,NULL,NULL,NULL,0,8,6);
INSERT INTO "attempt" VALUES(5,5,1,2,'wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww',1795000000050,1795000000055,'lost','lost',NULL,NULL,0,8,6);
INSERT INTO "attempt" VALUES(6,5,2,2,'wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww',1795000000060,1795000000065,'done',NULL,NULL,NULL,4,8,6);
CREATE TABLE attempt_notice (
            attempt INTEGER NOT NULL REFERENCES attempt, kind TEXT NOT NULL,
            count INTEGER NOT NULL CHECK (count > 0), detail TEXT NOT NULL,
            PRIMARY KEY (attempt, kind)
        ) STRICT, WITHOUT ROWID;
INSERT INTO "attempt_notice" VALUES(1,'metric-line',2,'a line that is no JSON');
CREATE TABLE attempt_session (
    attempt INTEGER PRIMARY KEY REFERENCES attempt ON DELETE CASCADE, session TEXT NOT NULL
) STRICT;
INSERT INTO "attempt_session" VALUES(1,'00000000000000000000000000000001');
INSERT INTO "attempt_session" VALUES(2,'00000000000000000000000000000002');
INSERT INTO "attempt_session" VALUES(3,'00000000000000000000000000000003');
INSERT INTO "attempt_session" VALUES(4,'00000000000000000000000000000004');
INSERT INTO "attempt_session" VALUES(5,'00000000000000000000000000000005');
INSERT INTO "attempt_session" VALUES(6,'00000000000000000000000000000006');
CREATE TABLE audit (
            id INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, call TEXT NOT NULL, detail TEXT NOT NULL
        ) STRICT;
INSERT INTO "audit" VALUES(1,1795000000000,'admin','launch','one');
CREATE TABLE blob (
    sha256 TEXT PRIMARY KEY CHECK (length(sha256) = 64), bytes INTEGER NOT NULL,
    created INTEGER NOT NULL, keep_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "blob" VALUES('1076f5d85a89da2aee4cad800bc64ebb65ba6594d74fd78d3e1b3893ec24332a',106,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('1a6976d2946513b09eaa34814a49b92229811da1acf4177b94831148074a352b',125,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('1f7696631ceaf78136c3dba4891688a2ff3f3945d8a41e4174572b97c186ed2d',109,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('21adfd5d80a9a39e72a53ebc50c67575a2e3dc2e21e55ab87a3ad542fb3daddd',105,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('2f83ebc08b33f3a15cb2312e4f89ec781d9ace0f84e82db0194b53c63c9f98b9',128,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('3359e9da452b3dcf1ac671dadc60c8d123b869bbd2466be9fb2b24bf82326298',114,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('4416a6a6855256dec26aaa6339f07784889ace76198de25e905c2d0fc5916c91',108,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('4fdbdaf4efa40aca7030f142e8d283750cd3f0f102bf58758bc7dc4bfaf86060',126,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('5265a567c392136c4d615ce2904d57b9ea0256b11d81faeab3f7a56f00b5b023',115,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('55879da018ab9a9ba410d75b4b60e62df7bf028ca884d090f49974f5d620ca37',120,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('5e5ca625b2b8186ba7ec9cdffb5ca2d7465bb8f96901e96d6f3303f16ade108f',113,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('65af7b4f8f3cd8f38f9e4c70f573b0993bc8ab4d573c6992631726d60757bbc1',129,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('6a7eb8f7f09723deffb34d04fb042dfd787d83b55f967a9c90ea85b07eaa5843',110,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('76c7b7040df1797a11fafb682d006c930f1b5ebd7e13af04a631b3ff32071426',102,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('80eb3e49f594e9d2d39b831ef6066d13b2d9e382b5fda2d9768bdb0c4d62814d',101,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('81fc8a4ada089e65144128e87df52fec9ffe894a824b8c358b79e2127566124e',117,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('8577182e4e24d932014505fda250852f74ffb42b4bb514b7d1c3cfa1935af4ad',122,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('8dcd5901529429313d9b3b1e50aaa6e3c0a7e91ba78f77ebe0aaaa4605c0f28c',104,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('90ecf038b59b5dd62f71cea9cb648b8a5919e91d08c511b71e88cbbcbf9cef54',116,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('acc02e09dbe0881379a67e4719a796be40ae931253c3ff064b3e647142fc0ff3',131,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('b5fd85d07524bb619736ab3768864a3057a597cd43f934a7b1ba4e054f6d171f',133,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('c36a17afe70451cd5d46b8e030cfe8e330c976f0ad67a7c7617aad7c5964ddbd',123,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('c610b65675a293dbe8bcf47b58d47148abfce350b198962d3ae2357c5de64488',124,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('ca9ae49c5f7a9373d7c99886a4bf1256ecfa6eaabe13387adbef377de26222da',103,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('cd56a17b9afb09511e15a7a36ba8f3b1a49fafb27e6da6f0b4321d2f3c191117',107,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('d80ab621535165e3ef626aba57a1e848ef9f32742a8b36d2c0dc1554f42231d7',111,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('db0faac6fca273b429ecf7390a2b2108b0ac4534236d9751223f3b5ed74276e2',112,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('de2e216ce89451bcc604aae43a4c2ce53fbbb319651758cf982fc701a9a7b10d',118,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('e2cbad7f9923acf3945e02df60c689983b2d6949c68bdf7c26de81d772338708',119,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('e3a0f2d605cd08f02a3dce29e126e4b824c01fb79188873a868825b7b219aa4e',127,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('efa3808818b65b606b6cbfe9ed3e269ff6c07869cbe813f2dac30c2bac7ca82a',132,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('f31d0e43a96a8ba58763cefea030aa5e9fdcb7770270b73b0eb95809e2148c3a',121,1795000000000,1795000000000);
INSERT INTO "blob" VALUES('fcde2bd69f4144ffba7bb09bdccef8c28b89a1b62ff1ac615a03cf9035ef9d68',130,1795000000000,1795000000000);
CREATE TABLE checkpoint (
    id INTEGER PRIMARY KEY, attempt INTEGER NOT NULL REFERENCES attempt, name TEXT NOT NULL,
    epoch INTEGER NOT NULL, step INTEGER NOT NULL, final INTEGER NOT NULL CHECK (final IN (0, 1)),
    resumable INTEGER NOT NULL CHECK (resumable IN (0, 1)), created INTEGER NOT NULL,
    UNIQUE (attempt, name)
) STRICT;
INSERT INTO "checkpoint" VALUES(12,1,'step-2',1,2,0,0,1795000000012);
INSERT INTO "checkpoint" VALUES(14,1,'step-4',2,4,0,1,1795000000014);
INSERT INTO "checkpoint" VALUES(16,1,'step-6',3,6,0,0,1795000000016);
INSERT INTO "checkpoint" VALUES(28,2,'step-8',4,8,1,0,1795000000028);
INSERT INTO "checkpoint" VALUES(32,3,'step-2',1,2,0,0,1795000000032);
INSERT INTO "checkpoint" VALUES(34,3,'step-4',2,4,0,1,1795000000034);
INSERT INTO "checkpoint" VALUES(36,3,'step-6',3,6,0,0,1795000000036);
INSERT INTO "checkpoint" VALUES(42,4,'step-2',1,2,0,0,1795000000042);
INSERT INTO "checkpoint" VALUES(44,4,'step-4',2,4,0,1,1795000000044);
INSERT INTO "checkpoint" VALUES(46,4,'step-6',3,6,0,0,1795000000046);
INSERT INTO "checkpoint" VALUES(52,5,'step-2',1,2,0,0,1795000000052);
INSERT INTO "checkpoint" VALUES(54,5,'step-4',2,4,0,1,1795000000054);
INSERT INTO "checkpoint" VALUES(56,5,'step-6',3,6,0,0,1795000000056);
INSERT INTO "checkpoint" VALUES(68,6,'step-8',4,8,1,0,1795000000068);
CREATE TABLE checkpoint_file (
    checkpoint INTEGER NOT NULL REFERENCES checkpoint, name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('adapter', 'state')),
    sha256 TEXT NOT NULL REFERENCES blob, bytes INTEGER NOT NULL,
    PRIMARY KEY (checkpoint, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "checkpoint_file" VALUES(12,'a.safetensors','adapter','80eb3e49f594e9d2d39b831ef6066d13b2d9e382b5fda2d9768bdb0c4d62814d',101);
INSERT INTO "checkpoint_file" VALUES(14,'a.safetensors','adapter','ca9ae49c5f7a9373d7c99886a4bf1256ecfa6eaabe13387adbef377de26222da',103);
INSERT INTO "checkpoint_file" VALUES(14,'s.bin','state','8dcd5901529429313d9b3b1e50aaa6e3c0a7e91ba78f77ebe0aaaa4605c0f28c',104);
INSERT INTO "checkpoint_file" VALUES(16,'a.safetensors','adapter','1076f5d85a89da2aee4cad800bc64ebb65ba6594d74fd78d3e1b3893ec24332a',106);
INSERT INTO "checkpoint_file" VALUES(28,'a.safetensors','adapter','4416a6a6855256dec26aaa6339f07784889ace76198de25e905c2d0fc5916c91',108);
INSERT INTO "checkpoint_file" VALUES(32,'a.safetensors','adapter','6a7eb8f7f09723deffb34d04fb042dfd787d83b55f967a9c90ea85b07eaa5843',110);
INSERT INTO "checkpoint_file" VALUES(34,'a.safetensors','adapter','db0faac6fca273b429ecf7390a2b2108b0ac4534236d9751223f3b5ed74276e2',112);
INSERT INTO "checkpoint_file" VALUES(34,'s.bin','state','5e5ca625b2b8186ba7ec9cdffb5ca2d7465bb8f96901e96d6f3303f16ade108f',113);
INSERT INTO "checkpoint_file" VALUES(36,'a.safetensors','adapter','5265a567c392136c4d615ce2904d57b9ea0256b11d81faeab3f7a56f00b5b023',115);
INSERT INTO "checkpoint_file" VALUES(42,'a.safetensors','adapter','81fc8a4ada089e65144128e87df52fec9ffe894a824b8c358b79e2127566124e',117);
INSERT INTO "checkpoint_file" VALUES(44,'a.safetensors','adapter','e2cbad7f9923acf3945e02df60c689983b2d6949c68bdf7c26de81d772338708',119);
INSERT INTO "checkpoint_file" VALUES(44,'s.bin','state','55879da018ab9a9ba410d75b4b60e62df7bf028ca884d090f49974f5d620ca37',120);
INSERT INTO "checkpoint_file" VALUES(46,'a.safetensors','adapter','8577182e4e24d932014505fda250852f74ffb42b4bb514b7d1c3cfa1935af4ad',122);
INSERT INTO "checkpoint_file" VALUES(52,'a.safetensors','adapter','c610b65675a293dbe8bcf47b58d47148abfce350b198962d3ae2357c5de64488',124);
INSERT INTO "checkpoint_file" VALUES(54,'a.safetensors','adapter','4fdbdaf4efa40aca7030f142e8d283750cd3f0f102bf58758bc7dc4bfaf86060',126);
INSERT INTO "checkpoint_file" VALUES(54,'s.bin','state','e3a0f2d605cd08f02a3dce29e126e4b824c01fb79188873a868825b7b219aa4e',127);
INSERT INTO "checkpoint_file" VALUES(56,'a.safetensors','adapter','65af7b4f8f3cd8f38f9e4c70f573b0993bc8ab4d573c6992631726d60757bbc1',129);
INSERT INTO "checkpoint_file" VALUES(68,'a.safetensors','adapter','acc02e09dbe0881379a67e4719a796be40ae931253c3ff064b3e647142fc0ff3',131);
CREATE TABLE configuration (
    id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, parameters TEXT NOT NULL
) STRICT;
INSERT INTO "configuration" VALUES(1,'668e258ba86abeceb5bfbe18c488fb1f821a935e17c9bcd342db28c0c73cb1b3','{"lr": 0.0001}');
INSERT INTO "configuration" VALUES(2,'f5b6b1ff4c15aae45a7f970af921132cd65f3b155af942a435948a90c374516d','{"lr": 0.0005}');
CREATE TABLE confirmation (
    source INTEGER NOT NULL REFERENCES job ON DELETE CASCADE, checkpoint TEXT NOT NULL,
    epoch INTEGER NOT NULL, step INTEGER NOT NULL,
    class TEXT NOT NULL, prompts TEXT NOT NULL, metric TEXT NOT NULL, value REAL, n INTEGER NOT NULL,
    image_values TEXT, image_notes TEXT,
    PRIMARY KEY (source, prompts, class, metric)
) STRICT, WITHOUT ROWID;
INSERT INTO "confirmation" VALUES(4,'step-8',4,8,'','train','drift',0.5,4,'[0.4,0.6]',NULL);
CREATE TABLE confirmation_choice (
    sweep INTEGER PRIMARY KEY REFERENCES sweep ON DELETE CASCADE, trained INTEGER NOT NULL,
    configuration TEXT, created INTEGER NOT NULL
) STRICT;
INSERT INTO "confirmation_choice" VALUES(1,2,'1',7);
CREATE TABLE evaluated (
    attempt INTEGER NOT NULL REFERENCES attempt, checkpoint TEXT NOT NULL, step INTEGER NOT NULL,
    PRIMARY KEY (attempt, checkpoint)
) STRICT, WITHOUT ROWID;
INSERT INTO "evaluated" VALUES(1,'step-2',2);
INSERT INTO "evaluated" VALUES(1,'step-4',4);
INSERT INTO "evaluated" VALUES(1,'step-6',6);
INSERT INTO "evaluated" VALUES(2,'step-8',8);
INSERT INTO "evaluated" VALUES(3,'step-2',2);
INSERT INTO "evaluated" VALUES(3,'step-4',4);
INSERT INTO "evaluated" VALUES(3,'step-6',6);
INSERT INTO "evaluated" VALUES(4,'step-2',2);
INSERT INTO "evaluated" VALUES(4,'step-4',4);
INSERT INTO "evaluated" VALUES(4,'step-6',6);
INSERT INTO "evaluated" VALUES(5,'step-2',2);
INSERT INTO "evaluated" VALUES(5,'step-4',4);
INSERT INTO "evaluated" VALUES(5,'step-6',6);
INSERT INTO "evaluated" VALUES(6,'step-8',8);
CREATE TABLE evaluation (
    attempt INTEGER NOT NULL REFERENCES attempt, checkpoint TEXT NOT NULL,
    epoch INTEGER NOT NULL, step INTEGER NOT NULL,
    class TEXT NOT NULL, prompts TEXT NOT NULL, metric TEXT NOT NULL, value REAL, n INTEGER NOT NULL, image_values TEXT, source INTEGER, image_notes TEXT,
    PRIMARY KEY (attempt, checkpoint, prompts, class, metric)
) STRICT, WITHOUT ROWID;
INSERT INTO "evaluation" VALUES(1,'step-2',1,2,'','train','drift',1.2,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(1,'step-2',1,2,'','train','image_similarity',1.2,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(1,'step-4',2,4,'','train','drift',1.4,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(1,'step-4',2,4,'','train','image_similarity',1.4,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(1,'step-6',3,6,'','train','drift',1.6,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(1,'step-6',3,6,'','train','image_similarity',1.6,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(2,'step-8',4,8,'','train','drift',2.8,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(2,'step-8',4,8,'','train','image_similarity',2.8,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(3,'step-2',1,2,'','train','drift',1.2,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(3,'step-2',1,2,'','train','image_similarity',1.2,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(3,'step-4',2,4,'','train','drift',1.4,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(3,'step-4',2,4,'','train','image_similarity',1.4,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(3,'step-6',3,6,'','train','drift',1.6,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(3,'step-6',3,6,'','train','image_similarity',1.6,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(4,'step-2',1,2,'','train','drift',1.2,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(4,'step-2',1,2,'','train','image_similarity',1.2,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(4,'step-4',2,4,'','train','drift',1.4,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(4,'step-4',2,4,'','train','image_similarity',1.4,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(4,'step-6',3,6,'','train','drift',1.6,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(4,'step-6',3,6,'','train','image_similarity',1.6,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(5,'step-2',1,2,'','train','drift',1.2,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(5,'step-2',1,2,'','train','image_similarity',1.2,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(5,'step-4',2,4,'','train','drift',1.4,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(5,'step-4',2,4,'','train','image_similarity',1.4,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(5,'step-6',3,6,'','train','drift',1.6,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(5,'step-6',3,6,'','train','image_similarity',1.6,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(6,'step-8',4,8,'','train','drift',2.8,4,NULL,NULL,NULL);
INSERT INTO "evaluation" VALUES(6,'step-8',4,8,'','train','image_similarity',2.8,4,NULL,NULL,NULL);
CREATE TABLE evaluation_job (
    job INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE,
    subject INTEGER NOT NULL REFERENCES job ON DELETE CASCADE, checkpoint TEXT NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('measure', 'confirm'))
) STRICT;
INSERT INTO "evaluation_job" VALUES(4,1,'step-8','measure');
CREATE TABLE evaluation_wish (
    id INTEGER PRIMARY KEY, sweep INTEGER NOT NULL REFERENCES sweep ON DELETE CASCADE, spec TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('final', 'all')), created INTEGER NOT NULL,
    UNIQUE (sweep, scope, spec)
) STRICT;
INSERT INTO "evaluation_wish" VALUES(1,1,'{}','all',7);
CREATE TABLE event (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL,
    job INTEGER REFERENCES job, attempt INTEGER, sweep INTEGER REFERENCES sweep, worker TEXT,
    detail TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO "event" VALUES(101,1795000000001,'claim',1,1,NULL,'wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww','');
INSERT INTO "event" VALUES(102,1795000000002,'claim',1,2,NULL,'wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww','');
INSERT INTO "event" VALUES(103,1795000000003,'claim',2,1,NULL,'wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww','');
INSERT INTO "event" VALUES(104,1795000000004,'claim',3,1,NULL,'wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww','');
INSERT INTO "event" VALUES(105,1795000000005,'claim',5,1,NULL,'wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww','');
INSERT INTO "event" VALUES(106,1795000000006,'claim',5,2,NULL,'wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww','');
CREATE TABLE exchange (
    session TEXT NOT NULL, number INTEGER NOT NULL, reply TEXT NOT NULL,
    PRIMARY KEY (session, number)
) STRICT, WITHOUT ROWID;
INSERT INTO "exchange" VALUES('cba06b5736faf67e54b07b561eae9439',7,'1,2');
CREATE TABLE forgotten_worker (
    worker TEXT PRIMARY KEY, name TEXT NOT NULL, at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "forgotten_worker" VALUES('uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu','gone',1795000000000);
CREATE TABLE input (
    digest TEXT PRIMARY KEY, name TEXT NOT NULL, is_folder INTEGER NOT NULL, bytes INTEGER NOT NULL,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "input" VALUES('c96c6d5be8d08a12e7b5cdc1b207fa6b2430974c86803d8891675e76fd992c20','data',1,7,1795000000000);
CREATE TABLE input_file (
    input TEXT NOT NULL REFERENCES input, path TEXT NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (input, path)
) STRICT, WITHOUT ROWID;
INSERT INTO "input_file" VALUES('c96c6d5be8d08a12e7b5cdc1b207fa6b2430974c86803d8891675e76fd992c20','2_cat/p0.png','b5fd85d07524bb619736ab3768864a3057a597cd43f934a7b1ba4e054f6d171f',133);
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
    requirements TEXT NOT NULL, retries TEXT NOT NULL, states_kept INTEGER NOT NULL,
    created INTEGER NOT NULL, updated INTEGER NOT NULL
, thinned INTEGER NOT NULL DEFAULT 0 CHECK (thinned IN (0, 1))) STRICT;
INSERT INTO "job" VALUES(1,'5ba23c875f8cd6b695e6a994edbf8d853503e8522c0adbe5242159662332ea60',1,2,1,'done',NULL,1,2,2,0,NULL,NULL,'wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww',NULL,NULL,'{"gpus":0,"labels":{},"memoryBytes":0}','{}',2,1795000000001,1795000000101,1);
INSERT INTO "job" VALUES(2,'7c6e8c1cfc579aa385312e0ec0eab9280768324b00ef526ce5d831ea28670a2c',1,1,2,'failed',NULL,1,1,2,0,NULL,NULL,'wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww','crash','it broke','{"gpus":0,"labels":{},"memoryBytes":0}','{}',2,1795000000002,1795000000102,0);
INSERT INTO "job" VALUES(3,'0c0a3f0832797134626def352ef5477770f4b856ab46debc35fff843ad29e287',1,2,3,'running',NULL,1,1,2,0,NULL,NULL,'wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww',NULL,NULL,'{"gpus":0,"labels":{},"memoryBytes":0}','{}',2,1795000000003,1795000000103,0);
INSERT INTO "job" VALUES(4,'05f2e7612d4aee29c49f5113ab58fa3756cf1b4b07e5da1273f29c28ad68b3d7',1,1,4,'waiting',NULL,1,0,2,0,NULL,NULL,NULL,NULL,NULL,'{"gpus":0,"labels":{},"memoryBytes":0}','{}',2,1795000000004,1795000000104,0);
INSERT INTO "job" VALUES(5,'684131a4607fd3724158f123d24e6fe126cbea7deb66665f9abc8e6bcd807a94',1,2,5,'done',NULL,1,2,2,0,NULL,NULL,'wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww',NULL,NULL,'{"gpus":0,"labels":{},"memoryBytes":0}','{}',2,1795000000005,1795000000105,0);
CREATE TABLE job_failure (
    job INTEGER PRIMARY KEY REFERENCES job, fingerprint TEXT NOT NULL, attempt INTEGER NOT NULL,
    failures INTEGER NOT NULL, worker TEXT NOT NULL
) STRICT;
INSERT INTO "job_failure" VALUES(2,'ceb9c7d4f2945856a2f42f06c0d81d33b357bce9edb6e8dd80e8ce44b0ea5136',1,1,'wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww');
CREATE TABLE job_spec (
    job INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE, spec TEXT NOT NULL
) STRICT;
INSERT INTO "job_spec" VALUES(1,'{"seed": 1, "retention": {"last": 2}, "env": {"TOKEN": "secret"}}');
INSERT INTO "job_spec" VALUES(2,'{"seed": 2, "retention": {"last": 2}, "env": {"TOKEN": "secret"}}');
INSERT INTO "job_spec" VALUES(3,'{"seed": 3, "retention": {"last": 2}, "env": {"TOKEN": "secret"}}');
INSERT INTO "job_spec" VALUES(4,'{"seed": 4, "retention": {"last": 2}, "env": {"TOKEN": "secret"}}');
INSERT INTO "job_spec" VALUES(5,'{"seed": 5, "retention": {"last": 2}, "env": {"TOKEN": "secret"}}');
CREATE TABLE ledger (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL, epoch INTEGER NOT NULL, created INTEGER NOT NULL
) STRICT;
INSERT INTO "ledger" VALUES(1,'fe14010b4fe83303852f0467c919ef9a',2,1795000000000);
CREATE TABLE log_line (
            attempt INTEGER PRIMARY KEY REFERENCES attempt, text TEXT NOT NULL
        ) STRICT;
INSERT INTO "log_line" VALUES(4,' 50%');
CREATE TABLE log_text (
    attempt INTEGER NOT NULL REFERENCES attempt, start INTEGER NOT NULL, bytes INTEGER NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (attempt, start)
) STRICT, WITHOUT ROWID;
INSERT INTO "log_text" VALUES(1,0,6,'hello
');
INSERT INTO "log_text" VALUES(2,0,6,'hello
');
INSERT INTO "log_text" VALUES(3,0,6,'hello
');
INSERT INTO "log_text" VALUES(4,0,6,'hello
');
INSERT INTO "log_text" VALUES(5,0,6,'hello
');
INSERT INTO "log_text" VALUES(6,0,6,'hello
');
CREATE TABLE member (
    sweep INTEGER NOT NULL REFERENCES sweep, job INTEGER NOT NULL REFERENCES job,
    group_name TEXT NOT NULL, parameters TEXT NOT NULL,
    PRIMARY KEY (sweep, job)
) STRICT, WITHOUT ROWID;
INSERT INTO "member" VALUES(1,1,'g','{"lr": 0.0001}');
INSERT INTO "member" VALUES(1,2,'g','{"lr": 0.0001}');
INSERT INTO "member" VALUES(1,3,'g','{"lr": 0.0001}');
INSERT INTO "member" VALUES(1,4,'g','{"lr": 0.0001}');
INSERT INTO "member" VALUES(1,5,'g','{"lr": 0.0001}');
INSERT INTO "member" VALUES(2,1,'h','{}');
INSERT INTO "member" VALUES(2,3,'h','{}');
INSERT INTO "member" VALUES(2,5,'h','{}');
CREATE TABLE metric (
    attempt INTEGER NOT NULL, key INTEGER NOT NULL, step INTEGER NOT NULL, value REAL,
    PRIMARY KEY (attempt, key, step)
) STRICT, WITHOUT ROWID;
INSERT INTO "metric" VALUES(1,1,0,3.0);
INSERT INTO "metric" VALUES(1,1,1,2.5);
INSERT INTO "metric" VALUES(1,1,2,2.33333333333333303727e+00);
INSERT INTO "metric" VALUES(1,1,3,2.25);
INSERT INTO "metric" VALUES(1,1,4,2.2);
INSERT INTO "metric" VALUES(1,1,5,2.16666666666666696272e+00);
INSERT INTO "metric" VALUES(1,1,6,2.1428571428571427937e+00);
INSERT INTO "metric" VALUES(1,2,0,4.0);
INSERT INTO "metric" VALUES(1,2,1,3.5);
INSERT INTO "metric" VALUES(1,2,2,3.33333333333333303727e+00);
INSERT INTO "metric" VALUES(1,2,3,3.25);
INSERT INTO "metric" VALUES(1,2,4,3.2);
INSERT INTO "metric" VALUES(1,2,5,3.16666666666666696272e+00);
INSERT INTO "metric" VALUES(1,2,6,3.1428571428571427937e+00);
INSERT INTO "metric" VALUES(2,1,4,3.2);
INSERT INTO "metric" VALUES(2,1,5,3.16666666666666651863e+00);
INSERT INTO "metric" VALUES(2,1,6,3.1428571428571427937e+00);
INSERT INTO "metric" VALUES(2,1,7,3.125);
INSERT INTO "metric" VALUES(2,1,8,3.11111111111111116045e+00);
INSERT INTO "metric" VALUES(2,2,4,4.2);
INSERT INTO "metric" VALUES(2,2,5,4.16666666666666607454e+00);
INSERT INTO "metric" VALUES(2,2,6,4.14285714285714234961e+00);
INSERT INTO "metric" VALUES(2,2,7,NULL);
INSERT INTO "metric" VALUES(2,2,8,4.11111111111111071636e+00);
INSERT INTO "metric" VALUES(3,1,0,3.0);
INSERT INTO "metric" VALUES(3,1,1,2.5);
INSERT INTO "metric" VALUES(3,1,2,2.33333333333333303727e+00);
INSERT INTO "metric" VALUES(3,1,3,2.25);
INSERT INTO "metric" VALUES(3,1,4,2.2);
INSERT INTO "metric" VALUES(3,1,5,2.16666666666666696272e+00);
INSERT INTO "metric" VALUES(3,1,6,2.1428571428571427937e+00);
INSERT INTO "metric" VALUES(3,2,0,4.0);
INSERT INTO "metric" VALUES(3,2,1,3.5);
INSERT INTO "metric" VALUES(3,2,2,3.33333333333333303727e+00);
INSERT INTO "metric" VALUES(3,2,3,3.25);
INSERT INTO "metric" VALUES(3,2,4,3.2);
INSERT INTO "metric" VALUES(3,2,5,3.16666666666666696272e+00);
INSERT INTO "metric" VALUES(3,2,6,3.1428571428571427937e+00);
INSERT INTO "metric" VALUES(4,1,0,3.0);
INSERT INTO "metric" VALUES(4,1,1,2.5);
INSERT INTO "metric" VALUES(4,1,2,2.33333333333333303727e+00);
INSERT INTO "metric" VALUES(4,1,3,2.25);
INSERT INTO "metric" VALUES(4,1,4,2.2);
INSERT INTO "metric" VALUES(4,1,5,2.16666666666666696272e+00);
INSERT INTO "metric" VALUES(4,1,6,2.1428571428571427937e+00);
INSERT INTO "metric" VALUES(4,2,0,4.0);
INSERT INTO "metric" VALUES(4,2,1,3.5);
INSERT INTO "metric" VALUES(4,2,2,3.33333333333333303727e+00);
INSERT INTO "metric" VALUES(4,2,3,3.25);
INSERT INTO "metric" VALUES(4,2,4,3.2);
INSERT INTO "metric" VALUES(4,2,5,3.16666666666666696272e+00);
INSERT INTO "metric" VALUES(4,2,6,3.1428571428571427937e+00);
INSERT INTO "metric" VALUES(5,1,0,3.0);
INSERT INTO "metric" VALUES(5,1,1,2.5);
INSERT INTO "metric" VALUES(5,1,2,2.33333333333333303727e+00);
INSERT INTO "metric" VALUES(5,1,3,2.25);
INSERT INTO "metric" VALUES(5,1,4,2.2);
INSERT INTO "metric" VALUES(5,1,5,2.16666666666666696272e+00);
INSERT INTO "metric" VALUES(5,1,6,2.1428571428571427937e+00);
INSERT INTO "metric" VALUES(5,2,0,4.0);
INSERT INTO "metric" VALUES(5,2,1,3.5);
INSERT INTO "metric" VALUES(5,2,2,3.33333333333333303727e+00);
INSERT INTO "metric" VALUES(5,2,3,3.25);
INSERT INTO "metric" VALUES(5,2,4,3.2);
INSERT INTO "metric" VALUES(5,2,5,3.16666666666666696272e+00);
INSERT INTO "metric" VALUES(5,2,6,3.1428571428571427937e+00);
INSERT INTO "metric" VALUES(6,1,4,3.2);
INSERT INTO "metric" VALUES(6,1,5,3.16666666666666651863e+00);
INSERT INTO "metric" VALUES(6,1,6,3.1428571428571427937e+00);
INSERT INTO "metric" VALUES(6,1,7,3.125);
INSERT INTO "metric" VALUES(6,1,8,3.11111111111111116045e+00);
INSERT INTO "metric" VALUES(6,2,4,4.2);
INSERT INTO "metric" VALUES(6,2,5,4.16666666666666607454e+00);
INSERT INTO "metric" VALUES(6,2,6,4.14285714285714234961e+00);
INSERT INTO "metric" VALUES(6,2,7,4.125);
INSERT INTO "metric" VALUES(6,2,8,4.11111111111111071636e+00);
CREATE TABLE metric_bits (
    attempt INTEGER NOT NULL, key INTEGER NOT NULL, step INTEGER NOT NULL, bits INTEGER NOT NULL,
    PRIMARY KEY (attempt, key, step)
) STRICT, WITHOUT ROWID;
INSERT INTO "metric_bits" VALUES(2,2,7,9221120237041090560);
CREATE TABLE metric_key (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
INSERT INTO "metric_key" VALUES(1,'loss');
INSERT INTO "metric_key" VALUES(2,'val_loss');
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, job TEXT NOT NULL, attempt INTEGER NOT NULL,
    kind TEXT NOT NULL, body TEXT NOT NULL
) STRICT;
INSERT INTO "quarantine" VALUES(1,1795000000000,'5ba23c875f8cd6b695e6a994edbf8d853503e8522c0adbe5242159662332ea60',1,'finished','{}');
CREATE TABLE request_key (
    key TEXT PRIMARY KEY, digest TEXT NOT NULL, reply TEXT NOT NULL, created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "request_key" VALUES('kkkkkkkkkkkkkkkkkkkk','8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a','5 5 0',1795000000000);
CREATE TABLE stop_decision (
    job INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE, attempt INTEGER NOT NULL, step INTEGER NOT NULL,
    reason TEXT NOT NULL, at INTEGER NOT NULL
) STRICT;
INSERT INTO "stop_decision" VALUES(1,2,8,'enough',7);
CREATE TABLE stop_rule (
    job INTEGER PRIMARY KEY REFERENCES job ON DELETE CASCADE, metric TEXT NOT NULL,
    better TEXT NOT NULL CHECK (better IN ('lower', 'higher')), patience INTEGER NOT NULL CHECK (patience > 0),
    min_delta REAL NOT NULL, after INTEGER NOT NULL, needs_adapter INTEGER NOT NULL CHECK (needs_adapter IN (0, 1))
) STRICT;
INSERT INTO "stop_rule" VALUES(3,'loss','lower',3,0.0,0,1);
CREATE TABLE sweep (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'canceled')),
    digest TEXT NOT NULL, priority INTEGER NOT NULL,
    configurations INTEGER NOT NULL, checkpoints INTEGER NOT NULL, created INTEGER NOT NULL
) STRICT;
INSERT INTO "sweep" VALUES(1,'one','active','7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed',1,2,3,1795000000001);
INSERT INTO "sweep" VALUES(2,'two','active','3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3',2,2,3,1795000000002);
CREATE TABLE sweep_bundle (
    sweep INTEGER NOT NULL, digest TEXT NOT NULL, bundle TEXT NOT NULL,
    PRIMARY KEY (sweep, digest), FOREIGN KEY (sweep, digest) REFERENCES sweep_file ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "sweep_bundle" VALUES(1,'7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed','{"text": "name: one\n", "files": {}, "env": {"API_KEY": "secret"}}');
INSERT INTO "sweep_bundle" VALUES(1,'c42bb8a00bdd88fe68dd58c200871468d5bfd707312aac003ea81134f1b6b2c7','{}');
INSERT INTO "sweep_bundle" VALUES(2,'3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3','{"text": "name: one\n", "files": {}, "env": {"API_KEY": "secret"}}');
CREATE TABLE sweep_count (
    sweep INTEGER NOT NULL REFERENCES sweep, state TEXT NOT NULL, jobs INTEGER NOT NULL,
    PRIMARY KEY (sweep, state)
) STRICT, WITHOUT ROWID;
INSERT INTO "sweep_count" VALUES(1,'done',2);
INSERT INTO "sweep_count" VALUES(1,'failed',1);
INSERT INTO "sweep_count" VALUES(1,'running',1);
INSERT INTO "sweep_count" VALUES(1,'waiting',1);
INSERT INTO "sweep_count" VALUES(2,'done',2);
INSERT INTO "sweep_count" VALUES(2,'running',1);
INSERT INTO "sweep_count" VALUES(2,'waiting',0);
CREATE TABLE sweep_file (
    sweep INTEGER NOT NULL REFERENCES sweep, digest TEXT NOT NULL, launched INTEGER NOT NULL,
    PRIMARY KEY (sweep, digest)
) STRICT, WITHOUT ROWID;
INSERT INTO "sweep_file" VALUES(1,'7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed',1795000000001);
INSERT INTO "sweep_file" VALUES(1,'c42bb8a00bdd88fe68dd58c200871468d5bfd707312aac003ea81134f1b6b2c7',1795000000000);
INSERT INTO "sweep_file" VALUES(2,'3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3',1795000000002);
CREATE TABLE sweep_metric (
    sweep INTEGER NOT NULL REFERENCES sweep, name TEXT NOT NULL, place INTEGER NOT NULL,
    better TEXT CHECK (better IN ('lower', 'higher')), unit TEXT, title TEXT, prompts TEXT,
    weight REAL CHECK (weight > 0),
    PRIMARY KEY (sweep, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "sweep_metric" VALUES(1,'drift',1,NULL,NULL,NULL,'style',NULL);
INSERT INTO "sweep_metric" VALUES(1,'val_loss',0,'lower','nats','loss',NULL,2.0);
CREATE TABLE sweep_progress (sweep INTEGER PRIMARY KEY REFERENCES sweep) STRICT;
INSERT INTO "sweep_progress" VALUES(1);
CREATE TABLE sweep_stop (
    sweep INTEGER PRIMARY KEY REFERENCES sweep, at INTEGER NOT NULL, reason TEXT NOT NULL
) STRICT;
INSERT INTO "sweep_stop" VALUES(2,1795000000000,'three configurations failed alike');
CREATE TABLE token (
    id TEXT PRIMARY KEY, scope TEXT NOT NULL, note TEXT NOT NULL,
    created INTEGER NOT NULL, expires INTEGER, revoked INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO "token" VALUES('admin','admin','',1795000000000,NULL,NULL);
INSERT INTO "token" VALUES('reader','read','',1795000000000,NULL,1795000000000);
CREATE TABLE token_hash (
    token TEXT PRIMARY KEY REFERENCES token ON DELETE CASCADE, hash TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "token_hash" VALUES('admin','8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918');
INSERT INTO "token_hash" VALUES('reader','3d0941964aa3ebdcb00ccef58b1bb399f9f898465e9886d5aec7f31090a0fb30');
CREATE TABLE worker (
    id TEXT PRIMARY KEY, name TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'draining', 'quarantined')),
    slots INTEGER NOT NULL, threads INTEGER NOT NULL, gpus INTEGER NOT NULL, memory INTEGER NOT NULL,
    labels TEXT NOT NULL, version TEXT NOT NULL, trusted_from INTEGER NOT NULL DEFAULT 0,
    first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "worker" VALUES('vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv','other','active',2,4,0,8589934592,'{}','1',0,1795000000000,1795000001000);
INSERT INTO "worker" VALUES('wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww','old','active',2,4,0,8589934592,'{}','1',0,1795000000000,1795000001000);
CREATE TABLE worker_core (worker TEXT PRIMARY KEY, versions TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "worker_core" VALUES('wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww','["1.1","2.1"]');
CREATE TABLE worker_mark (
    worker TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('goodbye', 'draining')), at INTEGER NOT NULL,
    PRIMARY KEY (worker, kind)
) STRICT, WITHOUT ROWID;
INSERT INTO "worker_mark" VALUES('vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv','goodbye',1795000000000);
CREATE TABLE worker_owner (
            worker TEXT PRIMARY KEY, token TEXT NOT NULL, session TEXT NOT NULL, key TEXT
        ) STRICT, WITHOUT ROWID;
INSERT INTO "worker_owner" VALUES('wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww','admin','cba06b5736faf67e54b07b561eae9439','2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683');
CREATE TABLE worker_session (
    worker TEXT PRIMARY KEY REFERENCES worker ON DELETE CASCADE, session TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "worker_session" VALUES('vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv','d9298a10d1b0735837dc4bd85dac641b');
INSERT INTO "worker_session" VALUES('wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww','cba06b5736faf67e54b07b561eae9439');
CREATE TABLE worker_suspension (
    worker TEXT PRIMARY KEY, since INTEGER NOT NULL, strikes INTEGER NOT NULL, trial_at INTEGER NOT NULL,
    newest INTEGER NOT NULL, reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "worker_suspension" VALUES('vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv',1795000000000,1,1795000060000,3,'three jobs failed here');
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
CREATE INDEX job_unthinned ON job (id) WHERE state = 'done' AND thinned = 0;
CREATE VIEW visible_checkpoint AS SELECT c.id AS checkpoint, p.attempt, p.job, p.number, c.step,
    c.step = p.low AS is_resumed_step
FROM span p JOIN checkpoint c ON c.attempt = p.attempt
WHERE c.step >= p.low AND c.step <= p.high AND (c.step > p.low OR (
    EXISTS (SELECT 1 FROM checkpoint_file f WHERE f.checkpoint = c.id AND f.kind = 'adapter')
    AND NOT EXISTS (
        SELECT 1 FROM span q JOIN checkpoint d ON d.attempt = q.attempt
        JOIN checkpoint_file g ON g.checkpoint = d.id AND g.kind = 'adapter'
        WHERE q.job = p.job AND q.number < p.number AND d.step = c.step AND d.step >= q.low AND d.step <= q.high)));
CREATE VIEW checkpoints AS SELECT j.identity AS job, v.number AS attempt, c.epoch AS epoch, c.step AS step,
    f.kind AS kind, f.sha256 AS sha256, f.bytes AS bytes, c.name AS name, f.name AS file, c.final AS final
FROM job j JOIN visible_checkpoint v ON v.job = j.id JOIN checkpoint c ON c.id = v.checkpoint
JOIN checkpoint_file f ON f.checkpoint = c.id
WHERE v.is_resumed_step = 0 OR f.kind = 'adapter';
CREATE VIEW metrics AS SELECT j.identity AS job, p.number AS attempt, k.name AS key, m.step AS step, m.value AS value
FROM job j JOIN span p ON p.job = j.id JOIN metric m ON m.attempt = p.attempt JOIN metric_key k ON k.id = m.key
WHERE m.step >= p.low AND m.step <= p.high AND (m.step > p.low OR NOT EXISTS ( SELECT 1 FROM span q JOIN metric e ON e.attempt = q.attempt AND e.key = m.key AND e.step = m.step WHERE q.job = p.job AND q.number < p.number AND e.step >= q.low AND e.step <= q.high));
CREATE VIEW latest_metrics AS SELECT j.identity AS job, k.name AS key, l.step AS step, m.value AS value
FROM job j JOIN (
    SELECT p.job AS job, m.key AS key, max(m.step) AS step
    FROM span p JOIN metric m ON m.attempt = p.attempt
    WHERE m.step >= p.low AND m.step <= p.high GROUP BY p.job, m.key
) l ON l.job = j.id
JOIN metric_key k ON k.id = l.key
JOIN span p ON p.job = l.job
JOIN metric m ON m.attempt = p.attempt AND m.key = l.key AND m.step = l.step
WHERE l.step >= p.low AND l.step <= p.high AND (l.step > p.low OR NOT EXISTS ( SELECT 1 FROM span q JOIN metric e ON e.attempt = q.attempt AND e.key = m.key AND e.step = m.step WHERE q.job = p.job AND q.number < p.number AND e.step >= q.low AND e.step <= q.high));
CREATE INDEX job_failure_print ON job_failure (fingerprint);
CREATE VIEW notices AS SELECT j.identity AS job, a.number AS attempt, n.kind AS kind, n.count AS count,
    n.detail AS detail
FROM attempt_notice n JOIN attempt a ON a.id = n.attempt JOIN job j ON j.id = a.job;
CREATE VIEW sweep_metrics AS SELECT s.name AS sweep, m.name AS metric, m.better AS better, m.unit AS unit,
    m.title AS title, m.prompts AS prompts, m.weight AS weight, m.place AS place
FROM sweep_metric m JOIN sweep s ON s.id = m.sweep;
CREATE INDEX evaluation_job_subject ON evaluation_job (subject);
CREATE VIEW image_results AS SELECT j.identity AS job, s.name AS sweep, e.checkpoint AS checkpoint, e.epoch AS epoch,
    e.step AS step, e.class AS class, e.prompts AS prompts, e.metric AS metric, v.key AS image,
    1000 + v.key AS seed, CAST(v.value AS REAL) AS value,
        (SELECT t.value FROM json_each(e.image_notes) t WHERE t.key = v.key) AS note
FROM job j JOIN sweep s ON s.id = j.sweep JOIN span p ON p.job = j.id JOIN evaluation e ON e.attempt = p.attempt
JOIN json_each(e.image_values) v
WHERE e.step <= p.high AND NOT EXISTS (
    SELECT 1 FROM span q JOIN evaluation f ON f.attempt = q.attempt
    WHERE q.job = j.id AND q.number > p.number AND f.checkpoint = e.checkpoint AND f.prompts = e.prompts
        AND f.class = e.class AND f.metric = e.metric);
CREATE VIEW jobs AS SELECT j.identity AS id, s.name AS sweep, j.configuration AS configuration, j.state AS state,
    j.seed AS seed, j.attempt AS attempts, j.worker AS worker, j.failure AS failure, c.parameters AS parameters,
    j.message AS message, j.priority AS priority, j.created AS created, j.updated AS updated,
    CASE WHEN e.job IS NULL THEN 'train' ELSE 'evaluate' END AS kind,
    (SELECT t.identity FROM job t WHERE t.id = e.subject) AS subject
FROM job j JOIN sweep s ON s.id = j.sweep JOIN configuration c ON c.id = j.configuration
LEFT JOIN evaluation_job e ON e.job = j.id;
CREATE VIEW members AS SELECT s.name AS sweep, j.identity AS job, m.group_name AS group_name,
    j.configuration AS configuration, m.parameters AS parameters
FROM member m JOIN sweep s ON s.id = m.sweep JOIN job j ON j.id = m.job
WHERE NOT EXISTS (SELECT 1 FROM evaluation_job e WHERE e.job = m.job);
CREATE VIEW confirmations AS SELECT j.identity AS job, s.name AS sweep, c.checkpoint AS checkpoint,
    c.epoch AS epoch, c.step AS step, c.class AS class, c.prompts AS prompts, c.metric AS metric,
    c.value AS value, c.n AS n
FROM confirmation c JOIN evaluation_job e ON e.job = c.source JOIN job j ON j.id = e.subject
JOIN member m ON m.job = c.source JOIN sweep s ON s.id = m.sweep;
COMMIT;
