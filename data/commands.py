"""The command that builds the demonstration district."""

from __future__ import annotations

from layers.cli import Context, command, errors_in_words, pass_context
from layers.store_roles import check_role, grant_role, role_option
from layers.text import Text


@command(
    "demo",
    "生成演示区：虚构的地点，公布过的数字。\n\n已有的存储不会被覆盖。",
    "Build the demonstration district: invented places, published figures.\n\nA store that exists is not overwritten.",
)
@role_option
@pass_context
def demo(context: Context, *, app_role: str | None) -> None:
    """Build the demonstration district."""
    from data.demo import generate
    from data.demo_past import past
    from layers.store import check_free, create_store

    with errors_in_words(context.language):
        check_role(context.store_url, app_role)
        check_free(context.store_url, settings=context.settings)
        progress = context.progress()
        district, frames = generate(context.standards, progress=progress)
        rows = sum(len(frame) for frame in frames.values())
        with context.audited("demo", count=rows, made=True):
            create_store(
                context.store_url,
                district,
                layers=frames,
                past=past(frames),
                by=context.author(note="wangge demo"),
                settings=context.settings,
                progress=progress,
            ).close()
        context.say(
            Text("演示区已生成，共 {n} 行：{url}", "Demonstration district built, {n} rows: {url}").format(
                n=f"{rows:,}", url=context.shown_store
            )
        )
        grant_role(context, context.store_url, app_role)
