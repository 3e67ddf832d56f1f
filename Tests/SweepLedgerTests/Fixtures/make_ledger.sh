#!/bin/bash
# Makes ledger-N.sql: a ledger of schema N as text, with a job of every kind, by a radiata that writes that schema.
# Usage: make_ledger.sh PROGRAM N. Kept for every schema that ever was (MigrationTests opens them all).
set -euo pipefail
radiata=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'kill -9 $(jobs -p) 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder"
cat > train.sh <<'S'
out=$1; rate=$2
for step in 1 2 3; do echo "{\"step\": $step, \"loss\": 0.$step}" >> "$out/metrics.jsonl"; done
echo weights > "$out/part"; mv "$out/part" "$out/model-3.safetensors"
case $rate in *3*) exit 1;; *2*) sleep 60;; esac
S
cat > sweep.yaml <<'Y'
name: old
trainer:
  command: [bash, TRAIN, "{out}", "{lr}"]
  metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
  checkpoints: [ { glob: "{out}/model-*.safetensors", step: "model-([0-9]+)", kind: adapter } ]
retries: { crash: 0 }
groups: [ { name: g, list: [ { lr: 1e-4 }, { lr: 3e-4 }, { lr: 2e-4 }, { lr: 5e-4 } ] } ]
Y
sed -i "s#TRAIN#$folder/train.sh#" sweep.yaml
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port
"$radiata" coordinator run --data data --listen "127.0.0.1:$port" 2> log &
until "$radiata" status --coordinator $url > /dev/null 2>&1; do sleep 0.2; done
"$radiata" launch sweep.yaml --coordinator $url > /dev/null
"$radiata" worker run --coordinator $url --work work --name old 2> log.worker &
until [ "$("$radiata" query "SELECT count(*) FROM jobs WHERE state IN ('done', 'failed') OR (state = 'running' AND (SELECT count(*) FROM checkpoints) = 2)" --format csv --coordinator $url | tail -1)" = 3 ]; do sleep 0.2; done
"$radiata" token create --scope read --coordinator $url > /dev/null
kill -9 %2 %1
wait 2> /dev/null || true
{
    sqlite3 data/ledger.db "SELECT 'PRAGMA application_id = ' || application_id || ';' FROM pragma_application_id"
    sqlite3 data/ledger.db "SELECT 'PRAGMA user_version = ' || user_version || ';' FROM pragma_user_version"
    sqlite3 data/ledger.db .dump | sed "s#$folder#/somewhere#g"
} > "$here/ledger-$2.sql"
wc -c "$here/ledger-$2.sql"
