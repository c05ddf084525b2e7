from app import app, load_settings


def test_fee_is_rounded_up():
    client = app.test_client()
    assert client.get("/fee/1000").json["fee"] == 15
    assert client.get("/fee/1").json["fee"] == 1


def test_health():
    assert app.test_client().get("/healthz").text == "ok"


def test_settings_are_read(tmp_path):
    file = tmp_path / "settings.ini"
    file.write_text("[payments]\ncurrency = SEK\n")
    assert load_settings(file).get("payments", "currency") == "SEK"
