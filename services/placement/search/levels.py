"""The level of care to look for, by the first rule of the site config that fits. Pure.

The code holds no clinical criteria: only the site's rules decide, and a person may choose another level with a reason.
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
    """What is known of the patient when a level has to be recommended; None or empty where it is not known.

    `from_level`: the level of the stay that ended; `ended`: how it ended; `disposition`: the kind of discharge.
    `assessed`: the level that the latest assessment recommends; `asked`: the one that the referral asks for.
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
    """The recommended level, the reasons in words, the name of the rule, and the version of the site config
    (`policy`)."""

    level: Level
    reasons: tuple[str, ...]
    rule: str
    policy: str


def recommend(rules: tuple[LevelRule, ...], question: LevelQuestion, policy: str) -> Recommendation:
    """The level by the first of these rules that fits; `policy`: the version of the site config that they are from.

    Raises SetUpError where none fits; the last rule of a checked site config has no condition.
    """
    for rule in rules:
        level = _level(rule, question) if _fits(rule, question) else None
        if level is not None:
            return Recommendation(level, (rule.because,), rule.name, policy)
    raise SetUpError("no rule of `recommendations` fits; the last one must have no condition")


def _fits(rule: LevelRule, question: LevelQuestion) -> bool:
    """True when every condition of the rule holds; a condition on what is not known does not."""
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
    """The level that the rule recommends: a level by name, or the assessed, asked or next one; None where that is not
    known."""
    found = {"assessed": question.assessed, "asked": question.asked, "next": _next(question.from_level)}
    return found[rule.recommend] if rule.recommend in found else Level(rule.recommend)


def _next(level: Level | None) -> Level | None:
    """The next less intensive level that patients step down to; None after the last."""
    following = (one for one in Level if level and RANK[one] > RANK[level] and one.traits.a_step_down)
    return next(following, None)
