"""The estimate people see before they pay."""

import math

import pytest

from evolink_ui.catalog import KLING_V3_MOTION_CONTROL, billed_seconds, usd_for

credits_for = KLING_V3_MOTION_CONTROL.credits_for


@pytest.mark.parametrize(("seconds", "billed"), [(3.0, 3), (3.49, 3), (3.5, 4), (4.5, 5), (9.98, 10), (30.02, 30)])
def test_output_is_billed_by_the_nearest_second_with_halves_going_up(seconds: float, billed: int) -> None:
    assert billed_seconds(seconds) == billed


@pytest.mark.parametrize("nonsense", [0.0, -3.0, math.nan, math.inf])
def test_a_length_that_makes_no_sense_costs_nothing_instead_of_failing(nonsense: float) -> None:
    assert credits_for(nonsense, "720p") == 0


def test_five_seconds_cost_what_the_price_list_says() -> None:
    assert credits_for(5, "720p") == pytest.approx(40.824)
    assert credits_for(5, "1080p") == pytest.approx(54.42)
    assert usd_for(credits_for(5, "720p")) == pytest.approx(0.60, abs=0.005)
    assert usd_for(credits_for(5, "1080p")) == pytest.approx(0.80, abs=0.005)


def test_an_unknown_quality_has_no_price() -> None:
    with pytest.raises(ValueError, match="720p or 1080p"):
        credits_for(5, "4k")
