"""Settings come from four sources, and every mistake is told at once."""

import pytest

from core import config
from core.errors import OperatorError


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    import os

    for name in [name for name in os.environ if name.startswith(config.PREFIX)]:
        monkeypatch.delenv(name)


def test_defaults_serve_on_loopback():
    """Without any source the product serves plain HTTP on loopback with an SQLite file."""
    settings = config.load(None, {})
    assert settings.base_url == "http://127.0.0.1:8080"
    assert settings.database.startswith("sqlite+aiosqlite:///var/")


def test_command_line_wins_over_environment_over_file(tmp_path, monkeypatch):
    """The later source wins, setting by setting."""
    toml = tmp_path / "site.toml"
    toml.write_text('port = 1\nmedia_port = 2\nsite_name = "A"\n')
    monkeypatch.setenv("YUANJIAN_PORT", "10")
    monkeypatch.setenv("YUANJIAN_MEDIA_PORT", "20")
    settings = config.load(toml, {"port": 100, "media_port": None})
    assert (settings.port, settings.media_port, settings.site_name) == (100, 20, "A")


def test_every_mistake_is_told_at_once_with_its_names(tmp_path, monkeypatch):
    """Wrong fields, an unknown one and what does not fit together stand in one error, each with its variable."""
    toml = tmp_path / "site.toml"
    toml.write_text('time_zone = "Mars/Olympus"\nunheard = 1\n')
    monkeypatch.setenv("YUANJIAN_PORT", "many")
    monkeypatch.setenv("YUANJIAN_PROT", "1")
    with pytest.raises(OperatorError) as caught:
        config.load(toml, {"host": "0.0.0.0", "tls_key": tmp_path / "absent.pem"})
    lines = str(caught.value).splitlines()[1:]
    named = [line.split(":")[0].strip() for line in lines]
    assert named == [
        "host (YUANJIAN_HOST)",
        "port (YUANJIAN_PORT)",
        "prot (YUANJIAN_PROT)",
        "time_zone (YUANJIAN_TIME_ZONE)",
        "tls_cert (YUANJIAN_TLS_CERT)",
        "tls_key (YUANJIAN_TLS_KEY)",
        "unheard (YUANJIAN_UNHEARD)",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("public_url", "meet.example.org"),
        ("public_url", "http://meet.example.org"),
        ("public_url", "javascript:alert(1)"),
        ("public_url", "https://meet.example.org/?next=/"),
        ("public_address", "not-an-address"),
        ("trusted_proxy", "proxy.local"),
        ("locale", "fr"),
        ("media_processes", 0),
        ("port", 65536),
    ],
)
def test_an_unusable_value_is_refused_by_name(name, value):
    """A value that cannot work stops the start and names its setting."""
    with pytest.raises(OperatorError, match=rf"\n  {name} \(YUANJIAN_{name.upper()}\)"):
        config.load(None, {name: value})


@pytest.mark.parametrize("secret", ["", "CHANGE-ME", "x" * 64, "0123456" * 9, "only thirty-one characters long"])
@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("turn_secret", {"turn_urls": "turns:turn.example.org"}),
        ("sms_secret", {"sms_url": "https://sms.example.org/send"}),
        (
            "verification_secret",
            {"verification_url": "https://v.example.org/", "verification_networks": "203.0.113.0/28"},
        ),
    ],
)
def test_a_weak_or_missing_secret_stops_the_start(name, beside, secret):
    """Whatever a secret is shared with; a random one is taken."""
    with pytest.raises(OperatorError, match=name):
        config.load(None, beside | {name: secret})
    assert getattr(config.load(None, beside | {name: "8f3a" * 4 + "c0de17b5e9264f0d" * 2}), name)


def test_plain_http_is_refused_off_loopback():
    """Listening on the network needs TLS or a proxy that ends it."""
    with pytest.raises(OperatorError, match="plain HTTP is refused"):
        config.load(None, {"host": "192.0.2.1"})
    assert config.load(None, {"host": "192.0.2.1", "trusted_proxy": "192.0.2.2"}).host == "192.0.2.1"


def test_a_broken_file_is_told_without_a_traceback(tmp_path):
    """A file that is not TOML, or not there, is an operator's error."""
    broken = tmp_path / "site.toml"
    broken.write_text("port = = 1")
    for path in (broken, tmp_path / "absent.toml"):
        with pytest.raises(OperatorError, match=path.name):
            config.load(path, {})


def test_addresses_are_split_from_one_line():
    """Several public addresses come as one comma-separated value."""
    settings = config.load(None, {"public_address": "192.0.2.1, 2001:db8::1"})
    assert settings.public_address == ("192.0.2.1", "2001:db8::1")


def test_directories_are_private(tmp_path):
    """Data and socket directories are closed to other users, also one that stood open before."""
    settings = config.load(None, {"data_dir": tmp_path / "data"})
    settings.data_dir.mkdir(mode=0o755)
    config.prepare(settings)
    assert {p.stat().st_mode & 0o777 for p in (settings.data_dir, settings.run_dir)} == {0o700}


def test_a_directory_that_cannot_be_made_is_an_operators_error(tmp_path):
    """A file in the way is named."""
    (tmp_path / "data").write_text("")
    with pytest.raises(OperatorError, match="data"):
        config.prepare(config.load(None, {"data_dir": tmp_path / "data"}))
