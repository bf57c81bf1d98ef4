"""Texts kept small: where few differ, as the position of each in a list of those that do.

A million complaints belong to some hundred neighbourhoods: a position takes two bytes, a text and its place in memory
twenty. Coded texts are an array of pandas' ``str`` as any other: what is computed from them does not differ by it.
What looks at single values or takes rows reads positions; all else has the texts made for a moment.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

_PLAIN: Any = pd.arrays.ArrowStringArray
_FEWER_THAN = 4
"""Coding is worth it where at most one in so many texts differs from those before it."""


class CodedTexts(pd.arrays.ArrowStringArray):
    """Texts as positions in a list.

    Parameters
    ----------
    values : pyarrow.DictionaryArray, or texts in Arrow
        Null where there is no text.
    dtype : StringDtype, optional
    """

    def __init__(self, values: Any, *, dtype: Any = None) -> None:
        self._coded = values if isinstance(values, pa.DictionaryArray) else _coded(values)
        self._dtype = pd.StringDtype(na_value=np.nan) if dtype is None else dtype
        self._cache: dict[str, Any] = {}

    @property
    def _pa_array(self) -> pa.ChunkedArray:
        """The texts themselves, made anew each time: what pandas computes from."""
        return pa.chunked_array([self._coded.dictionary_decode()])

    @_pa_array.setter
    def _pa_array(self, texts: pa.ChunkedArray) -> None:
        self._coded = _coded(texts)

    def _from_pyarrow_array(self, pa_array: Any) -> Any:
        # What is computed from texts need not be worth coding.
        return _PLAIN(pa_array.cast(pa.large_string()), dtype=self._dtype)

    def _of(self, coded: pa.DictionaryArray) -> CodedTexts:
        return CodedTexts(coded, dtype=self._dtype)

    @property
    def positions(self) -> tuple[NDArray[np.intp], pa.LargeStringArray]:
        """Where each stands in the list, -1 for none, and the list: texts that differ, not all of them in use."""
        at = self._coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return at.astype(np.intp), self._coded.dictionary

    @property
    def nbytes(self) -> int:
        """Bytes that positions and list take."""
        return int(self._coded.nbytes)

    @property
    def _hasna(self) -> bool:
        return bool(self._coded.null_count)

    def __len__(self) -> int:
        return len(self._coded)

    def isna(self) -> NDArray[np.bool_]:
        """Whether each text is missing."""
        return np.asarray(self._coded.indices.is_null())

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, numbers.Integral):
            text = self._coded[int(item)].as_py()
            return self._dtype.na_value if text is None else text
        at = pd.api.indexers.check_array_indexer(self, item)
        if isinstance(at, slice) and at.step in (None, 1):
            first, last, _ = at.indices(len(self))
            found = self._of(self._coded.slice(first, max(last - first, 0)))
        else:
            found = self.take(np.arange(len(self))[at])
        return found

    def take(self, indices: Any, allow_fill: bool = False, fill_value: Any = None) -> Any:
        """Return the texts at some places; see `pandas.api.extensions.ExtensionArray.take`."""
        at = np.asarray(indices, dtype=np.int64)
        if not allow_fill:
            chosen = pa.array(np.where(at < 0, at + len(self), at))
        elif pd.isna(fill_value) and (at >= -1).all():
            chosen = pa.array(at, mask=at < 0)
        else:
            return super().take(indices, allow_fill=allow_fill, fill_value=fill_value)
        return self._of(self._coded.take(chosen))

    def to_numpy(
        self, dtype: Any = None, copy: bool = False, na_value: Any = pd.api.extensions.no_default
    ) -> Any:
        """Return the texts as objects, equal ones as one; see `pandas.api.extensions.ExtensionArray.to_numpy`."""
        if dtype is not None and np.dtype(dtype) != object:
            return super().to_numpy(dtype, copy, na_value)
        at, texts = self.positions
        missing = self._dtype.na_value if na_value is pd.api.extensions.no_default else na_value
        objects = np.empty(len(texts) + 1, dtype=object)
        objects[:-1], objects[-1] = texts.to_numpy(zero_copy_only=False), missing
        return objects[at]

    def copy(self) -> CodedTexts:
        """Return the same texts; writing into either leaves the other as it is."""
        return self._of(self._coded)

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[Any]) -> CodedTexts:
        parts = [part._coded if isinstance(part, cls) else _coded(part._pa_array) for part in to_concat]
        # One type for all, or lists could not be joined.
        wide = [
            pa.DictionaryArray.from_arrays(part.indices.cast(pa.int32()), part.dictionary) for part in parts
        ]
        joined = pa.chunked_array(wide).unify_dictionaries().combine_chunks()
        return cls(_narrow(joined), dtype=to_concat[0].dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (self._coded, self._dtype)


def coded(column: pd.Series[str]) -> pd.Series[str]:
    """Return a column of texts with its texts coded, where that is worth it."""
    texts: Any = column.array
    if isinstance(texts, CodedTexts):
        return column
    made = _coded(texts._pa_array)
    if len(made.dictionary) * _FEWER_THAN > len(made):
        return column
    return pd.Series(CodedTexts(made, dtype=texts.dtype), index=column.index, name=column.name, copy=False)


def _made(values: pa.DictionaryArray, dtype: Any) -> CodedTexts:
    return CodedTexts(values, dtype=dtype)


def _coded(texts: Any) -> pa.DictionaryArray:
    found = texts.cast(pa.large_string()).dictionary_encode()
    if isinstance(found, pa.ChunkedArray):
        found = found.unify_dictionaries().combine_chunks()
    if isinstance(found, pa.ChunkedArray):  # of no chunks
        found = pa.array([], type=found.type)
    return _narrow(found)


def _narrow(found: pa.DictionaryArray) -> pa.DictionaryArray:
    """Return the same with positions in as few bytes as hold them."""
    least = next(
        one for one in (pa.int8(), pa.int16(), pa.int32()) if len(found.dictionary) < 2 ** (one.bit_width - 1)
    )
    return pa.DictionaryArray.from_arrays(found.indices.cast(least), found.dictionary)
