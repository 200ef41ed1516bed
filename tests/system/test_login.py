"""The login of the page in a browser."""

import pytest

from collector.serving.access import Access, Tokens
from collector.serving.api import application
from collector.serving.live import Live
from collector.serving.metrics import Metrics
from collector.serving.serve import serve
from collector.stores import open_store

pytestmark = pytest.mark.system

READ = "read-0123456789abcdef"


@pytest.fixture
def page(browser):
    opened = browser.new_page()
    opened.set_default_timeout(60_000)
    yield opened
    opened.close()


def test_a_person_logs_in_sees_the_page_live_and_logs_out(page, tmp_path):
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    access = Access(Tokens(READ))
    server = serve(application(store, Live(), Metrics(), lambda: None, access=access), port=0)
    problems, asked = [], []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda told: problems.append(told.text) if told.type == "error" else None)
    page.on("request", lambda request: asked.append(request.url))

    page.goto(server.url)
    assert page.url == f"{server.url}/login"
    assert not page.locator("#refused").is_visible()
    page.fill("#token", "wrong-0123456789abcdef")
    page.click("button[type=submit]")
    page.locator("#refused").wait_for(state="visible")
    page.fill("#token", READ)
    page.click("button[type=submit]")
    page.get_by_text("live", exact=True).wait_for()
    assert page.url == f"{server.url}/"
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0
    page.locator("#leave button").click()
    page.locator("#token").wait_for()
    page.goto(server.url)
    assert page.url == f"{server.url}/login"
    assert problems == []
    assert not any(READ in url for url in asked)
    server.stop()
    store.close()


def test_a_page_whose_session_was_forgotten_leads_to_the_login(page, tmp_path):
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    first = serve(application(store, Live(), Metrics(), lambda: None, access=Access(Tokens(READ))), port=0)
    page.goto(first.url)
    page.fill("#token", READ)
    page.click("button[type=submit]")
    page.get_by_text("live", exact=True).wait_for()
    first.stop()
    second = serve(application(store, Live(), Metrics(), lambda: None, access=Access(Tokens(READ))), port=first.port)
    page.locator("#token").wait_for()
    assert page.url == f"{second.url}/login"
    second.stop()
    store.close()
