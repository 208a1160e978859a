"""The second rules contract, over every registered game that follows it."""

import numpy as np
import pettingzoo
import pytest
from rllib_stackelberg.envs.taxation_v0 import Taxation

from rllib_stackelberg import PopulationGame, games, make_game, make_population
from rllib_stackelberg.aec.environment import make_aec
from rllib_stackelberg.errors import InvalidFieldError, RulesError
from rllib_stackelberg.rules.population import check_population
from rllib_stackelberg.rules.registry import find_spec, load_class, make_rules
from rllib_stackelberg.testing import population_game_test
from rllib_stackelberg.testing.populations import random_moves
from tests.conftest import GAMES, POPULATIONS, view


def test_every_population_game_meets_the_contract(population):
    population_game_test(population)


def test_the_registry_is_the_test_list():
    of = {contract: {name for name, _ in listed.values()} for contract, listed in (("", GAMES), ("p", POPULATIONS))}
    for spec in games():
        assert spec.name in of["p" if issubclass(load_class(spec.entry_point), PopulationGame) else ""]


def test_optima_are_known_where_the_registry_says():
    for name, parameters in POPULATIONS.values():
        game = make_population(name, **parameters)
        known = game.optimum() is not None
        assert known == find_spec(name).exact
        state = game.start(np.full((1, game.members, game.start_draws), 0.5))
        assert known == (game.best_response(state, game.leader_actions.low[None]) is not None)


class Leaking(Taxation):
    """A household's payoff depends on the economies beside it."""

    def transition(self, state, leader, members, uniforms):
        after, paid, members_paid = super().transition(state, leader, members, uniforms)
        return after, paid, members_paid * len(state)


class Unreported(Taxation):
    def report(self, state):
        return {"GDP per head": state.output}


class Narrow(Taxation):
    def __init__(self):
        super().__init__(households=3)
        self.leader_space = type(self.leader_space)(0, 1, (6,), np.float32)


class Overworked(Taxation):
    def best_response(self, state, leader):
        return np.full((len(state), self.members, 2), 2.0)


class Unpaid(Taxation):
    def transition(self, state, leader, members, uniforms):
        after, paid, members_paid = super().transition(state, leader, members, uniforms)
        members_paid[0, 1] = np.nan
        return after, paid, members_paid


def test_the_contract_notices_what_is_broken():
    for game, problem in (
        (Leaking(households=3), "pays differently"),
        (Unreported(households=3), "different figures"),
        (Narrow(), "out of its space"),
        (Overworked(households=3), "best answers are out of range"),
    ):
        with pytest.raises(AssertionError, match=problem):
            population_game_test(game)


def test_a_payoff_that_is_not_finite_names_game_member_and_period():
    game, rng = Unpaid(households=3), np.random.default_rng(0)
    state = game.start(rng.random((1, 3, 2)))
    with pytest.raises(RulesError, match=r"Unpaid.*member 1 of population_0.*period 0"):
        game.step(state, *random_moves(game, 1, rng))


def test_actions_are_refused_by_name():
    game, rng = make_population("taxation", households=3), np.random.default_rng(0)
    state = game.start(rng.random((2, 3, 2)))
    leader, members, uniforms = random_moves(game, 2, rng)
    with pytest.raises(InvalidFieldError, match=r"action of leader_0: got .*allowed: 5 numbers in \[0.001, 0.99\]"):
        game.step(state, leader + 1, members, uniforms)
    with pytest.raises(InvalidFieldError, match="action of population_0"):
        game.step(state, leader, -members, uniforms)
    for moves, name in (
        ((leader[:1], members, uniforms), "leader actions"),
        ((leader, members[:, :2], uniforms), "member actions"),
        ((leader, members, uniforms[..., :1]), "uniforms"),
    ):
        with pytest.raises(InvalidFieldError, match=name):
            game.step(state, *moves)
    single = [np.full_like(part, 0.99).astype(np.float32) for part in (leader, members)]
    game.step(state, *single, uniforms)  # the bound as a policy in single precision returns it


def test_declarations_are_checked():
    for name, value in (
        ("members", 0), ("draws", -1), ("endings", ("running",)),
        ("leader_terms", ("tax",)), ("member_terms", ("work",)),
        ("leader_actions", Taxation().leader_space), ("member_space", Taxation().leader_space),
    ):  # fmt: skip
        game = Taxation(households=2)
        setattr(game, name, value)
        if name == "member_space":
            check_population(game)
            continue
        with pytest.raises(InvalidFieldError, match=name):
            check_population(game)


def test_contracts_are_told_apart_by_class():
    assert isinstance(make_rules("taxation"), PopulationGame)
    assert make_population("rllib_stackelberg.envs.taxation_v0:Taxation", households=2).members == 2
    with pytest.raises(InvalidFieldError, match="game: stackelberg/taxation-v0 is a population game"):
        make_game("taxation")
    with pytest.raises(InvalidFieldError, match="game: stackelberg/escape-v0 has no population"):
        make_population("escape")


def test_stepping_the_view_equals_stepping_the_rules(population):
    env = make_aec(population)
    env.reset(seed=3)
    rng = np.random.default_rng(np.random.SeedSequence(3).spawn(1)[0])  # the one generator of the view's play
    state = population.start(rng.random((1, population.members, population.start_draws)))
    moves = np.random.default_rng(0)
    while not env.terminations["leader_0"] and not env.truncations["leader_0"]:
        leader, members, _ = random_moves(population, 1, moves)
        assert env.agent_selection == "leader_0"
        np.testing.assert_array_equal(view(env, "leader_0"), population.observe_leader(state)[0])
        env.step(leader[0])
        assert env.agent_selection == "population_0"
        seen = view(env, "population_0")
        shown = len(leader[0])
        np.testing.assert_array_equal(seen[:, :-shown], population.observe_members(state)[0])
        np.testing.assert_array_equal(seen[:, -shown:], np.tile(leader.astype(np.float32), (population.members, 1)))
        env.step(members[0])
        uniforms = rng.random((1, population.members, population.draws))
        state, paid, members_paid = population.step(state, leader, members, uniforms)
        assert env.rewards == {"leader_0": paid[0], "population_0": members_paid[0].mean()}
    ending = population.endings[state.ending[0]]
    assert env.truncations["population_0"] == (ending == "horizon")
    assert env.terminations["population_0"] == (ending != "horizon")


def test_the_view_refuses_what_its_wrapper_clips(caplog):
    env = make_aec("taxation", households=2)
    env.reset(seed=0)
    with pytest.raises(InvalidFieldError, match="action of leader_0"):
        env.unwrapped.step(np.full(5, 2.0))
    env.step(np.full(5, 2.0))
    assert (view(env, "population_0")[:, -5:] == np.float32(0.99)).all()


def test_registered_with_pettingzoo():
    env = pettingzoo.make("aec", "stackelberg/taxation-v0", households=4, render_mode="ansi")
    env.reset(seed=3)
    assert env.unwrapped.followers == ("population_0",)
    env.step(env.action_space("leader_0").sample())
    env.step(env.action_space("population_0").sample())
    assert "GDP per head [$]" in env.render()
