"""Which coding a client gets, and that it is one."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webmap.decoding import zstd
from webmap.codings import CODINGS, coding_for, compress

ASKED = {
    "": "identity",
    "gzip": "gzip",
    "GZIP": "gzip",
    "gzip, deflate, br, zstd": "zstd",
    "gzip, deflate, br": "gzip",
    "br": "identity",
    "*": "zstd",
    "gzip;q=0": "identity",
    "gzip;q=0, *": "zstd",
    "zstd;q=0, *": "gzip",
    "*;q=0": "identity",
    "gzip;q=0.5, zstd;q=0.4": "gzip",
    "gzip;q=0.5, zstd;q=0.5": "zstd",
    "gzip;q=0.5, identity": "identity",
    "identity;q=0.5, gzip": "gzip",
    "identity;q=0": "identity",
    "gzip;q=x": "identity",
}


@pytest.mark.parametrize("asked", ASKED)
def test_a_client_gets_what_it_likes_best(asked: str) -> None:
    assert coding_for(asked) == ASKED[asked]


@given(st.text(max_size=40))
def test_whatever_is_asked_there_is_an_answer(asked: str) -> None:
    assert coding_for(asked) in CODINGS


@given(st.binary(max_size=3000))
def test_what_is_compressed_can_be_read_and_is_the_same_each_time(body: bytes) -> None:
    assert gzip.decompress(compress(body, "gzip")) == body == zstd.decompress(compress(body, "zstd"))
    assert compress(body, "identity") == body
    assert compress(body, "gzip") == compress(body, "gzip")
