"""The files of the page as the collector answers them."""

from http.client import HTTPConnection
from importlib.resources import files
from threading import Event

import pytest
from starlette.applications import Starlette

from collector.serving import page_files
from collector.serving.serve import serve


@pytest.fixture
def ask(tmp_path, monkeypatch):
    (tmp_path / "views").mkdir()
    (tmp_path / "index.html").write_text("<p>a page</p>")
    (tmp_path / "views" / "map.js").write_text("one")
    monkeypatch.setattr(page_files, "WEB", tmp_path)
    app = Starlette(routes=page_files.page_routes())
    app.state.stopping = Event()
    with serve(app, port=0) as server:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=20)

        def asked(path, **headers):
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

        yield asked
        connection.close()


def test_plotly_is_the_file_of_its_wheel_after_a_comment_for_the_compiler(ask):
    status, headers, body = ask("/plotly.js")
    comment, script = body.split(b"\n", 1)
    assert (status, comment) == (200, b"//# allFunctionsCalledOnLoad")
    assert script == files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    assert headers["content-type"] == "text/javascript; charset=utf-8"
    assert "max-age" in headers["cache-control"]


@pytest.mark.parametrize("path", ["/", "/static/views/map.js", "/plotly.js"])
def test_a_browser_that_has_a_file_is_not_sent_it_again(ask, path):
    tag = ask(path)[1]["etag"]
    assert ask(path, **{"If-None-Match": tag})[::2] == (304, b"")
    assert ask(path, **{"If-None-Match": '"another"'})[0] == 200


def test_a_changed_file_shows_at_once(ask, tmp_path):
    before = ask("/static/views/map.js")
    (tmp_path / "views" / "map.js").write_text("another")
    status, headers, body = ask("/static/views/map.js", **{"If-None-Match": before[1]["etag"]})
    assert (before[2], status, body) == (b"one", 200, b"another")
    assert headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["/static/none.js", "/static/../page_files.py", "/static/%2e%2e/page_files.py", "/static/"]
)
def test_nothing_else_is_answered(ask, path):
    assert ask(path)[0] == 404
