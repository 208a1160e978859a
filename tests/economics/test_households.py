"""Initial populations: what they look like, and which files are refused."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import spearmanr

from rllib_stackelberg import make_population
from rllib_stackelberg.economics.households import ABILITY_DEVIATION, CORRELATION, Survey, synthetic, wealth_quantile
from rllib_stackelberg.economics.inequality import gini
from rllib_stackelberg.errors import InvalidFieldError

UNIFORMS = np.random.default_rng(0).random((1, 200_000, 2))


def test_quantiles_are_lognormal_below_and_pareto_above():
    shares = np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(wealth_quantile(shares), np.exp(2 * np.array([-1.2815516, 0, 1.2815516])), rtol=1e-6)
    tail = wealth_quantile(np.array([0.9, 0.99, 0.999]))
    np.testing.assert_allclose(tail[1:] / tail[:-1], 10 ** (1 / 1.5), rtol=1e-9)


def test_shares_of_wealth_are_as_documented():
    total, top, bottom = (
        quad(lambda u: float(wealth_quantile(np.array(u))), *limits, limit=500)[0]
        for limits in ((0, 1 - 1e-12), (0.9, 1 - 1e-12), (0, 0.5))
    )
    assert top / total == pytest.approx(0.69, abs=0.005)
    assert bottom / total == pytest.approx(0.03, abs=0.002)
    above, _ = quad(lambda u: u * float(wealth_quantile(np.array(u))), 0, 1 - 1e-12, limit=500)
    assert 2 * above / total - 1 == pytest.approx(0.80, abs=0.005)  # of the Lorenz curve


def test_the_synthetic_population_is_as_documented():
    wealth, ability = synthetic(UNIFORMS)
    assert np.log(ability).std() == pytest.approx(ABILITY_DEVIATION, rel=0.01)
    assert pytest.approx(1.1212, abs=1e-4) == ABILITY_DEVIATION**2
    assert gini(ability)[0] == pytest.approx(0.546, abs=0.005)
    # Rank correlation of a Gaussian copula.
    assert spearmanr(wealth[0], ability[0])[0] == pytest.approx(6 / np.pi * np.arcsin(CORRELATION / 2), abs=0.01)


def test_a_survey_is_drawn_from_by_weight(tmp_path):
    file = tmp_path / "survey.csv"
    file.write_text("YY1,NETWORTH,WAGEINC,WGT\n1,-500,20000,1\n2,1e6,80000,3\n3,5e6,0,9\n4,7,7,0\n")
    survey = Survey.read(file)
    assert survey.wealth.tolist() == [0, 1e6]
    wealth, wage = survey.draw(np.array([[[0.0], [0.2499], [0.25], [1 - 1e-16]]]))
    assert wealth.tolist() == [[0, 0, 1e6, 1e6]]
    assert wage.tolist() == [[20000, 20000, 80000, 80000]]
    game = make_population("taxation", households=4, survey=str(file))
    state = game.start(np.random.default_rng(0).random((2, 4, 2)))
    assert set(state.wealth.ravel()) <= {0, 1e6}
    assert state.debt / state.output == pytest.approx([1.2129, 1.2129])


HEADER = "NETWORTH,WAGEINC,WGT\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "cannot read"),
        ("NETWORTH,WGT\n1,2\n", "no column WAGEINC"),
        ("", "no column NETWORTH, WAGEINC, WGT"),
        (HEADER, "no households"),
        (HEADER + "1,2\n", "line 2: WGT is None"),
        (HEADER + "1,2,3\n1,many,3\n", "line 3: WAGEINC is 'many'"),
        (HEADER + "nan,2,3\n", "line 2: NETWORTH is 'nan'"),
        (HEADER + "1,2,-3\n", "negative WGT"),
        (HEADER + "1,0,3\n-1,5,3\n", "no household with wage and wealth"),
        (b"\xff\xfe\x00", "cannot read"),
    ],
)
def test_bad_surveys_are_refused_by_name(tmp_path, text, problem):
    file = tmp_path / "survey.csv"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InvalidFieldError, match=f"survey: .*{problem}"):
        make_population("taxation", survey=str(file))
