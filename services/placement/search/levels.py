"""The level to look for, by the site's own rules in order: the first that fits wins, and says so in words. Pure.

No instrument's criteria are in here, only what the site wrote in its config; a person may choose otherwise and say why.
"""

from __future__ import annotations

from shared.errors import SetUpError
from shared.events.episodes import HowEnded
from shared.events.levels import RANK, Level
from shared.events.open_lists import DispositionKind
from shared.site.values import LevelRule
from shared.values import value_object


@value_object
class LevelQuestion:
    """What is known when a level has to be recommended; None and empty where nothing is known.

    `from_level` is the level that ended, `ended` how (discharged, completed, discontinued), `disposition` what kind of
    discharge; `assessed` the level of the latest assessment that recommends one, `asked` the referral's.
    """

    from_level: Level | None = None
    ended: HowEnded | None = None
    disposition: DispositionKind | None = None
    labels: tuple[str, ...] = ()
    age_years: int | None = None
    assessed: Level | None = None
    asked: Level | None = None


@value_object
class Recommendation:
    """The level, why in words, the rule's name, and the version of the site's config that had it."""

    level: Level
    reasons: tuple[str, ...]
    rule: str
    policy: str


def recommend(rules: tuple[LevelRule, ...], question: LevelQuestion, policy: str) -> Recommendation:
    """The level by the first rule that fits. Raises SetUpError where none does: site config always ends in one."""
    for rule in rules:
        level = _level(rule, question) if _fits(rule, question) else None
        if level is not None:
            return Recommendation(level, (rule.because,), rule.name, policy)
    raise SetUpError("no rule of `recommendations` fits; the last one must have no condition")


def _fits(rule: LevelRule, question: LevelQuestion) -> bool:
    """Every condition that the rule has holds; what is not known does not hold."""
    told = (
        (rule.after, question.from_level),
        (rule.ended, question.ended),
        (rule.disposition, question.disposition),
    )
    return (
        all(not wanted or known in wanted for wanted, known in told)
        and (not rule.labels or bool(set(rule.labels) & set(question.labels)))
        and _fits_age(rule, question.age_years)
    )


def _fits_age(rule: LevelRule, age: int | None) -> bool:
    if rule.ages is None:
        return True
    return age is not None and rule.ages.hold(age)


def _level(rule: LevelRule, question: LevelQuestion) -> Level | None:
    """The level that the rule names, or where it is to be found; None where it is not known."""
    found = {"assessed": question.assessed, "asked": question.asked, "next": _next(question.from_level)}
    return found[rule.recommend] if rule.recommend in found else Level(rule.recommend)


def _next(level: Level | None) -> Level | None:
    """The next less intensive level that is a step down; none after the last."""
    following = (one for one in Level if level and RANK[one] > RANK[level] and one.traits.a_step_down)
    return next(following, None)
