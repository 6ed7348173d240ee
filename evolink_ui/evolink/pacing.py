"""When to look at a running task next. Pure arithmetic: no clock, no chance, no I/O."""

import math

LOOK_COST_SECONDS = 0.0953
DEFAULT_ESTIMATE_SECONDS = 180.0
SPREAD = 0.35


def wait_seconds(elapsed: float, estimate: float | None, floor: float) -> float:
    estimate = min(max(estimate or DEFAULT_ESTIMATE_SECONDS, 5.0), 3600.0)
    reach = math.sqrt(2.0 * LOOK_COST_SECONDS)
    at, area = elapsed, 0.0
    step = max(floor / 4, estimate / 200)
    while area < reach and at - elapsed < 0.5 * estimate:
        z = math.log(max(at + step / 2, 1e-9) / estimate) / SPREAD
        survive = 0.5 * math.erfc(z / math.sqrt(2))
        dens = math.exp(-z * z / 2) / math.sqrt(2 * math.pi) / (SPREAD * (at + step / 2))
        h = dens / survive if survive > 1e-12 else z / (SPREAD * (at + step / 2))
        area += math.sqrt(h) * step
        at += step
    return max(floor, at - elapsed)
