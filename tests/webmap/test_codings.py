"""Which coding a client gets, and that it is one."""

from __future__ import annotations

import gzip

import pytest
from flask import Flask, Response
from hypothesis import given
from hypothesis import strategies as st

from tests.webmap.decoding import zstd
from webmap.codings import CODINGS, coding_for, compress, expand
from webmap.responses import PlainJSON, WrittenJSON, register

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
    assert all(expand(compress(body, coding), coding) == body for coding in CODINGS)


@pytest.mark.parametrize("rows", [0, 1, 4000])
@pytest.mark.parametrize("asked", ["", "gzip", "zstd", "gzip, zstd", "identity;q=0"])
def test_json_that_was_kept_is_answered_as_if_it_were_written_now(asked: str, rows: int) -> None:
    value = {"name": "东街道", "rows": [[at, at / 7, None, f"格 {at}"] for at in range(rows)]}
    kept = WrittenJSON.of(value)
    assert kept.size_of() <= 200 + 12 * rows
    app = Flask(__name__)
    register(app)
    app.add_url_rule("/kept", view_func=kept.response, endpoint="kept")
    app.add_url_rule(
        "/now", view_func=lambda: Response(PlainJSON(app).dumps(value), mimetype="application/json")
    )
    now, then = (
        app.test_client().get(path, headers={"Accept-Encoding": asked}) for path in ("/now", "/kept")
    )
    assert then.data == now.data
    assert {**then.headers, "Date": ""} == {**now.headers, "Date": ""}
    again = app.test_client().get(
        "/kept", headers={"Accept-Encoding": asked, "If-None-Match": then.headers["ETag"]}
    )
    assert (again.status_code, again.data) == (304, b"")


def test_after_much_json_memory_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    given_back: list[bool] = []
    monkeypatch.setattr("webmap.responses.give_back", lambda: given_back.append(True))
    monkeypatch.setattr("webmap.responses._LARGE_BYTES", 100)
    WrittenJSON.of("x" * 97)
    assert not given_back
    WrittenJSON.of("x" * 98)
    assert given_back
