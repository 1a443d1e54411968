"""`python -m bench [NAME …] [--quick]`: run benchmarks and print their tables.

A full run also writes docs/benchmarks.md. Finished cells are kept under bench/results/cells and not measured again.
"""

import argparse
import os
import sys
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs" / "benchmarks.md"

HEAD = """# Benchmarks

Every figure here is printed by `make bench`, and can be measured again by it: `rm -r bench/results/cells` first.
Where a cell holds three numbers they are the median, the lowest and the highest over the random splits.
A GPU was not measured.
"""


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Run benchmarks and print their tables.")
    parser.add_argument("names", nargs="*", help="benchmarks to run; all by default")
    parser.add_argument("--quick", action="store_true", help="minutes instead of hours; writes nothing to docs/")
    options = parser.parse_args()
    # Before torch is imported: threads that wait should sleep, or two busy processes slow each other down manyfold.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from bench import intake, loop

    benchmarks = {"loop": loop.run, "intake": intake.run}
    unknown = set(options.names) - set(benchmarks)
    if unknown:
        sys.exit(f"there is no benchmark {', '.join(sorted(unknown))}. There are: {', '.join(benchmarks)}")
    sections = [
        run(quick=options.quick) for name, run in benchmarks.items() if not options.names or name in options.names
    ]
    print("\n".join(sections))
    if not options.quick and not options.names:
        DOCS.write_text("\n".join([HEAD, *sections]), encoding="utf-8")


if __name__ == "__main__":
    main()
