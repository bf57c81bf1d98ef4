"""`wangge serve` that keeps no tile: ``python -m bench.without_cache serve …``. There is no such setting, for nobody wants it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from webmap import settings


def main() -> None:
    """Run the command line with nothing else changed."""
    from app import main as command_line

    read = settings.read_settings

    def keeping_nothing(*given: Any, **options: Any) -> settings.Settings:
        return replace(read(*given, **options), tile_cache_mib=0)

    settings.read_settings = keeping_nothing
    command_line()


if __name__ == "__main__":
    main()
