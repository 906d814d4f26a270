"""One house for all cases of a test process."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator

import pytest

from tests.api.conftest import running, settings_for
from tests.hostile.house import House

SQLITE_ALONE = "HOSTILE_ON_SQLITE"  # set where starting a PostgreSQL would take longer than the cases


@pytest.fixture(scope="session")
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    root = tmp_path_factory.mktemp("house")
    for folder in ("home", "tmp", "around/inner"):
        (root / folder).mkdir(parents=True)
    (root / "around" / "canary.txt").write_text("stays as it is")
    if os.environ.get(SQLITE_ALONE):
        url = f"sqlite:///{shutil.copy(request.getfixturevalue('migrated_sqlite'), root / 'home' / 'labelaudit.db')}"
    else:
        server, template = request.getfixturevalue("postgres_server"), request.getfixturevalue("migrated_postgres")
        token = request.getfixturevalue("run_token")
        url = server.create_database(f"la_{token}_{secrets.token_hex(4)}", template)
    with running(settings_for(root / "home", url, part_bytes=1 << 20)) as service, House(service, root) as house:
        yield house
    if not os.environ.get(SQLITE_ALONE):
        server.drop_database(url)
