"""`python -m experiments.faults`: twenty faults planted in training runs of `tiny`, each with the guard and without.

A run is usable where the evaluation loss of what it leaves is within 5% of the clean run's, and dead where its last
weights are not finite or twice as bad. Prints a table; exits with 1 unless all guarded runs are usable. Takes four
minutes on two cores.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.support.planted_faults import KINDS, Fault
from tests.support.tiny_training import run, write_samples

STEPS = (20, 33, 47, 60)
USABLE = 1.05
"""Evaluation loss of a usable model, as a multiple of the clean run's."""
DEAD = 2.0


def main() -> int:
    """Run them all and print the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    usable = dead = 0
    with tempfile.TemporaryDirectory() as folder:
        samples = Path(folder)
        write_samples(samples)
        clean = run(samples)
        print(f"clean run: evaluation loss {clean.left:.3f}\n")
        print(f"{'fault':32} {'with the guard':>34}   without it")
        for kind in KINDS:
            for step in STEPS:
                fault = Fault(kind, step)
                guarded, bare = run(samples, fault), run(samples, fault, guarded=False)
                usable += guarded.left <= USABLE * clean.left
                dead += not bare.last <= DEAD * clean.left  # true of a loss that is no number, too
                did = f"{guarded.skipped} skipped, {guarded.rewinds} rewinds, {guarded.left:.3f}"
                print(f"{fault!s:32} {did:>34}   {bare.last:.3f}", flush=True)
    count = len(KINDS) * len(STEPS)
    print(f"\nwith the guard {usable} of {count} usable; without it {dead} of {count} dead")
    return int(usable < count)


if __name__ == "__main__":
    sys.exit(main())
