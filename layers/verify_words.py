"""What grid workers are asked, and why, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layers.text import Text

_DAYS_A_MONTH = 30.44

GROUP_WORDS = {
    "double_none": Text("可能关系到是否双无", "may decide whether it is double-none"),
    "ended": Text("合同或任期已过", "a contract or term is over"),
    "contradicts": Text("记录互相矛盾", "records contradict each other"),
    "unknown": Text("还不知道", "not known"),
    "age": Text("核实过的时间久", "verified long ago"),
}
"""Why a question stands where it does in the list; by `layers.verify_tasks.GROUPS`."""

_WHAT = {
    "property_management": Text("物业管理", "property management"),
    "owners_committee": Text("业委会", "an owners' committee"),
    "residents_group": Text("居民小组", "a residents' group"),
    "party_branch": Text("党支部", "a Party branch"),
}
_ROOM = "shared"
_QUESTIONS = {
    ("property_management", "ended"): Text("物业企业，还在管吗？", "Is the property company still there?"),
    ("property_management", "contradicts"): Text(
        "到底有没有物业管理？", "Is there property management or not?"
    ),
    ("owners_committee", "ended"): Text("业委会，换届了吗？", "Was the owners' committee elected anew?"),
    ("owners_committee", "contradicts"): Text(
        "业委会，成立了吗？", "Has an owners' committee been set up or not?"
    ),
    ("party_branch", "contradicts"): Text("党支部，建了吗？", "Has a Party branch been set up or not?"),
    (_ROOM, "unknown"): Text("调解室，向周边开放吗？", "Is the mediation room open to the surroundings?"),
}
_ENDED = {
    "property_management": Text("合同已到期 {n} 天", "its contract ended {n} days ago"),
    "owners_committee": Text("任期已过 {n} 天", "its term ended {n} days ago"),
}


def questioned(field: str, kind: str, value: str) -> Text:
    """Return the question: the title of its row in the list."""
    special = _QUESTIONS.get((field, kind))
    if special is not None:
        return special
    what = _WHAT[field]
    if kind == "unknown":
        return Text("有没有{w}？", "Is there {w}?").format(w=what)
    if value == "yes":
        return Text("{w}，还在吗？", "Is there still {w}?").format(w=what)
    return Text("还是没有{w}吗？", "Is there still no {w}?").format(w=_bare(what))


def _bare(what: Text) -> Text:
    return Text(what.zh, what.en.removeprefix("an ").removeprefix("a "))


def asked(field: str) -> Text:
    """Return what is asked above the three answers yes, no and unknown."""
    if field == _ROOM:
        return Text("现在向周边小区开放吗？", "Is it open to communities around it now?")
    return Text("现在有没有{w}？", "Is there {w} now?").format(w=_WHAT[field])


def reasoned(field: str, kind: str, days: int | None) -> Text:
    """Return why it is asked; `days` as in `layers.verify_tasks.Doubt`."""
    if kind == "ended":
        return _ENDED[field].format(n=f"{days:,}")
    if kind == "contradicts":
        return GROUP_WORDS["contradicts"]
    if kind == "undated":
        return Text("没有核实日期", "no day on which it was verified")
    if kind == "stale" and days is not None:
        return Text("上次核实 {n} 个月前", "last verified {n} months ago").format(n=int(days / _DAYS_A_MONTH))
    if days is not None:
        return Text("{n} 天前核实时不明", "could not be told {n} days ago").format(n=f"{days:,}")
    return Text("一直不明", "not known so far")


def answered(field: str, value: str, row: Mapping[str, Any]) -> Text:
    """Return what is on record, with the end of its contract or term where there is one."""
    if value == "unknown":
        return Text("不明", "unknown")
    if field == _ROOM:
        return Text("开放", "open") if value == "yes" else Text("不开放", "not open")
    told = Text("有", "yes") if value == "yes" else Text("无", "no")
    end = {
        "property_management": (row.get("contract_end"), Text("合同到", "contract until")),
        "owners_committee": (row.get("committee_term_end"), Text("任期到", "term until")),
    }.get(field)
    if end is None or end[0] is None:
        return told
    return Text("{v}，{w} {d}", "{v}; {w} {d}").format(v=told, w=end[1], d=end[0].isoformat())
