"""The engine over the sample against answers that plain loops give, written from the rules of the language (see `reference`)."""

from pathlib import Path

import pytest

from reference import questions  # noqa: F401: they register themselves
from reference.question import ALL, asked, difference
from reference.world import completejourney

SAMPLE = Path(__file__).resolve().parents[2] / "demo" / "completejourney" / "tiny"


@pytest.fixture(scope="session")
def world():
    return completejourney(SAMPLE)


@pytest.mark.parametrize("question", ALL, ids=lambda q: q.name)
def test_reference(question, world, sample):
    problem = difference(question.answer(world), asked(sample.http, question), question.ordered)
    assert problem is None, f"{problem}\n{question.eql}"
