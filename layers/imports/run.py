"""The whole of an import: read, check everything, then write at once or not at all."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.crs import STORED_CRS
from layers.frames import conform
from layers.imports import records
from layers.imports.checking import Checked, check
from layers.imports.declaring import check_declaration, declare
from layers.imports.evidence import Ground
from layers.imports.mapping import Mapping, make_mapping
from layers.imports.options import ImportOptions, check_effective, check_files
from layers.imports.raw import Source
from layers.imports.rejects import write_rejects
from layers.imports.report import ImportReport
from layers.imports.rights import check_rights
from layers.imports.source import read_source
from layers.problems import ValidationError
from layers.schema import Layer, layer_named
from layers.store import NOBODY, Authorship, Progress, Store, no_progress
from layers.text import Language, Text, both

if TYPE_CHECKING:
    from layers.imports.declaring import Declared
    from layers.imports.guard import Verdict
    from layers.standards import Standards

_EXAMPLES = 3
_LOOKED_AT = 1000
_STEPS = (
    Text("读取文件", "reading the file"),
    Text("检查", "checking"),
    Text("写入", "storing"),
    Text("完成", "done"),
)


def import_file(
    store: Store,
    standards: Standards,
    layer_name: str,
    path: Path,
    options: ImportOptions,
    *,
    today: date,
    fillable: Collection[str] | None = None,
    by: Authorship = NOBODY,
    based_on: int | None = None,
    language: Language = "zh",
    progress: Progress = no_progress,
) -> ImportReport:
    """Import `path` into a layer of `store`.

    Everything is checked before anything is written, and all problems are reported at once. Features are
    inserted, or updated by code; of a feature that is there, fields that the source does not fill stay as they
    are. Importing a file twice changes nothing the second time.

    Parameters
    ----------
    options : ImportOptions
        With `rejects`, rows with problems are written there and the others taken; with `dry_run` nothing is
        written and the report says what would be.
    fillable : collection of str, optional
        Fields that whoever imports may fill (`layers.policy.Policy.fillable`); all of them where nobody in
        particular does.
    by : Authorship
        Who imports, why, and from which day it holds; how it was imported is added to the note.
    today : date
        Nothing is taken that holds, opened or was verified later.
    based_on : int, optional
        The version that somebody had seen who agreed to this import; by default the present one.
    language : {"zh", "en"}
        Of the rejects file and of what `progress` is told.

    Raises
    ------
    ValidationError
        The file cannot be read; what it holds cannot be settled; rows have problems and none are set aside, or
        all have; or the datum guard objects. Nothing is written to the store. `NotToBeFilled` where columns
        fill other fields than `fillable`, before any row is checked.
    NotFound
        There is no such layer.
    BadParameter
        The options contradict each other, or `by` has an effective day that has not come.
    StoreConflict
        Somebody changed, while the import was checked, what it would overwrite.
    """
    check_effective(by.effective, today)
    examined = examine(
        store,
        standards,
        layer_name,
        path,
        options,
        today=today,
        fillable=fillable,
        language=language,
        progress=progress,
    )
    report = examined.report
    if options.dry_run:
        _foresee(report, examined.good_codes, examined.ground)
    else:
        seen = examined.version if based_on is None else based_on
        _write(store, examined, options, replace(by, note=_note(by.note, examined)), seen, language, progress)
    _tell(progress, 3, language)
    return report


@dataclass(frozen=True)
class Examined:
    """What is known of a file before anything of it is written.

    Attributes
    ----------
    report : ImportReport
        Nothing is counted yet of what storing would do.
    layer : Layer
    source : Source
        The records that are meant, exact duplicates left out.
    checked : Checked
        What was found out about each of them.
    declared : Declared
    ground : Ground
        What they were compared with.
    version : int
        The store's, before it was read.
    """

    report: ImportReport
    layer: Layer
    source: Source
    checked: Checked
    declared: Declared
    ground: Ground
    version: int

    @property
    def good_codes(self) -> pd.Series:
        """The codes of the records without problems."""
        return self.checked.values["code"][~self.checked.findings.bad]

    def frame(self, store: Store) -> gpd.GeoDataFrame:
        """Return the good records as they would be stored."""
        return _frame(self.checked, self.layer, store)


def examine(
    store: Store,
    standards: Standards,
    layer_name: str,
    path: Path,
    options: ImportOptions,
    *,
    today: date,
    fillable: Collection[str] | None = None,
    language: Language = "zh",
    progress: Progress = no_progress,
    came: Callable[[Source], None] = lambda _: None,
) -> Examined:
    """Read a file and check everything in it, as `import_file` does before it writes.

    Parameters
    ----------
    came : callable
        Called with the source as soon as it is read: its headings are known although they may mean nothing yet.

    Raises
    ------
    ValidationError, NotFound, BadParameter
        See `import_file`; problems of rows and the datum guard's objection are in the report.
    """
    layer = layer_named(layer_name)
    check_declaration(options)
    check_files(store, path, options)
    _tell(progress, 0, language)
    read = _read(layer, path, options, fillable, came)
    _tell(progress, 1, language)
    version = store.version()
    ground = Ground(store, store.district())
    checked = check(read.distinct, layer, read.mapping, read.declared, ground, standards, today)
    report = _report(layer, path, options, read, checked)
    report.notes += _coarser(checked, layer, ground)
    return Examined(report, layer, read.distinct, checked, read.declared, ground, version)


def _write(
    store: Store,
    examined: Examined,
    options: ImportOptions,
    by: Authorship,
    seen: int,
    language: Language,
    progress: Progress,
) -> None:
    """Write what was examined, and say in its report what that did."""
    report = examined.report
    _refuse_or_set_aside(report, examined.source, examined.checked, options, language)
    _tell(progress, 2, language)
    written = store.upsert(
        examined.layer.name, examined.frame(store), by=by, based_on=seen, progress=progress
    )
    report.inserted, report.updated, report.unchanged = (
        written.inserted,
        written.updated,
        written.unchanged,
    )
    if written.inserted or written.updated:
        report.version = written.version


def _tell(progress: Progress, step: int, language: Language) -> None:
    progress(_STEPS[step].to(language), step, len(_STEPS) - 1)


@dataclass(frozen=True)
class _Read:
    """A source as it came, the records that are meant, those of them that differ, and what they are."""

    source: Source
    meant: Source
    distinct: Source
    mapping: Mapping
    declared: Declared


def _read(
    layer: Layer,
    path: Path,
    options: ImportOptions,
    fillable: Collection[str] | None,
    came: Callable[[Source], None],
) -> _Read:
    source = read_source(path, source_layer=options.source_layer)
    came(source)
    if not len(source.rows) and not source.broken:
        raise _nothing_there(path, 0)
    headings = list(source.columns.columns)
    mapping = make_mapping(layer, headings, options, has_geometry=source.geometry is not None)
    if fillable is not None:
        check_rights(layer, mapping, fillable)
    declared = declare(source, options)
    keep = records.meant(source, options.only)
    if not keep.any() and not source.broken:
        raise _nothing_there(path, len(keep))
    meant = records.taken(source, keep)
    return _Read(source, meant, records.taken(meant, records.first_of_each(meant)), mapping, declared)


def _nothing_there(path: Path, rows: int) -> ValidationError:
    if rows:
        return ValidationError(
            Text("{name} 中没有符合 --only 的行。", "{name} holds no row that --only asks for.").format(
                name=path.name
            )
        )
    return ValidationError(Text("{name} 中没有数据行。", "{name} holds no rows.").format(name=path.name))


def _report(layer: Layer, path: Path, options: ImportOptions, read: _Read, checked: Checked) -> ImportReport:
    findings = checked.findings
    examples = {
        name: [
            _shown(value) for value in values[~findings.bad].dropna().head(_LOOKED_AT).unique()[:_EXAMPLES]
        ]
        for name, values in checked.values.items()
    }
    broken = [one.problem for one in read.source.broken]
    return ImportReport(
        layer=layer,
        path=path,
        dry_run=options.dry_run,
        read=len(read.meant.rows) + len(broken),
        left_out=len(read.source.rows) - len(read.meant.rows),
        duplicates=len(read.meant.rows) - len(read.distinct.rows),
        rejected=int(findings.bad.sum()) + len(broken),
        taken=int((~findings.bad).sum()),
        codes_made=checked.codes_made,
        repairs=checked.repairs,
        mapping=read.mapping,
        examples=examples,
        declared=read.declared.name,
        verdict=_settled(checked.verdict, force=options.force),
        notes=[
            *read.source.warnings,
            *read.mapping.notes,
            *_idle_values(read.meant, read.mapping),
            *read.declared.notes,
        ],
        problems=sorted([*findings.problems, *broken], key=lambda problem: problem.row or 0),
        rejects=options.rejects,
    )


def _shown(value: object) -> str:
    return str(value)[:10] if isinstance(value, pd.Timestamp | np.datetime64) else str(value)


def _idle_values(source: Source, mapping: Mapping) -> list[Text]:
    """Tell of translations of values that the source does not hold."""
    idle = [
        (column, value)
        for name, column in mapping.columns.items()
        if name in mapping.values
        for value in sorted(mapping.values[name].keys() - set(source.columns[column].str.strip().fillna("")))
    ]
    return [
        Text("列 {column} 中没有 {value}。", "Column {column} holds no {value}.").format(
            column=column, value=value or '""'
        )
        for column, value in idle
    ]


def _settled(verdict: Verdict, *, force: bool) -> Verdict:
    """Let --force override the guard, and say so."""
    if verdict.status != "refused" or not force:
        return verdict
    sentence = Text("基准检查被 --force 推翻：{s}", "Datum guard overridden by --force: {s}")
    return replace(verdict, status="overridden", sentence=sentence.format(s=verdict.sentence))


def _coarser(checked: Checked, layer: Layer, ground: Ground) -> list[Text]:
    """Tell of stored polygons that points would take the place of."""
    good = ~checked.findings.bad
    is_point = shapely.get_type_id(checked.shapes) == 0
    if "polygon" not in layer.geometry or not (good & is_point).any():
        return []
    stored = ground.layer(layer.name).geometry
    polygons = stored.index[stored.geom_type != "Point"]
    count = int(checked.values["code"][good & is_point].isin(polygons).sum())
    note = Text(
        "{n} 个要素原来是面，导入后只剩点。",
        "{n} features that are polygons in the store become mere points.",
    )
    return [note.format(n=count)] if count else []


def _foresee(report: ImportReport, codes: pd.Series, ground: Ground) -> None:
    there = int(codes.isin(ground.layer(report.layer.name).index).sum())
    report.inserted, report.updated = len(codes) - there, there


def _refuse_or_set_aside(
    report: ImportReport, distinct: Source, checked: Checked, options: ImportOptions, language: Language
) -> None:
    if report.verdict.status == "refused":
        raise ValidationError(report.complaint)
    if options.rejects is not None:
        write_rejects(options.rejects, distinct, checked.findings, language=language)
    if not report.ok:
        raise ValidationError(report.complaint, report.problems)


def _frame(checked: Checked, layer: Layer, store: Store) -> gpd.GeoDataFrame:
    """Return the good records; those that are stored already keep what the source does not say of them."""
    good = ~checked.findings.bad
    values = pd.DataFrame({name: column[good] for name, column in checked.values.items()})
    frame = conform(gpd.GeoDataFrame(values, geometry=checked.shapes[good], crs=STORED_CRS), layer)
    silent = [name for name in layer.field_names if name not in checked.values]
    if silent and store.counts()[layer.name]:
        stored = store.read(layer.name, codes=list(frame.index))
        for name in silent:
            frame.loc[stored.index, name] = stored[name]
    return frame


def _note(given: str, examined: Examined) -> str:
    """Return what the store is to remember of this write: what the operator says, and how it was imported."""
    report, declared = examined.report, examined.declared
    parts = [
        *([both(given)] if given else []),
        Text("", f"imported from {report.path.name}, declared {declared.name}."),
        *declared.notes,
    ]
    if report.verdict.status != "fits":
        parts.append(report.verdict.sentence)
    return " ".join(part.en for part in parts)
