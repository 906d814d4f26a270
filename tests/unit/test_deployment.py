"""The container files, held to the code: what they name exists, and what they promise is written in them."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.core import TyperGroup

from core.settings import Settings, load
from labelaudit.cli import app
from worker.app import QUEUES

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "docker-compose.yml").read_text()
PAGE = (ROOT / "docs" / "deployment.md").read_text()
INTERPOLATION = re.compile(r"\$(?:(\$)|\{(\w+)(?::([?-])([^}]*))?\})")
SECRETS = {
    "LABELAUDIT_API_KEY": "a" * 64,
    "POSTGRES_PASSWORD": "b" * 64,
    "REDIS_PASSWORD": "c" * 64,
    "S3_ACCESS_KEY_ID": "d" * 20,
    "S3_SECRET_ACCESS_KEY": "e" * 64,
}
SERVICE_KEYS = {
    *("build", "cap_add", "cap_drop", "command", "depends_on", "deploy", "entrypoint", "environment", "healthcheck"),
    *("image", "init", "logging", "network_mode", "networks", "ports", "profiles", "read_only", "restart"),
    *("security_opt", "shm_size", "stop_grace_period", "tmpfs", "user", "volumes"),
}
HEALTH_KEYS = {"test", "interval", "timeout", "start_period", "retries"}
CONDITIONS = {"service_healthy", "service_completed_successfully"}


class Missing(Exception):
    """Compose would refuse: a required variable is not set."""


def interpolated(text: str, given: dict[str, str]) -> str:
    """`text` as compose reads it, for the forms `$$`, `${A}`, `${A:-default}` and `${A:?message}`."""

    def value(found: re.Match[str]) -> str:
        dollar, name, sign, rest = found.groups()
        if dollar:
            return "$"
        if given.get(name):
            return given[name]
        if sign == "-":
            return str(rest)
        raise Missing(name)

    return INTERPOLATION.sub(value, text)


def read(**given: str) -> dict[str, Any]:
    """The compose file with all secrets set."""
    composed: dict[str, Any] = yaml.safe_load(interpolated(COMPOSE, SECRETS | given))
    return composed


FILE = read()
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("labelaudit:")}
LASTING = {name for name, service in SERVICES.items() if service["restart"] != "no"}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions and their arguments, continued lines joined."""
    lines = [line for line in DOCKERFILE.splitlines() if line.strip() and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(word, " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def of(word: str) -> list[str]:
    return [rest for found, rest in instructions() if found == word]


def parse(arguments: list[str]) -> None:
    """Fail unless `labelaudit ARGUMENTS` would be understood; nothing is run."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    commands = group.commands
    assert arguments[0] in commands, arguments
    commands[arguments[0]].make_context(arguments[0], list(arguments[1:]))


# The compose file


def test_the_file_has_the_shape_that_compose_knows() -> None:
    assert {key for key in FILE if not key.startswith("x-")} == {"name", "services", "networks", "volumes"}
    for name, service in SERVICES.items():
        assert set(service) <= SERVICE_KEYS, name
        assert {"image", "restart", "logging"} <= set(service), name
        assert set(service.get("healthcheck", {})) <= HEALTH_KEYS, name
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES and how["condition"] in CONDITIONS, name
        assert set(service.get("networks", [])) <= set(FILE["networks"]), name
        for mount in service.get("volumes", []):
            volume, at = mount.split(":")
            assert volume in FILE["volumes"] and at.startswith("/"), name
        for text in [*service.get("command", []), *service.get("environment", {}).values()]:
            assert isinstance(text, str), (name, text)
    assert {mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])} == set(
        FILE["volumes"]
    )


@pytest.mark.parametrize("name", SECRETS)
def test_nothing_starts_while_a_secret_is_missing(name: str) -> None:
    with pytest.raises(Missing, match=name):
        read(**{name: ""})


def test_only_the_secrets_are_required() -> None:
    assert {found[1] for found in INTERPOLATION.findall(COMPOSE) if found[2] == "?"} == set(SECRETS)


def test_no_secret_has_a_value_in_the_file() -> None:
    literal = yaml.safe_load(COMPOSE)["services"]
    for name, service in literal.items():
        for key, text in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|KEY|AUTH|TOKEN", key):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", text), (name, key)
            if password := re.search(r"://[^/@:]*:(.*)@", text):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", password[1]), (name, key)
    command = literal["redis"]["command"]
    assert re.fullmatch(r"\$\{REDIS_PASSWORD:\?[^}]+\}", command[command.index("--requirepass") + 1])


@pytest.mark.parametrize("name", OURS)
def test_our_services_are_configured_by_settings_that_exist(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = OURS[name]["environment"]
    assert {key.removeprefix("LABELAUDIT_").lower() for key in environment} <= set(Settings.model_fields)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    settings = load(host="0.0.0.0" if name == "api" else None)
    settings.refuse_if_open()
    assert (
        settings.database == f"postgresql+psycopg://labelaudit:{SECRETS['POSTGRES_PASSWORD']}@postgres:5432/labelaudit"
    )
    assert settings.broker == f"redis://:{SECRETS['REDIS_PASSWORD']}@redis:6379/0"
    assert settings.blobs.startswith("s3://labelaudit/")
    assert settings.s3_endpoint == "http://seaweedfs:8333"
    assert settings.s3_access_key_id and settings.s3_access_key_id.get_secret_value() == SECRETS["S3_ACCESS_KEY_ID"]


def test_allowed_hosts_come_from_the_administrator(monkeypatch: pytest.MonkeyPatch) -> None:
    for given, hosts in {"": (), "audit.example.org, audit": ("audit.example.org", "audit")}.items():
        service = read(LABELAUDIT_ALLOWED_HOSTS=given)["services"]["api"]
        monkeypatch.setenv("LABELAUDIT_ALLOWED_HOSTS", service["environment"]["LABELAUDIT_ALLOWED_HOSTS"])
        assert load().allowed_hosts == hosts


@pytest.mark.parametrize("name", OURS)
def test_our_services_run_commands_that_exist(name: str) -> None:
    parse(OURS[name]["command"])


def test_both_queues_are_served_without_any_profile() -> None:
    served = {
        queue
        for service in OURS.values()
        if service["command"][0] == "worker" and not service.get("profiles")
        for queue in service["command"][2].split(",")
    }
    assert served == set(QUEUES.values())


def test_a_gpu_can_take_all_audits_from_the_cpu() -> None:
    assert SERVICES["worker-audits"]["deploy"]["replicas"] == 1
    assert read(CPU_WORKERS="0")["services"]["worker-audits"]["deploy"]["replicas"] == 0
    gpu = SERVICES["worker-gpu"]
    assert gpu["profiles"] == ["gpu"] and gpu["command"] == SERVICES["worker-audits"]["command"]
    [device] = gpu["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "device_ids": ["0"], "capabilities": ["gpu"]}


def test_every_lasting_service_has_a_health_check_and_comes_back() -> None:
    assert set(SERVICES) - {"migrate", "bucket"} == LASTING
    for name in LASTING:
        assert SERVICES[name]["restart"] == "unless-stopped", name
        assert SERVICES[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL"), name


def test_one_shot_services_are_waited_for_and_lasting_ones_must_be_healthy() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert (how["condition"] == "service_healthy") == (other in LASTING), (name, other)
    for name in set(OURS) - {"migrate"}:
        assert {"migrate", "bucket"} <= set(OURS[name]["depends_on"]), name


def test_the_api_is_the_only_door_and_it_opens_on_loopback() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["api"]
    port = Settings.model_fields["port"].default
    assert SERVICES["api"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert read(PUBLISH="10.0.0.5:80")["services"]["api"]["ports"] == [f"10.0.0.5:80:{port}"]
    assert FILE["networks"]["inside"] == {"internal": True}
    for name, service in SERVICES.items():
        expected = {"api": ["inside", "outside"], "bucket": None}.get(name, ["inside"])
        assert service.get("networks") == expected, name


def test_every_service_gives_up_its_privileges() -> None:
    for name, service in SERVICES.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "cap_add" not in service or name == "seaweedfs", name
    for name, service in OURS.items():
        assert service["read_only"] is True and service["init"] is True, name
        assert service["tmpfs"] == ["/tmp"] and service["volumes"] == ["home:/data"], name


def test_a_worker_has_time_to_give_its_job_back() -> None:
    for name, service in OURS.items():
        if service["command"][0] == "worker":
            grace = float(service["stop_grace_period"].removesuffix("s"))
            assert grace >= Settings.model_fields["stop_grace_s"].default + 15, name
            assert service["shm_size"] == "1gb"


def test_redis_keeps_what_it_was_told() -> None:
    command = SERVICES["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--appendfsync"] == "everysec"
    assert options["--maxmemory-policy"] == "noeviction"
    assert SERVICES["redis"]["environment"]["REDISCLI_AUTH"] == options["--requirepass"]
    assert SERVICES["redis"]["volumes"] == ["redis:/data"]


def test_postgresql_18_keeps_its_data_in_the_volume() -> None:
    # From version 18 on the image's data lies in a folder of the version below this one.
    assert SERVICES["postgres"]["image"].startswith("postgres:18")
    assert SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]


def test_only_the_s3_door_of_seaweedfs_can_be_reached_and_its_bucket_is_ours() -> None:
    options = dict(option[1:].split("=") for option in SERVICES["seaweedfs"]["command"][1:] if "=" in option)
    assert (options["ip.bind"], options["s3.ip.bind"]) == ("127.0.0.1", "0.0.0.0")
    assert options["master.telemetry"] == "false"
    bucket = SERVICES["bucket"]
    assert bucket["image"] == SERVICES["seaweedfs"]["image"]
    assert bucket["network_mode"] == "service:seaweedfs"
    name = OURS["api"]["environment"]["LABELAUDIT_BLOBS_URL"].split("/")[2]
    assert f"s3.bucket.create -name {name}'" in bucket["command"][0] and f"grep -qw {name}" in bucket["command"][0]


def test_every_image_has_a_version() -> None:
    images = [service["image"] for service in SERVICES.values()]
    images += [rest.split()[0] for rest in of("FROM")]
    for image in images:
        name, _, tag = image.partition(":")
        assert tag and tag != "latest" and "." not in name, image
    assert [name for name, service in SERVICES.items() if "build" in service] == ["migrate"]


# The Dockerfile


def test_the_image_runs_as_one_ordinary_user() -> None:
    stages = [index for index, (word, _) in enumerate(instructions()) if word == "FROM"]
    last = instructions()[stages[-1] :]
    assert [rest for word, rest in last if word == "USER"] == ["10001:10001"]
    assert last.index(("USER", "10001:10001")) > max(i for i, (word, _) in enumerate(last) if word in ("RUN", "COPY"))
    assert "useradd --uid 10001 --gid 10001" in DOCKERFILE and "umask 077" in DOCKERFILE


def test_home_is_the_volume_and_the_entry_point_is_labelaudit() -> None:
    [home] = re.findall(r"LABELAUDIT_HOME=(\S+)", DOCKERFILE)
    assert of("VOLUME") == [home]
    assert all(service["volumes"] == [f"home:{home}"] for service in OURS.values())
    assert of("ENTRYPOINT") == ['["labelaudit"]']
    parse(yaml.safe_load(of("CMD")[0]))


def test_the_health_check_asks_the_port_that_is_served() -> None:
    port = str(Settings.model_fields["port"].default)
    assert of("EXPOSE") == [port]
    [check] = of("HEALTHCHECK")
    probe = yaml.safe_load(check.partition("CMD ")[2])
    assert SERVICES["api"]["healthcheck"]["test"] == ["CMD", *probe]
    assert f"'127.0.0.1', {port}" in probe[2] and "/readyz" in probe[2]
    compile(probe[2], "probe", "exec")


def test_every_install_is_locked_and_leaves_no_cache() -> None:
    installs = [
        part.strip() for rest in of("RUN") for part in rest.split("&&") if " install " in part and "pip" in part
    ]
    assert len(installs) == 3
    for install in installs:
        words = shlex.split(install)
        assert {"--no-cache", "--no-cache-dir"} & set(words), install
        if "-r" in words:
            assert "--require-hashes" in words, install
            lock = (ROOT / words[words.index("-r") + 1]).read_text()
            assert "--hash=sha256:" in lock and "://" not in lock
        else:
            assert {"--no-deps", "--no-build-isolation", "."} <= set(words), install


def test_no_host_is_named_and_nothing_is_fetched_past_the_lock() -> None:
    assert not of("ADD")
    assert not re.search(r"https?:|index-url|--find-links|curl|wget|apt", DOCKERFILE)
    assert "://" not in (ROOT / ".dockerignore").read_text()


def test_everything_that_is_copied_is_there_and_no_package_is_forgotten() -> None:
    sources = [source for rest in of("COPY") if not rest.startswith("--from") for source in rest.split()[:-1]]
    for source in sources:
        assert (ROOT / source).exists(), source
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {name.removesuffix("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert packages <= set(sources)
    first, *allowed = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")
    ]
    let_in = {line.removeprefix("!") for line in allowed if line.startswith("!")}
    assert first == "*"
    assert let_in == {source.split("/")[0] for source in sources}


# The page


def test_every_variable_that_is_named_is_a_setting() -> None:
    for text in (DOCKERFILE, COMPOSE, PAGE):
        named = set(re.findall(r"LABELAUDIT_([A-Z0-9_]+)", text))
        assert named and {name.lower() for name in named} <= set(Settings.model_fields)


def test_every_command_on_the_page_exists() -> None:
    named = re.findall(r"`labelaudit ([^`]+)`", PAGE) + re.findall(r"^ *docker .* labelaudit ([a-z]+.*)$", PAGE, re.M)
    assert len(named) > 5
    for command in named:
        if not command.startswith("labelaudit"):
            parse(command.split())


def test_every_service_on_the_page_exists() -> None:
    commands = re.findall(r"docker compose (\w+) ([^`\n]*)", PAGE)
    assert len(commands) > 10
    for verb, rest in commands:
        words = re.sub(r"--entrypoint \S+", "", rest).split()
        names = [word for word in words if not word.startswith("-")]
        if verb in ("exec", "run"):
            names = names[:1]
        if verb in ("exec", "run", "stop", "up"):
            for name in names:
                assert name.split("=")[0] in SERVICES, (verb, rest)


def test_the_page_makes_every_secret_and_explains_every_choice() -> None:
    assert set(re.findall(r"^ *(\w+)=\$\(openssl rand", PAGE, re.M)) == set(SECRETS)
    for choice in {found[1] for found in INTERPOLATION.findall(COMPOSE) if found[2] == "-"}:
        assert f"{choice}=" in PAGE, choice
