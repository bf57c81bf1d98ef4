"""`python -m bench [PART ...]`: measure, print the table of ratios and write docs/benchmarks.md."""

from __future__ import annotations

import argparse
import tempfile
import traceback
from pathlib import Path

from bench import page
from bench.contest import PEERS
from bench.district import Districts
from bench.parts import PARTS, Bench, measure
from bench.server import Server
from bench.small import small

ROOT = Path(__file__).parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"what to measure; all by default: {', '.join(PARTS)}"
    )
    parser.add_argument("--quick", action="store_true", help="leave out the largest and the slowest")
    parser.add_argument(
        "--small", action="store_true", help="only see, on a few rows, that all contenders answer the same"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=ROOT / "var" / "bench",
        help="where files are made and kept; on a real disk",
    )
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "benchmarks.md")
    given = parser.parse_args()
    unknown = [name for name in given.parts if name not in PARTS]
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.small:
        with Server() as server, tempfile.TemporaryDirectory() as folder:
            small(Path(folder), server, _say)
        return
    if not PEERS.exists():
        _say(
            "The peers' environment is not there: make bench makes it. Peers that this one lacks are left out."
        )
    failed = []
    with Server() as server:
        bench = Bench(
            folder=given.folder, districts=Districts(given.folder), server=server, say=_say, quick=given.quick
        )
        for name in given.parts or PARTS:
            _say(f"== {name}")
            try:
                part = measure(name, bench)
                page.save(given.folder / "results", name, part)
                failed += [name] if part.failed else []
            except Exception:
                # What the other parts measure is worth having.
                traceback.print_exc()
                failed.append(name)
        text = page.page(
            list(page.saved(given.folder / "results")),
            place=given.folder,
            rounds=bench.pace.rounds,
            budget_s=bench.pace.budget_s,
            server=server.about,
        )
    given.output.write_text(text, "utf-8")
    _say(f"\n{text.partition('## How it was measured')[0]}")
    if failed:
        raise SystemExit(f"failed, as is said above: {', '.join(failed)}")


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
