"""Nobody but the page talks to the explorer, and a request that makes no sense changes nothing."""

import http.client
import json
from dataclasses import replace

import numpy as np
import pytest

from hpa.explorer.collection import Collection
from tests.explorer.conftest import TOKEN, DrawnCells, serving


def answer_to(served, path="/facts", method="GET", body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    sent = {"X-Hpa-Token": TOKEN} | {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, {name: value for name, value in sent.items() if value is not None})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def test_the_page_is_served_with_its_token_only(explored):
    assert answer_to(explored)[0] == 200
    assert answer_to(explored, "/?token=" + TOKEN, X_Hpa_Token=None)[0] == 200
    for path, token in (("/", None), ("/?token=other", None), ("/facts?token=" + TOKEN, None), ("/facts", "other")):
        status, text = answer_to(explored, path, X_Hpa_Token=token)
        assert (status, b"token" in text) == (403, True)


class BareCells(DrawnCells):
    """Cells of label maps alone."""

    class_names = ()
    feature_count = 0

    def table(self):
        return replace(super().table(), confidences=np.zeros((18, 0), np.float32), targets=None, measurements={})


def test_cells_without_classes_and_features_are_explained(explored):
    found = BareCells()
    with serving(Collection(found, found.table(), {}, None)) as served:
        text = answer_to(served, "/?token=" + TOKEN)[1]
    assert b"no classes" in text
    assert b"one dot" in text
    assert b"no classes" not in answer_to(explored, "/?token=" + TOKEN)[1]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Content_Length": "99999999999"},
    ],
)
def test_requests_of_others_are_refused(explored, headers):
    assert answer_to(explored, **headers)[0] == 403


@pytest.mark.parametrize(
    "content",
    [
        b"no json",
        b"[1]",
        b'{"rows": "all", "action": "delete"}',
        b'{"rows": [], "action": "delete"}',
        b'{"rows": [99], "action": "delete"}',
        b'{"rows": [-1], "action": "delete"}',
        b'{"rows": [0], "action": "paint"}',
        b'{"rows": [0], "action": "undo", "value": "1"}',
        b'{"rows": [0], "action": "classes", "value": "Nucleoli"}',
        b'{"rows": [0], "action": "classes", "value": ["Golgi"]}',
        b'{"rows": [0], "action": "classes", "value": [1]}',
        b'{"rows": [0], "action": "merge"}',
        b'{"rows": [0, 7], "action": "merge"}',
    ],
)
def test_corrections_that_make_no_sense_are_refused_and_nothing_is_written(explored, content):
    status, text = answer_to(explored, "/correct", "POST", content)
    assert status == 422
    assert json.loads(text)["error"]
    assert not explored.collection.journal.changes


@pytest.mark.parametrize("path", ["/cell/99", "/cell/99/picture", "/image/9", "/measurement/none"])
def test_what_is_not_there_is_named(explored, path):
    status, text = answer_to(explored, path)
    assert status == 422
    assert "there is no" in json.loads(text)["error"]


def test_nothing_is_written_where_it_is_read_only(read_only):
    for path in ("/correct", "/undo"):
        status, text = answer_to(read_only, path, "POST", b'{"rows": [0], "action": "delete"}')
        assert (status, b"--read-only" in text) == (422, True)
