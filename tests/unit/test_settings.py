"""Settings: defaults that work, and one clear line for a value that does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import Problem
from core.settings import Settings, load
from core.spec import Limits

KEY = "k" * 32


def test_the_defaults_are_the_embedded_service(settings: Settings, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert (settings.host, settings.on_loopback, settings.api_key) == ("127.0.0.1", True, None)
    assert settings.database == f"sqlite:///{home / 'labelaudit.db'}"
    assert settings.broker.startswith("filesystem://")
    assert settings.blobs == str(home / "blobs")
    settings.refuse_if_open()


def test_home_is_absolute_wherever_it_was_named_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load(home="data").home == tmp_path / "data"
    assert load(home="~/data").home == tmp_path / "data"
    assert load().home == tmp_path / ".labelaudit"


def test_every_setting_says_what_it_is_for() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description and field.description.endswith("."), name


def test_the_bounds_of_reading_a_dataset_are_settings_with_the_same_defaults(settings: Settings) -> None:
    assert settings.limits == Limits()
    assert load(max_pixels=10).limits.max_pixels == 10


def test_a_setting_comes_from_the_environment_and_an_argument_overrides_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELAUDIT_PORT", "9000")
    assert load().port == 9000
    assert load(port=None).port == 9000
    assert load(port=9001).port == 9001


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "many"),
        ("PORT", "70000"),
        ("BEAT_S", "0"),
        ("BEAT_S", "-1"),
        ("LOG_LEVEL", "loud"),
        ("MAX_ATTEMPTS", "0"),
        ("MAX_REJECT_FRACTION", "1.5"),
        ("API_KEY", "short"),
        ("THREADS", "-1"),
        ("PART_BYTES", str(1 << 40)),
    ],
)
def test_a_bad_value_is_one_line_that_names_the_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"LABELAUDIT_{name}", value)
    with pytest.raises(Problem) as caught:
        load()
    assert caught.value.code == "invalid-setting"
    assert caught.value.detail.startswith(f"LABELAUDIT_{name}: ")
    assert caught.value.detail.endswith(".")
    assert "\n" not in caught.value.detail
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_a_lease_that_is_shorter_than_two_beats_is_refused() -> None:
    assert load(beat_s=10, lease_s=20).lease_s == 20
    with pytest.raises(Problem, match="lease_s must be at least twice beat_s") as caught:
        load(beat_s=10, lease_s=19)
    assert caught.value.code == "invalid-setting"


def test_a_key_has_at_least_32_characters() -> None:
    assert load(api_key=KEY).api_key is not None
    with pytest.raises(Problem, match="at least 32 characters"):
        load(api_key=KEY[1:])


def test_an_empty_key_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELAUDIT_API_KEY", "")
    assert load().api_key is None


def test_a_key_is_never_shown() -> None:
    secret = "correct-horse-battery-staple-0123456789"
    assert secret not in repr(load(api_key=secret))
    with pytest.raises(Problem) as caught:
        load(api_key=secret[:20])
    assert secret[:20] not in str(caught.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "128.0.0.1"])
def test_a_service_that_others_can_reach_asks_for_a_key(host: str) -> None:
    with pytest.raises(Problem, match=f"{host} without a key.*LABELAUDIT_API_KEY") as caught:
        load(host=host).refuse_if_open()
    assert caught.value.code == "api-key-required"
    load(host=host, api_key=KEY).refuse_if_open()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1", "[::1]"])
def test_on_loopback_no_key_is_needed(host: str) -> None:
    load(host=host).refuse_if_open()


@pytest.mark.parametrize("host", ["127.0.0.1.example.org", "127.evil.example", "localhost.example.org"])
def test_a_name_that_only_looks_like_loopback_is_none(host: str) -> None:
    with pytest.raises(Problem):
        load(host=host).refuse_if_open()


@pytest.mark.parametrize(
    ("given", "hosts"),
    [("", ()), ("a.example", ("a.example",)), (" a.example , b.example,, ", ("a.example", "b.example"))],
)
def test_allowed_hosts_are_separated_by_commas(
    given: str, hosts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELAUDIT_ALLOWED_HOSTS", given)
    assert load().allowed_hosts == hosts


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_any_usual_postgresql_url_is_understood(scheme: str) -> None:
    settings = load(database_url=f"{scheme}://me:secret@host/name?sslmode=require")
    assert settings.database == "postgresql+psycopg://me:secret@host/name?sslmode=require"


def test_settings_cannot_be_changed(settings: Settings) -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1
