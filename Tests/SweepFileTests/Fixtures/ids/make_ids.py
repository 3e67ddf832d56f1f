"""Writes ids.json: the ids of these sweeps' jobs, as the program of version 0.1.0 at commit 723f5db computed them.

    python3 make_ids.py RADIATA REPOSITORY

RADIATA is the program built from that commit, REPOSITORY a checkout of it: its data and base model give the ids of the
quickstart. The base model's digest is kept beside them, since the model itself has changed since.
"""
import hashlib, json, os, struct, subprocess, sys, zlib

here = os.path.dirname(os.path.abspath(__file__))


def tree(folder):
    """The digest of a folder: sorted lines "relative path NUL size NUL SHA-256 LF" (docs/reference/files.md)."""
    lines = []
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.startswith("."):
                continue
            path = os.path.join(root, name)
            content = open(path, "rb").read()
            lines.append((os.path.relpath(path, folder).encode(), len(content), hashlib.sha256(content).hexdigest()))
    text = b"".join(b"%s\0%d\0%s\n" % (path, size, digest.encode()) for path, size, digest in sorted(lines))
    return hashlib.sha256(text).hexdigest()


def png(side, colour):
    rows = b"".join(b"\0" + bytes(colour) * side for _ in range(side))
    chunk = lambda kind, body: struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def main(radiata, repository):
    box = os.path.join(here, "tiny", "2_box")
    os.makedirs(box, exist_ok=True)
    for index, colour in enumerate([(200, 40, 40), (40, 40, 200)]):
        open(f"{box}/{index}.png", "wb").write(png(8, colour))
        open(f"{box}/{index}.txt", "w").write(f"box number {index}\n")
    ids = {}
    for name in sorted(os.listdir(here)):
        if not name.endswith(".yaml"):
            continue
        sweep = f"{repository}/sweeps/{name}" if name == "quickstart.yaml" else f"{here}/{name}"
        plan = json.loads(subprocess.run([radiata, "plan", sweep, "--format", "json"], check=True,
                                         capture_output=True).stdout)
        ids[name] = [job["id"] for job in plan["jobs"]]
    folders = {name: tree(f"{repository}/{name}") for name in ["data/quickstart", "data/concepts", "sweeps/base/emoji-64"]}
    with open(f"{here}/ids.json", "w") as out:
        json.dump({"ids": ids, "folders": folders}, out, indent=1)
        out.write("\n")


main(*sys.argv[1:])
