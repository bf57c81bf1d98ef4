"""Coded texts are texts as any others: everything that frames do with them gives the same."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers import packed as packing
from layers.coded import CodedTexts, coded
from layers.loading import load
from layers.packed import packed
from layers.places import positions
from layers.standards import Standards
from layers.store import create_store
from tests.district import small_district

TEXTS = ("", "东", "西区", "b", "unknown")

DONE: dict[str, Callable[[Any], Any]] = {
    "itself": lambda column: column,
    "length": len,
    "bytes of it are told": lambda column: column.array.nbytes > 0 or not len(column),
    "values": lambda column: column.tolist(),
    "objects": lambda column: column.to_numpy(dtype=object).tolist(),
    "objects, else a mark": lambda column: column.to_numpy(dtype=object, na_value="?").tolist(),
    "arrow": lambda column: pa.array(column, type=pa.large_string(), from_pandas=True).to_pylist(),
    "slice": lambda column: column.iloc[1:3],
    "slice from behind": lambda column: column.iloc[::-2],
    "mask": lambda column: column[column == "东"],
    "rows": lambda column: column.iloc[[0, -1, 0]] if len(column) else column,
    "no rows": lambda column: column.iloc[[]],
    "single": lambda column: [column.iloc[at] for at in range(len(column))],
    "rows that are not there": lambda column: column.reindex(["k0", "elsewhere", "k2"]),
    "filled": lambda column: column.reindex(["elsewhere"], fill_value="b"),
    "unknown": lambda column: [*column.isna().tolist(), column.array._hasna],
    "known": lambda column: column.dropna(),
    "fill": lambda column: column.fillna("neu"),
    "is in": lambda column: column.isin(["东", "b"]).tolist(),
    "map": lambda column: column.map({"东": "x"}),
    "upper": lambda column: column.str.upper(),
    "joined": lambda column: column + "!",
    "counts": lambda column: column.value_counts(),
    "groups": lambda column: column.groupby(column).size(),
    "different": lambda column: [codes.tolist() for codes in pd.factorize(column)],
    "sorted": lambda column: column.sort_values(kind="stable"),
    "as index": lambda column: pd.Index(column),
    "shifted": lambda column: column.shift(1),
    "with itself": lambda column: pd.concat([column, column]),
    "with others": lambda column: pd.concat([column, pd.Series(["neu", None], dtype="str")]),
    "others with it": lambda column: pd.concat([pd.Series(["neu", None], dtype="str"), column]),
    "pickled": lambda column: pickle.loads(pickle.dumps(column)),
    "copied": copy.deepcopy,
}


def pair(texts: Sequence[str | None]) -> tuple[pd.Series[str], pd.Series[str]]:
    """The same column, plain and coded."""
    index = pd.Index([f"k{at}" for at in range(len(texts))])
    plain = pd.Series(np.array(texts, dtype=object), index=index, dtype="str")
    kept: Any = plain.array
    return plain, pd.Series(CodedTexts(kept._pa_array, dtype=plain.dtype), index=index)


def alike(one: Any, other: Any) -> None:
    if isinstance(one, pd.Series):
        pd.testing.assert_series_equal(one, other)
    elif isinstance(one, pd.Index):
        pd.testing.assert_index_equal(one, other)
    else:
        assert repr(one) == repr(other)


@pytest.mark.parametrize("does", DONE)
@given(texts=st.lists(st.sampled_from((None, *TEXTS)), max_size=8))
def test_what_is_done_with_coded_texts_gives_the_same(does: str, texts: list[str | None]) -> None:
    plain, small = pair(texts)
    assert isinstance(small.array, CodedTexts)
    assert small.dtype == plain.dtype
    alike(DONE[does](small), DONE[does](plain))
    alike(small, plain)


@given(
    texts=st.lists(st.sampled_from((None, *TEXTS)), min_size=1, max_size=8),
    at=st.integers(0, 7),
    value=st.sampled_from((None, "东", "neu")),
)
def test_writing_into_coded_texts_leaves_others_as_they_are(
    texts: list[str | None], at: int, value: str | None
) -> None:
    plain, small = pair(texts)
    row = at % len(texts)
    changed, expected = small.copy(), plain.copy()
    changed.iloc[row] = value
    expected.iloc[row] = value
    alike(changed, expected)
    alike(small, plain)


@pytest.mark.parametrize("many", [1, 127, 128, 200, 32_768])
def test_positions_take_as_few_bytes_as_hold_them(many: int) -> None:
    plain, small = pair([f"{at:05}" for at in range(many)] * 2)
    width = 1 if many < 128 else 2 if many < 32_768 else 4
    assert small.array.nbytes <= 2 * many * width + 13 * many + 8
    alike(small.iloc[[many - 1, many]], plain.iloc[[many - 1, many]])
    joined = pd.concat([small, plain, small.iloc[:1]])
    alike(joined, pd.concat([plain, plain, plain.iloc[:1]]))
    assert isinstance(joined.array, CodedTexts)


def test_only_texts_of_which_few_differ_are_coded() -> None:
    few, many = pd.Series(["a", "b"] * 8, dtype="str"), pd.Series([f"{at}" for at in range(16)], dtype="str")
    assert isinstance(coded(few).array, CodedTexts)
    assert not isinstance(coded(many).array, CodedTexts)
    assert coded(coded(few)).array is not None
    alike(coded(few), few)


def test_where_codes_stand_is_found_in_coded_texts_as_in_others() -> None:
    plain, small = pair(["b", None, "东", "b", "elsewhere"])
    index = pd.Index(["b", "c", "东"])
    assert positions(index, small).tolist() == positions(index, plain).tolist() == [0, -1, 2, 0, -1]


def test_a_frame_is_coded_where_it_has_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = gpd.GeoDataFrame(
        {"use": pd.Series(["home"] * 8, dtype="str"), "floors": np.arange(8)},
        geometry=gpd.points_from_xy(np.arange(8), np.arange(8)),
        crs=4490,
    )
    assert packed(frame) is frame
    monkeypatch.setattr(packing, "_WORTH_PACKING", 8)
    small = packed(frame)
    assert isinstance(small["use"].array, CodedTexts)
    pd.testing.assert_frame_equal(
        pd.DataFrame(small.drop(columns="geometry")), frame.drop(columns="geometry")
    )


def test_coded_layers_are_followed_write_by_write(
    standards: Standards, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "_WORTH_PACKING", 1)
    monkeypatch.setattr("layers.coded._FEWER_THAN", 1)
    district, frames = small_district()
    with create_store(f"gpkg:{tmp_path}/s.gpkg", district, layers=frames) as store:
        before = load(store, standards)
        row = store.read("complaints").iloc[:1].assign(channel="新渠道")
        store.upsert("complaints", row)
        after = load(store, standards, before=before)
        assert isinstance(after.frame("complaints")["channel"].array, CodedTexts)
        pd.testing.assert_frame_equal(
            pd.DataFrame(after.frame("complaints").drop(columns="geometry")),
            pd.DataFrame(store.read("complaints").drop(columns="geometry")),
        )
