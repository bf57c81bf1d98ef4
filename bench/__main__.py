"""`python -m bench`: measure, print the tables and write them down."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench import policy
from bench.report import page
from bench.run import Plan, run

ROOT = Path(__file__).parent.parent


def main() -> None:
    plan = Plan()
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=plan.sizes, help="buildings in the district")
    parser.add_argument("--repeats", type=int, default=plan.repeats)
    parser.add_argument(
        "--writers", type=int, nargs="+", default=plan.writers, help="processes that write at once"
    )
    parser.add_argument("--seconds", type=float, default=plan.seconds, help="how long they write")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "var", help="where files are made; on a real disk"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "benchmarks.md")
    given = parser.parse_args()
    plan = Plan(
        sizes=tuple(given.sizes), repeats=given.repeats, writers=tuple(given.writers), seconds=given.seconds
    )
    given.folder.mkdir(parents=True, exist_ok=True)
    results = run(plan, given.folder, lambda line: print(line, flush=True))
    print("the policy", flush=True)
    with tempfile.TemporaryDirectory(dir=given.folder) as made:
        costs = policy.measure(policy.Plan(), Path(made))
    text = page(plan, results, place=given.folder) + "\n" + policy.section(costs)
    given.output.write_text(text, "utf-8")
    print(f"\n{text}")


if __name__ == "__main__":
    main()
