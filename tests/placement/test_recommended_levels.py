"""The site's rules recommend a level, the first that fits, with its reason; a policy without a last word is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from services.placement.search.levels import LevelQuestion, recommend
from shared.events.levels import Level
from shared.site.config import SAMPLE, load
from shared.site.marked_yaml import ConfigError
from shared.site.values import LevelRule

SITE = load(SAMPLE)
HOME = LevelQuestion(from_level=Level.INPATIENT, ended="discharged", disposition="home", labels=("PSY",))


@pytest.mark.parametrize(
    ("question", "level", "rule"),
    [
        (HOME, "php", "after-inpatient"),
        (replace(HOME, labels=("PART2", "SUD")), "residential", "recovery-after-inpatient"),
        (replace(HOME, assessed=Level.IOP), "iop", "as-assessed"),
        (replace(HOME, assessed=Level.IOP, asked=Level.PHP), "iop", "as-assessed"),
        (replace(HOME, asked=Level.RESIDENTIAL), "residential", "as-asked"),
        (LevelQuestion(from_level=Level.RESIDENTIAL, ended="discharged"), "php", "one-step-down"),
        (LevelQuestion(from_level=Level.PHP, ended="completed", labels=("SUD",)), "iop", "one-step-down"),
        (LevelQuestion(from_level=Level.IOP, ended="completed"), "outpatient", "one-step-down"),
        (LevelQuestion(labels=("SUD",)), "iop", "recovery-from-outside"),
        (LevelQuestion(), "outpatient", "anybody"),
        (LevelQuestion(from_level=Level.OUTPATIENT, ended="completed"), "outpatient", "anybody"),
    ],
)
def test_the_sample_site_recommends(question: LevelQuestion, level: str, rule: str) -> None:
    found = recommend(SITE.recommendations, question, SITE.version)
    assert (found.level, found.rule, found.policy) == (level, rule, SITE.version)
    assert found.reasons == tuple(one.because for one in SITE.recommendations if one.name == rule)


LAST = LevelRule(name="last", recommend=Level.OUTPATIENT, because="nothing else")


@pytest.mark.parametrize(
    ("conditions", "question", "fits"),
    [
        ({"after": ["php"]}, LevelQuestion(from_level=Level.PHP), True),
        ({"after": ["php"]}, LevelQuestion(from_level=Level.IOP), False),
        ({"after": ["php"]}, LevelQuestion(), False),
        ({"ended": ["completed"]}, LevelQuestion(ended="completed"), True),
        ({"ended": ["completed"]}, LevelQuestion(ended="discontinued"), False),
        ({"disposition": ["against-advice"]}, replace(HOME, disposition="against-advice"), True),
        ({"disposition": ["against-advice"]}, HOME, False),
        ({"labels": ["SUD", "PSY"]}, HOME, True),
        ({"labels": ["SUD"]}, HOME, False),
        ({"ages": {"from": 13, "to": 17}}, replace(HOME, age_years=17), True),
        ({"ages": {"from": 13, "to": 17}}, replace(HOME, age_years=18), False),
        ({"ages": {"from": 13, "to": 17}}, HOME, False),
        ({"after": ["inpatient"], "labels": ["SUD"]}, HOME, False),
        ({"recommend": "next"}, LevelQuestion(from_level=Level.OUTPATIENT), False),
        ({"recommend": "next"}, LevelQuestion(), False),
        ({"recommend": "assessed"}, HOME, False),
    ],
)
def test_a_rule_fits_where_all_its_conditions_hold(
    conditions: dict[str, object], question: LevelQuestion, fits: bool
) -> None:
    rule = LevelRule.model_validate({"name": "first", "recommend": "iop", "because": "so", **conditions})
    assert (recommend((rule, LAST), question, "v").rule == "first") is fits


def test_a_policy_that_may_leave_somebody_without_a_level_is_refused_at_start(tmp_path: Path) -> None:
    for part in SAMPLE.glob("*.yml"):
        text = part.read_text()
        (tmp_path / part.name).write_text(text.split("  - name: anybody")[0] if part.name == "levels.yml" else text)
    with pytest.raises(ConfigError, match=r"levels\.yml:\d+.*the last rule must have no condition"):
        load(tmp_path)
