"""radiata-trainer JOB.json --out DIR [--resume STATE]"""

import argparse
import os
import sys

from . import __version__
from .job import BadJob, read


def main():
    parser = argparse.ArgumentParser(prog="radiata-trainer", description="Trains the one job of a sweep file.")
    parser.add_argument("job", help="a sweep file of one job, as JSON")
    parser.add_argument("--out", required=True, help="folder for everything that is written")
    parser.add_argument("--resume", help="a folder states/step-N to go on from")
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, mps; auto: a GPU if there is one")
    parser.add_argument("--precision", default="auto", choices=["auto", "f32", "bf16"], help="auto: bf16 on CUDA, else f32")
    parser.add_argument("--threads", type=int, help="threads of the CPU")
    parser.add_argument("--samples", type=int, default=1, help="pictures for each saved adapter; 0 for none")
    parser.add_argument("--version", action="version", version=__version__)
    arguments = parser.parse_args()
    try:
        job = read(arguments.job)
        # Slow to import: a wrong job is told before.
        import torch

        from .training import Training

        if arguments.threads:
            torch.set_num_threads(arguments.threads)
        device = arguments.device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        precision = arguments.precision
        if precision == "auto":
            precision = "bf16" if device.startswith("cuda") and torch.cuda.is_bf16_supported() else "f32"
        os.makedirs(arguments.out, exist_ok=True)
        sys.exit(Training(job, arguments.out, device, precision, arguments.samples).run(arguments.resume))
    except BadJob as error:
        print(f"radiata-trainer: {error}", file=sys.stderr)
        sys.exit(os.EX_CONFIG)  # 78: the worker does not try again


if __name__ == "__main__":
    main()
