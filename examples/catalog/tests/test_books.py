from fastapi.testclient import TestClient

from catalog.main import app

client = TestClient(app)


def test_a_book():
    assert client.get("/books/1").json()["year"] == 1981


def test_no_such_book():
    assert client.get("/books/3").status_code == 404
