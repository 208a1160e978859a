"""What is wrong with a game is found, by name: each fault that people make, made on purpose."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, Turn
from rllib_stackelberg.rules.priors import Prior
from rllib_stackelberg.testing import inspection
from rllib_stackelberg.testing.conformance import inspect, refuse_faulty
from tests.populations_for_tests import Levy


@dataclass
class SaleState(State):
    price: np.ndarray
    over: np.ndarray


class Sale(StackelbergGame):
    """A seller posts one of three prices; a buyer of one of four values sees it and buys or not. No faults."""

    rows = 12

    def __init__(self):
        self.turns = (Turn("post", 0, Discrete(3), "leader"), Turn("buy", 1, Discrete(2), "learned", rows=self.rows))
        self.prior = Prior.uniform(4)
        self.payoff_range = np.array([[0.0, 2.0], [-2.0, 3.0]])
        self.observation_spaces = (Box(0, 1, (1,), np.float32), Box(-1, 3, (2,), np.float32))

    def start(self, types, chance):
        return SaleState(types, chance, np.full(len(types), -1), np.zeros(len(types), dtype=bool))

    def turn(self, state):
        return np.where(state.over, OVER, (state.price >= 0).astype(int))

    def observe(self, state, agent):
        shown = [state.types[:, 0], state.price] if agent else [state.price >= 0]
        return np.stack(shown, axis=1).astype(np.float32)

    def information(self, state):
        return np.where(state.price >= 0, state.price * 4 + state.types[:, 0], 0)

    def transition(self, state, actions):
        choice = actions[:, 0].astype(int)
        sold = (state.price >= 0) & ~state.over & (choice == 1)
        payoffs = np.where(sold[:, None], np.stack([state.price, state.types[:, 0] - state.price], axis=1), 0.0)
        price = np.where(state.price < 0, choice, state.price)
        return replace(state, price=price, over=state.over | (state.price >= 0)), payoffs


class TypesOnly(Sale):
    rows = 4

    def information(self, state):
        return np.where(state.price >= 0, state.types[:, 0], 0)


class Ignores(TypesOnly):
    """The buyer sees the price, and takes all prices for the same, on purpose."""

    def __init__(self):
        super().__init__()
        self.turns = (self.turns[0], replace(self.turns[1], coarse=True))


class FewRows(Sale):
    rows = 4


class Unseen(Sale):
    def observe(self, state, agent):
        return super().observe(state, agent) * (1 - agent)


class Overpays(Sale):
    def transition(self, state, actions):
        after, payoffs = super().transition(state, actions)
        return after, payoffs * 2


class Endless(Sale):
    def turn(self, state):
        return (state.price >= 0).astype(int)


class OnePlay(Sale):
    def transition(self, state, actions):
        return super().transition(state, np.repeat(actions[:1], len(actions), axis=0))


class OneKey(Sale):
    def information(self, state):
        return np.full(len(state), super().information(state)[0])


class InPlace(Sale):
    def transition(self, state, actions):
        after, payoffs = super().transition(state, actions)
        state.price[:] = after.price
        return after, payoffs


class Random(Sale):
    def transition(self, state, actions):
        after, payoffs = super().transition(state, actions)
        return after, payoffs * np.random.default_rng().random()


class Raises(Sale):
    def transition(self, state, actions):
        return np.array([1, 2])[int(state.price.max()) + 3], None


class NotANumber(Sale):
    def transition(self, state, actions):
        after, payoffs = super().transition(state, actions)
        return after, payoffs / (payoffs != 0)


class Flat(Sale):
    def transition(self, state, actions):
        after, payoffs = super().transition(state, actions)
        return after, payoffs[:, 0]


class FloatTurns(Sale):
    def turn(self, state):
        return super().turn(state).astype(float)


class NoSuchTurn(Sale):
    def turn(self, state):
        return np.where(state.over, 7, super().turn(state))


class WideView(Sale):
    def observe(self, state, agent):
        return np.concatenate([super().observe(state, agent)] * 2, axis=1)


class OutsideView(Sale):
    def observe(self, state, agent):
        return super().observe(state, agent) * 4


class PaysAfterwards(Sale):
    """Some buyers never come."""

    def transition(self, state, actions):
        after, payoffs = super().transition(state, actions)
        after = replace(after, over=after.over | (state.types[:, 0] == 0))
        return after, np.where(state.over[:, None], 1.0, payoffs)


class StaysLonger(Sale):
    """Half of the buyers are asked twice."""

    def transition(self, state, actions):
        after, payoffs = super().transition(state, actions)
        again = (state.price >= 0) & (state.types[:, 0] > 1) & (actions[:, 0] == 0) & (state.price == 0)
        return replace(after, over=after.over & ~again, price=np.where(again, 1, after.price)), payoffs


class SaysAtOnce(Sale):
    simultaneous = True


class OddOrder(Sale):
    """The buyer first."""

    simultaneous = True

    def turn(self, state):
        return np.where(state.over, OVER, (state.price < 0).astype(int))


class NoDataclass(State):
    def __init__(self, types, chance, extra=None):
        super().__init__(types, chance)
        self.extra = extra


class Undeclared(Sale):
    def start(self, types, chance):
        return NoDataclass(types, chance, np.zeros(len(types)))


FAULTS = {
    TypesOnly: ("information", "of follower_0 at turn 'buy' stands for two different observations"),
    FewRows: ("information", "of follower_0 at turn 'buy' is not in 0..3"),
    Unseen: ("information", "of follower_0 at turn 'buy' stand for one observation, (0, 0)"),
    Overpays: ("payoff_range", "a play pays follower_0 6, above its [-2, 3]"),
    Endless: ("turn", "no end"),
    OnePlay: ("transition", "a play on its own pays otherwise"),
    OneKey: ("information", "stands for two different observations"),
    InPlace: ("transition", "changes `price` of the state"),
    Random: ("transition", "pays differently when it is called again"),
    Raises: ("transition", "raises IndexError"),
    NotANumber: ("transition", "nan"),
    Flat: ("transition", "payoffs of shape"),
    FloatTurns: ("turn", "float64"),
    NoSuchTurn: ("turn", "returns 7"),
    WideView: ("observe", "shape"),
    OutsideView: ("observe", "follower_0 sees"),
    PaysAfterwards: ("transition", "over still pays"),
    StaysLonger: ("turns", "follower_0 takes turn 'buy' 2 times"),
    SaysAtOnce: ("simultaneous", "follower_0 sees what others do"),
    OddOrder: ("simultaneous", "not leader_0 alone moves at place 0"),
    Undeclared: ("start", "`extra`, which is no field"),
}


def test_a_game_without_fault_has_no_findings():
    seen = inspect(Sale())
    assert seen.findings == ()
    assert (seen.steps, seen.keys) == (2, (1, 12))
    assert seen.paid.tolist() == [[0, 2], [-2, 3]]


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("cls", FAULTS, ids=lambda cls: cls.__name__)
def test_a_fault_is_found_by_name(cls, monkeypatch):
    monkeypatch.setattr(inspection, "MOST_STEPS", 1_000)
    about, problem = FAULTS[cls]
    found = inspect(cls()).findings
    assert any(fault.about == about and problem in fault.problem for fault in found), found
    assert all(fault.remedy for fault in found)


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("cls", FAULTS, ids=lambda cls: cls.__name__)
def test_a_few_plays_are_enough_to_refuse_it(cls, monkeypatch):
    monkeypatch.setattr(inspection, "MOST_STEPS", 1_000)
    with pytest.raises(InvalidFieldError):
        refuse_faulty(cls())
    refuse_faulty(Sale())


def test_why_two_observations_need_two_keys_is_said():
    (found,) = inspect(TypesOnly()).findings
    assert "begins anew against every leader strategy" in found.remedy


def test_a_learner_may_take_different_things_for_the_same_if_it_says_so():
    assert inspect(Ignores()).findings == ()


def test_where_in_the_games_own_file_it_went_wrong_is_said():
    (found,) = inspect(Raises()).findings
    assert "(test_conformance.py, line" in found.problem
    assert "in transition)" in found.problem


class Incomplete(Sale):
    def __init__(self):
        super().__init__()
        del self.prior


DECLARED = {
    "turns": [
        (Turn("post", 0, Discrete(3, start=1), "leader"),),
        (Turn("post", 0, Box(0, np.inf, (1,)), "leader"),),
        (Turn("post", 2, Discrete(3), "leader"),),
        (Turn("post", 0, Discrete(3), "learned"),),
        (Turn("post", 0, Discrete(3), "leader", rows=0),),
        (Turn("post", 0, Discrete(3), "leader"), Turn("buy", 1, Discrete(2), "learner")),
        ("post",),
        (Turn("post", 0, Discrete(3), "leader", coarse=True),),
    ],
    "payoff_range": [np.array([[0.0, 2.0], [3.0, -2.0]]), [[0, 1], [2]], [[0, 1], [-1e308, 1e308]]],
    "prior": [[0.5, 0.5]],
    "observation_spaces": [(Discrete(2), Discrete(2))],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in DECLARED.items() for value in values])
def test_declarations_that_cannot_be_are_refused(name, value):
    game = Sale()
    setattr(game, name, value)
    assert [found.about for found in inspect(game).findings] == [name]


def test_a_declaration_that_is_missing_is_named():
    assert [found.about for found in inspect(Incomplete()).findings] == ["prior"]


def test_a_game_that_declares_nothing_is_refused_by_name():
    class Bare(Sale):
        def __init__(self):
            pass

    assert [found.about for found in inspect(Bare()).findings] == ["turns"]


class Loud(Levy):
    """Shows what is out of its space."""

    def observe_leader(self, state):
        return super().observe_leader(state) + 1


def test_a_population_game_of_ones_own_is_tried_too():
    refuse_faulty(Levy())
    with pytest.raises(InvalidFieldError, match="what the leader sees is out of its space"):
        refuse_faulty(Loud())
