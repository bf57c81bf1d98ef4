"""What an import did, or would do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layers.problems import Problem
from layers.text import Language, Text, both, joined

if TYPE_CHECKING:
    from layers.imports.guard import Verdict
    from layers.imports.mapping import Mapping
    from layers.schema import Layer

_REPAIRS = {
    "unclosed_rings": Text("闭合未闭合的环", "unclosed rings closed"),
    "repeated_points": Text("去掉重复点", "shapes freed of repeated points"),
    "self_touching": Text("拆开自接触的环", "self-touching rings taken apart"),
}


@dataclass(kw_only=True)
class ImportReport:
    """The outcome of one import.

    Attributes
    ----------
    read : int
        Records of the source that were meant, broken ones too.
    left_out : int
        Records that --only leaves out.
    duplicates : int
        Exact duplicates set aside.
    rejected : int
        Records with problems.
    taken : int
        Records stored, or that would be.
    version : int, optional
        The version that storing them made; None where nothing was changed.
    inserted, updated, unchanged : int
        What storing them did; for a dry run, `inserted` is what is not there yet and `updated` what is.
    codes_made : int
        Records that were given a code.
    repairs : Counter of str
    mapping : Mapping
    examples : dict of str to list of str
        Per field, the first values as they would be stored.
    declared : str
        What the coordinates were taken to be in.
    verdict : Verdict
    notes : list of Text
        What else the clerk should know.
    problems : list of Problem
    """

    layer: Layer
    path: Path
    dry_run: bool
    read: int
    left_out: int
    duplicates: int
    rejected: int
    taken: int
    codes_made: int
    repairs: Counter[str]
    mapping: Mapping
    examples: dict[str, list[str]]
    declared: str
    verdict: Verdict
    notes: list[Text] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    rejects: Path | None = None
    version: int | None = None
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0

    @property
    def ok(self) -> bool:
        """Whether the file is imported, or would be: at least one good row, and none bad that is not set aside."""
        if self.verdict.status == "refused":
            return False
        return not self.problems or (self.rejects is not None and self.taken > 0)

    @property
    def complaint(self) -> Text:
        """Why the file is not imported, and what to do."""
        if self.verdict.status == "refused":
            return Text(
                "{sentence}{remedy}如果错的是已入库的资料，请先改正它们；--force 可按所声明的导入，并会记录在案。",
                "{sentence} {remedy} If it is the stored layers that are wrong, correct them first; "
                "--force imports as declared and is recorded.",
            ).format(sentence=self.verdict.sentence, remedy=self.verdict.remedy)
        hint = both("")
        if self.rejects is None and self.taken:
            hint = Text(
                "可用 --rejects 文件 把它们另存，导入其余各行。",
                " Set them aside with --rejects FILE to import the rest.",
            )
        return Text(
            "{file}：{read} 行中有 {bad} 行有问题，没有导入任何内容。{hint}",
            "{file}: {bad} of {read} rows have problems; nothing was imported.{hint}",
        ).format(file=self.path.name, read=self.read, bad=self.rejected, hint=hint)

    def lines(self, language: Language) -> list[str]:
        """Return the report for a terminal; a dry run's begins with the mapping."""
        texts = [*self._mapping_lines(), *self._count_lines(), self.verdict.sentence, *self.notes]
        if self.dry_run:
            texts.append(Text("试运行：没有写入任何内容。", "Dry run: nothing was written."))
        return [text.to(language) for text in texts]

    def _mapping_lines(self) -> list[Text]:
        if not self.dry_run:
            return []
        lines = [Text("字段 ← 来源：", "Field <- source:")]
        for name, column in self.mapping.columns.items():
            how = Text("（按列名）", " (by its heading)") if name in self.mapping.automatic else both("")
            lines.append(self._mapping_line(name, Text(f"{column}{how.zh}", f"{column}{how.en}")))
        for name, value in self.mapping.constants.items():
            lines.append(self._mapping_line(name, both(f"= {value}")))
        position = [one for one in (self.mapping.lon, self.mapping.lat, self.mapping.wkt) if one is not None]
        if position:
            lines.append(Text(f"  位置 ← {'、'.join(position)}", f"  position <- {', '.join(position)}"))
        if self.mapping.unused:
            unused = joined([both(name) for name in self.mapping.unused])
            lines.append(Text("未采用的列：{u}", "Columns not used: {u}").format(u=unused))
        return lines

    def _mapping_line(self, name: str, source: Text) -> Text:
        examples = self.examples.get(name, [])
        return Text("  {name} ← {source}：{ex}", "  {name} <- {source}: {ex}").format(
            name=name, source=source, ex=joined([both(one) for one in examples])
        )

    def _count_lines(self) -> list[Text]:
        lines = [
            Text("{file} → {layer}：读取 {n} 行。", "{file} -> {layer}: {n} rows read.").format(
                file=self.path.name, layer=self.layer.title, n=self.read
            )
        ]
        if self.left_out:
            lines.append(
                Text("{n} 行不符合 --only，未采用。", "{n} rows left out by --only.").format(n=self.left_out)
            )
        if self.duplicates:
            lines.append(
                Text("{n} 行完全重复，已搁置。", "{n} exact duplicates set aside.").format(n=self.duplicates)
            )
        if self.rejected:
            aside = (
                both("") if self.rejects is None else Text(f"，见 {self.rejects}", f", see {self.rejects}")
            )
            lines.append(
                Text("{n} 行有问题{aside}。", "{n} rows have problems{aside}.").format(
                    n=self.rejected, aside=aside
                )
            )
        if self.codes_made:
            lines.append(
                Text(
                    "{n} 行没有编码，已按内容生成。",
                    "{n} rows had no code and were given one by their content.",
                ).format(n=self.codes_made)
            )
        lines += [
            Text("无损修复：{what} {n} 处。", "Lossless repair: {n} {what}.").format(what=_REPAIRS[kind], n=n)
            for kind, n in sorted(self.repairs.items())
        ]
        lines.append(self._outcome())
        return lines

    def _outcome(self) -> Text:
        if self.dry_run:
            text = Text(
                "将写入 {taken} 条：新增 {new} 条，{there} 条编码已存在。",
                "{taken} would be stored: {new} new, {there} with codes that are there.",
            )
        else:
            text = Text(
                "已写入 {taken} 条：新增 {new}，更新 {there}，未变 {same}。",
                "{taken} taken: {new} new, {there} updated, {same} unchanged.",
            )
        return text.format(taken=self.taken, new=self.inserted, there=self.updated, same=self.unchanged)

    def as_dict(self, language: Language) -> dict[str, Any]:
        """Return the report for JSON, with all problems."""
        return {
            "layer": self.layer.name,
            "file": self.path.name,
            "dry_run": self.dry_run,
            "ok": self.ok,
            "read": self.read,
            "left_out": self.left_out,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "taken": self.taken,
            "inserted": self.inserted,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "codes_made": self.codes_made,
            "repairs": dict(sorted(self.repairs.items())),
            "mapping": {
                "columns": self.mapping.columns,
                "constants": self.mapping.constants,
                "automatic": sorted(self.mapping.automatic),
                "position": [one for one in (self.mapping.lon, self.mapping.lat, self.mapping.wkt) if one],
                "unused": list(self.mapping.unused),
                "examples": self.examples,
            },
            "declared": self.declared,
            "datum": self.verdict.as_dict(language),
            "notes": [note.to(language) for note in self.notes],
            "problems": [problem.as_dict(language) for problem in self.problems],
            "rejects": None if self.rejects is None else str(self.rejects),
        }
