from __future__ import annotations

import pytest

from tests.hostile.arrays import CASES
from tests.hostile.case import Case
from tests.hostile.checks import check_case
from tests.hostile.house import House


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_nothing_bad_gets_through(house: House, case: Case) -> None:
    check_case(house, case)
