from __future__ import annotations

import pytest

from tests.hostile.case import GOOD, Case, Ready, zip_of
from tests.hostile.checks import check_case, check_dataset
from tests.hostile.house import House
from tests.hostile.zips import CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_nothing_bad_gets_through(house: House, case: Case) -> None:
    check_case(house, case)


def test_a_good_upload_is_read_after_all_of_them(house: House) -> None:
    made = house.upload(zip_of(GOOD)).json()["id"]
    house.ingest(made)
    check_dataset(house, made, Ready(), b"")
    house.nothing_is_left(made)
