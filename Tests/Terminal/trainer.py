"""A trainer for recordings of the terminal: draws a bar as tqdm does, then rows of pictures. Standard library only.

    trainer.py LR DIM SEED STEPS PACE …
"""

import sys
import time


def bar(title, total, pace):
    began = time.monotonic()
    for done in range(1, total + 1):
        time.sleep(pace)
        share = done / total
        filled = "█" * int(10 * share)
        spent = time.monotonic() - began
        left = spent / done * (total - done)
        sys.stderr.write(f"\r{title}: {int(100 * share):3d}%|{filled:<10}| {done}/{total} "
                         f"[{int(spent) // 60:02d}:{int(spent) % 60:02d}<{int(left) // 60:02d}:{int(left) % 60:02d}, "
                         f"{done / spent:5.2f}it/s]")
        sys.stderr.flush()
    sys.stderr.write("\n")


rate, steps, pace = float(sys.argv[1]), int(sys.argv[4]), float(sys.argv[5])
if rate >= 1:
    time.sleep(1)
    raise ValueError("the loss is not finite at step 3; lower the rate")
bar("steps", steps, pace)
