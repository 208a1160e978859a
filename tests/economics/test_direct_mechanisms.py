"""The best direct mechanism, against another library and what theory says."""

from itertools import pairwise, product

import mechaudit
import numpy as np
import pytest

from rllib_stackelberg.economics.optimal_auctions import best_revenue
from rllib_stackelberg.solvers import Setting, best_mechanism, sale

FORMS = list(product(["revenue", "welfare"], ["bayesian", "dominant"], ["interim", "ex post"], [True, False]))
SIZES = [(2, 2), (3, 2), (3, 3), (4,), (2, 2, 2)]


def drawn(rng):
    """Correlated types and whole values, the first alternative worth nothing to anybody."""
    types, alternatives = SIZES[rng.integers(len(SIZES))], int(rng.integers(2, 4))
    values = [rng.integers(-3, 8, (count, alternatives)).astype(float) for count in types]
    prior = rng.dirichlet(np.ones(int(np.prod(types)))).reshape(types)
    return Setting(prior, [np.concatenate([np.zeros((len(own), 1)), own], axis=1) for own in values])


def by_mechaudit(setting, objective, incentives, participation, subsidies):
    """Independent: the same setting, described to another library."""
    agents = {str(agent): [str(own) for own in range(count)] for agent, count in enumerate(setting.prior.shape)}
    chances = {tuple(map(str, types)): float(chance) for types, chance in np.ndenumerate(setting.prior)}
    environment = mechaudit.FiniteEnvironment(
        agents=agents,
        outcomes=[str(each) for each in range(setting.alternatives)],
        prior=chances if len(agents) > 1 else {own: chance for (own,), chance in chances.items()},
        values=mechaudit.PrivateValues(
            lambda agent, own, outcome: float(setting.values[int(agent)][int(own), int(outcome)])
        ),
    )
    asked = [
        mechaudit.DSIC() if incentives == "dominant" else mechaudit.BIC(),
        mechaudit.ExPostIR() if participation == "ex post" else mechaudit.InterimIR(),
        *([] if subsidies else [mechaudit.NoSubsidies()]),
    ]
    wanted = mechaudit.ExpectedRevenue() if objective == "revenue" else mechaudit.ExpectedSocialWelfare()
    return environment.design(objective=wanted, requirements=tuple(asked)).solve().objective_value


def campaign(settings, seed):
    """Every form of every setting: how far off at most."""
    rng, off = np.random.default_rng(seed), 0.0
    for _ in range(settings):
        setting = drawn(rng)
        for form in FORMS:
            found = best_mechanism(setting, *form)
            assert not found.doubt
            off = max(off, abs(found.value - by_mechaudit(setting, *form)))
    return off


def test_another_library_finds_the_same_value():
    assert campaign(3, 20) <= 1e-8


@pytest.mark.learning
def test_another_library_finds_the_same_value_in_two_hundred_settings():
    off = campaign(200, 1979)
    print(f"200 settings in 16 forms each: off by at most {off:.2g}")
    assert off <= 1e-6


def test_more_is_asked_for_less():
    """Dominant strategies imply Bayesian ones, ex-post participation the interim one; revenue is at most welfare."""
    rng = np.random.default_rng(4)
    for _ in range(5):
        setting = drawn(rng)
        for objective in ("revenue", "welfare"):
            loose = best_mechanism(setting, objective, "bayesian", "interim").value
            middle = [
                best_mechanism(setting, objective, *form).value
                for form in (("bayesian", "ex post"), ("dominant", "interim"))
            ]
            strict = best_mechanism(setting, objective, "dominant", "ex post").value
            assert loose >= max(middle) - 1e-9
            assert min(middle) >= strict - 1e-9
        assert best_mechanism(setting, "revenue").value <= best_mechanism(setting, "welfare").value + 1e-9


def test_three_uniform_bidders_on_a_grid():
    """Myerson 1981 on 8 equally likely values: virtual values 2 v - (largest + step), by hand."""
    values = np.arange(1, 9) / 8
    virtual = 2 * values - values[-1]
    expected = sum(max(0, virtual[max(types)]) for types in product(range(8), repeat=2)) / 64
    found = best_mechanism(sale([values] * 2, np.full((8, 8), 1 / 64)), "revenue", "dominant", "ex post")
    assert found.value == pytest.approx(expected, abs=1e-9)
    assert best_revenue([values] * 2, [np.full(8, 1 / 8)] * 2) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_values_of_any_unit(unit):
    setting = drawn(np.random.default_rng(9))
    scaled = Setting(setting.prior, [own * unit for own in setting.values])
    for form in FORMS[::5]:
        found = best_mechanism(scaled, *form)
        assert not found.doubt
        assert found.value / unit == pytest.approx(best_mechanism(setting, *form).value, rel=1e-8, abs=1e-9)


def test_the_public_good_by_hand():
    """A bridge costs 3, two agents value it at 1 or 2 each: welfare asks for it at (2, 2) alone, Clarke pays for it."""
    values = [np.array([[0.0, own - 1.5] for own in (1.0, 2.0)])] * 2
    found = best_mechanism(Setting(np.full((2, 2), 1 / 4), values), "welfare", "dominant", "ex post")
    assert found.value == pytest.approx(1 / 4, abs=1e-9)
    built = found.lotteries[..., 1]
    assert built[1, 1] == pytest.approx(1, abs=1e-9)
    assert all(one <= other + 1e-9 for row in built for one, other in pairwise(row))
