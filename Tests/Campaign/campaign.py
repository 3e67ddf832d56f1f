#!/usr/bin/env python3
"""Long runs against the built program: real processes, a real ledger, SIGKILL. Needs python3 and nothing else.

    campaign.py kill     --count 7500                        coordinator, workers, machines killed, workers asleep beyond their lease
    campaign.py netns    --count 11                          losses, partitions, resets, half-open connections (root, ip, nft)
    campaign.py foreign  --count 1000                        sqlite3 shells at the ledger during load
    campaign.py syncs                                        syncs counted by strace
    campaign.py jobs     --count 1000000 --kill-every 10     no-op jobs through claim and result, the coordinator killed again and again
    campaign.py outage   --seconds 600                       5 workers x 200 points/s, the coordinator away
    campaign.py soak     --seconds 9000                      mixed load; memory, descriptors, threads, log size
    campaign.py overload --seconds 60                        more requests than limits
    campaign.py upgrade  --old PROGRAM --count 60            a coordinator and workers of PROGRAM replaced by this one's under load

Every part prints one line of JSON, ends with 1 if something was lost, twice or wrong, and with --append FILE adds a line to a
Markdown table. `jobs` with --data DIR goes on where it was.
"""
import argparse, datetime, json, os, shutil, signal, sys, tempfile

import kills, ledgerside, load, network, soak, upgrade

PARTS = {
    # What runs, and its usual count, seconds and workers.
    "kill": (kills.part_kill, 150, 0, 8), "netns": (network.part_netns, 11, 0, 3), "foreign": (ledgerside.part_foreign, 1000, 0, 8),
    "syncs": (ledgerside.part_syncs, 0, 0, 1), "jobs": (load.part_jobs, 1_000_000, 10**9, 24), "outage": (load.part_outage, 0, 600, 5),
    "soak": (soak.part_soak, 0, 9000, 2), "overload": (load.part_overload, 0, 60, 300),
    "upgrade": (upgrade.part_upgrade, 60, 0, 3),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=sorted(PARTS))
    parser.add_argument("--count", type=int, default=None)
    parser.add_argument("--seconds", type=float, default=None)
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--seed", type=int, default=1, help="kill, netns: what befalls whom and when")
    parser.add_argument("--pace", type=float, default=1, help="kill: how much slower")
    parser.add_argument("--core-jobs", type=int, default=1, help="kill: jobs of the built-in trainer, at most 2")
    parser.add_argument("--core", help="kill: folder that keeps the undisturbed runs of those")
    parser.add_argument("--rate", type=float, default=200, help="outage: points a second of each worker")
    parser.add_argument("--kill-every", type=float, default=10, help="jobs: seconds; 0 for never")
    parser.add_argument("--compare", action="store_true", help="jobs: every fifth slice without kills, for the rate")
    parser.add_argument("--data", help="folder that stays and is gone on with")
    parser.add_argument("--old", help="upgrade: the program of the version before")
    parser.add_argument("--append", help="Markdown file that gets one line")
    options = parser.parse_args()
    body, count, seconds, workers = PARTS[options.part]
    options.count = count if options.count is None else options.count
    options.seconds = seconds if options.seconds is None else options.seconds
    options.workers = workers if options.workers is None else options.workers
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    folder = os.path.abspath(options.data) if options.data else tempfile.mkdtemp(prefix="radiata-campaign-")
    os.makedirs(folder, exist_ok=True)
    keep = bool(options.data)
    try:
        figures = body(options, folder)
        keep = keep or bool(figures["faults"])
    except (Exception, SystemExit):
        keep = True
        print(f"# what was left: {folder}", file=sys.stderr)
        raise
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    if figures["faults"]:
        print(f"# what was left: {folder}", file=sys.stderr)
    print(json.dumps({"part": options.part, **figures}))
    if options.append:
        with open(options.append, "a") as f:
            f.write(f"| {datetime.date.today()} | {options.part} | `{json.dumps(figures)}` |\n")
    sys.exit(1 if figures["faults"] else 0)


if __name__ == "__main__":
    main()
