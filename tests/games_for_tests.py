"""Small games that the tests lead: correlated types, followers that see each other, noise, broken rules."""

from dataclasses import dataclass

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, Tuple
from pettingzoo import AECEnv

from rllib_stackelberg.plays.outcomes import Profiles
from rllib_stackelberg.plays.plays import Plays, play_out
from rllib_stackelberg.plays.sample_plays import random_actions, uniform_choices
from rllib_stackelberg.rules.game import OVER, StackelbergGame, State, Turn
from rllib_stackelberg.rules.priors import NO_CHANCE, Prior
from rllib_stackelberg.rules.solution import StackelbergSolution
from rllib_stackelberg.rules.turns import Seats

CORRELATED = np.array([[0.4, 0.1], [0.1, 0.4]])


@dataclass
class TakenState(State):
    taken: np.ndarray
    moves: np.ndarray


class BayesianGame(StackelbergGame):
    """The leader picks a table, then two followers with correlated types move at once.

    `utilities[leader action, follower, t0, t1, a0, a1]`; the leader gets `leader_share` of the followers' sum.
    """

    def __init__(self, tables: int = 1, seed: int = 7, prior=CORRELATED, sequential: bool = False):
        self.utilities = np.stack([np.random.default_rng(seed + k).random((2, 2, 2, 2, 2)) for k in range(tables)])
        self.sequential = sequential
        self.turns = (
            Turn("pick", 0, Discrete(tables), "leader"),
            Turn("move", 1, Discrete(2), "learned", rows=2),
            Turn("move", 2, Discrete(2), "learned", rows=4 if sequential else 2),
        )
        self.prior = Prior.joint(prior)
        self.payoff_range = np.array([[0.0, 2.0], [0.0, 1.0], [0.0, 1.0]])
        wide = Box(0, 1, (6,), np.float32)
        self.observation_spaces = (wide, wide, wide)

    def start(self, types, chance):
        return TakenState(
            types, chance, np.zeros(len(types), dtype=np.int64), np.zeros((len(types), 3), dtype=np.int64)
        )

    def turn(self, state):
        return np.where(state.taken < 3, state.taken, OVER)

    def observe(self, state, agent):
        seen = np.zeros((len(state), 6), dtype=np.float32)
        seen[:, 0] = 1
        if agent > 0:
            seen[np.arange(len(state)), 1 + state.types[:, agent - 1]] = 1
        if agent == 2 and self.sequential:
            seen[:, 3] = np.where(state.taken >= 2, state.moves[:, 1], 0)
        return seen

    def information(self, state):
        follower = np.clip(state.taken - 1, 0, 1)
        own = state.types[np.arange(len(state)), follower]
        if self.sequential:
            own = np.where(state.taken == 2, own * 2 + state.moves[:, 1], own)
        return np.where(state.taken == 0, 0, own)

    def transition(self, state, actions):
        moves = state.moves.copy()
        live = state.taken < 3
        moves[live, state.taken[live]] = actions[live, 0].astype(np.int64)
        t, m = state.types, moves
        paid = self.utilities[m[:, 0], :, t[:, 0], t[:, 1], m[:, 1], m[:, 2]]
        payoffs = np.concatenate([paid.sum(axis=1, keepdims=True), paid], axis=1)
        return (
            TakenState(state.types, state.chance, state.taken + 1, moves),
            np.where(state.taken[:, None] == 2, payoffs, 0.0),
        )


@dataclass
class ThreatState(State):
    stage: np.ndarray
    message: np.ndarray
    heard: np.ndarray


class NoisyAllocation(StackelbergGame):
    """Simple allocation whose message is flipped with probability `noise` (two types, two messages)."""

    def __init__(self, noise: float = 0.25):
        self.turns = (
            Turn("message", 1, Discrete(2), "learned", rows=2),
            Turn("allocate", 0, Discrete(2), "leader", rows=2),
        )
        self.prior = Prior.uniform(2)
        self.chance = Prior.independent([1 - noise, noise]) if noise else NO_CHANCE
        self.payoff_range = np.array([[0.0, 1.0], [0.0, 1.0]])
        self.observation_spaces = (Box(0, 1, (3,), np.float32), Box(0, 1, (3,), np.float32))

    def start(self, types, chance):
        nobody = np.full(len(types), -1)
        return ThreatState(types, chance, np.zeros(len(types), dtype=np.int64), nobody, nobody.copy())

    def turn(self, state):
        return np.where(state.stage < 2, state.stage, OVER)

    def observe(self, state, agent):
        if agent == 0:
            return np.eye(3, dtype=np.float32)[state.heard]
        seen = np.eye(3, dtype=np.float32)[state.types[:, 0]]
        seen[:, 2] = state.stage > 0
        return seen

    def information(self, state):
        return np.where(state.stage == 1, state.heard, state.types[:, 0])

    def transition(self, state, actions):
        action = actions[:, 0].astype(np.int64)
        flipped = state.chance[:, 0] if state.chance.shape[1] else 0
        sending = state.stage == 0
        heard = np.where(sending, action ^ flipped, state.heard)
        payoff = ((state.stage == 1) & (action == state.types[:, 0])).astype(float)
        after = ThreatState(state.types, state.chance, state.stage + 1, np.where(sending, action, state.message), heard)
        return after, np.stack([payoff, payoff], axis=1)


class BrokenGame(NoisyAllocation):
    """Pays NaN when the leader allocates item 1; claims an optimum, so that training is the first to notice."""

    def optimum(self):
        return StackelbergSolution(1.0, (1.0,), ((0, 0), (1, 1)), "claimed", "none")

    def transition(self, state, actions):
        after, payoffs = super().transition(state, actions)
        bad = (state.stage == 1) & (actions[:, 0] == 1)
        return after, np.where(bad[:, None], np.nan, payoffs)


class Counting(AECEnv):
    """An AEC environment whose agents move once each, in order, and are paid what they chose; and its faults.

    Args: order: agents by turn; sees: observation space; shown: everybody sees the leader's action plus this; fails:
    step that raises (-1: reset); trigger: the leader's action that sets off faults, None for always; pays: what the
    leader gets then; forgets: pays by how often it was reset; endless: has no end; vector: two rewards
    each.
    """

    metadata = {"name": "counting", "render_modes": []}  # noqa: RUF012

    def __init__(
        self, order="abc", actions=None, sees=None, fails=None, trigger=None, pays=0, forgets=False,
        endless=False, shown=0, vector=False,
    ):  # fmt: skip
        super().__init__()
        self.order, self.fails, self.trigger, self.pays = order, fails, trigger, pays
        self.forgets, self.endless, self.shown, self.resets, self.vector = forgets, endless, shown, 0, vector
        self.possible_agents = ["a", "b", "c"]
        self.action_spaces = dict.fromkeys(self.possible_agents, actions or Discrete(2))
        self.observation_spaces = dict.fromkeys(self.possible_agents, sees or Discrete(2))

    def action_space(self, agent):
        return self.action_spaces[agent]

    def observation_space(self, agent):
        return self.observation_spaces[agent]

    def reset(self, seed=None, options=None):
        if self.fails == -1:
            raise ZeroDivisionError
        self.seed, self.steps, self.first = seed, 0, 0
        self.resets += 1
        self.agents = list(self.possible_agents)
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos = {agent: {} for agent in self.agents}
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.agent_selection = self.order[0]

    def observe(self, agent):
        space = self.observation_spaces[agent]
        return self.first if isinstance(space, Discrete) else np.full(space.shape, self.first + self.shown, space.dtype)

    def step(self, action):
        if self.terminations.get(self.agent_selection):
            self._was_dead_step(action)
            return
        self._cumulative_rewards[self.agent_selection] = 0.0
        if not self.steps:
            self.first = int(np.max(action))
        triggered = self.trigger in (None, self.first)
        if triggered and self.fails == self.steps:
            raise ZeroDivisionError
        paid = self.resets if self.forgets else np.max(action)
        self.rewards = dict.fromkeys(self.agents, 0.0) | {self.agent_selection: float(paid)}
        self.steps += 1
        if self.steps == len(self.order) and not self.endless:
            self.rewards["a"] += self.pays - self.first if triggered and self.pays else 0
            self.terminations = dict.fromkeys(self.agents, True)
        self.agent_selection = self.order[self.steps % len(self.order)]
        self._accumulate_rewards()
        if self.vector:
            self.rewards = {agent: np.array([paid, paid]) for agent, paid in self.rewards.items()}


@dataclass
class AuctionState(State):
    rule: np.ndarray
    bids: np.ndarray
    taken: np.ndarray


class Auction(StackelbergGame):
    """The leader announces one of ten auctions (first or second price, five reserves) to bidders with private values.

    Values, bids and reserves are 0, 1/4, ..., 1. The highest bid wins if it reaches the reserve; a tie splits the item.
    """

    def __init__(self, bidders: int = 3):
        self.bidders, self.grid = bidders, np.arange(5) / 4
        self.turns = (
            Turn("announce", 0, Discrete(10), "leader"),
            *(Turn("bid", i + 1, Discrete(5), "learned", rows=50, sees_leader=True) for i in range(bidders)),
        )
        self.prior = Prior.uniform(*[5] * bidders)
        self.payoff_range = np.array([[0.0, 1.0], *[[-1.0, 1.0]] * bidders])
        self.observation_spaces = (Box(0, 1, (1,), np.float32), *[Box(0, 50, (1,), np.float32)] * bidders)

    def start(self, types, chance):
        zeros = np.zeros(len(types), dtype=np.int64)
        return AuctionState(types, chance, zeros, np.zeros((len(types), self.bidders), dtype=np.int64), zeros.copy())

    def turn(self, state):
        return np.where(state.taken <= self.bidders, state.taken, OVER)

    def observe(self, state, agent):
        return self.information(state).astype(np.float32)[:, None] * (agent > 0)

    def information(self, state):
        own = np.clip(state.taken - 1, 0, self.bidders - 1)
        return np.where(state.taken > 0, 5 * state.rule + state.types[np.arange(len(state)), own], 0)

    def transition(self, state, actions):
        action, bids, live = actions[:, 0].astype(np.int64), state.bids.copy(), state.taken <= self.bidders
        rule = np.where(state.taken == 0, action, state.rule)
        bidding = np.flatnonzero(live & (state.taken > 0))
        bids[bidding, state.taken[bidding] - 1] = action[bidding]
        ranked, reserve = np.sort(bids, axis=1)[:, ::-1], rule % 5
        won = (bids == ranked[:, :1]) & (bids >= reserve[:, None])
        price = self.grid[np.where(rule < 5, ranked[:, 0], np.maximum(ranked[:, 1], reserve))]
        share = won / np.maximum(won.sum(axis=1, keepdims=True), 1)
        paid = np.concatenate(
            [(share.sum(axis=1) * price)[:, None], share * (self.grid[state.types] - price[:, None])], axis=1
        )
        payoffs = np.where((state.taken == self.bidders)[:, None], paid, 0.0)
        return AuctionState(state.types, state.chance, rule, bids, state.taken + 1), payoffs


@dataclass
class OffersState(State):
    sent: np.ndarray
    left: np.ndarray
    heard: np.ndarray


class Offers(StackelbergGame):
    """One item for the buyer who values it most (1 or 2), who tell their value or not; the leader asks one by one.

    Args:
        buyers: how many.
        form: how it asks: "both": a buyer and a price, as a `Tuple` ("dict": as a `Dict`); "choice": a buyer and one of
            two prices; "numbers": a price for every buyer, of whom the first that buys gets the item.
        masked: whether buyers who have refused cannot be chosen; else asking them again ends the play.
        seats: whether the game declares which entries are about whom; high: probability of the larger value.
    """

    PRICES = np.array([0.75, 1.75])

    def __init__(
        self, *, buyers: int = 3, form: str = "both", masked: bool = True, seats: bool = True, high: float = 0.5
    ):
        n, price = buyers, Box(0.0, 2.0, (1,), np.float64)
        self.buyers, self.form = n, form
        actions = {
            "both": Tuple((Discrete(n), price)),
            "dict": Dict(price=price, buyer=Discrete(n)),
            "choice": Discrete(2 * n),
            "numbers": Box(0.0, 2.0, (n,), np.float64),
        }[form]
        self.turns = (
            *(Turn("tell", i + 1, Discrete(2), "learned", rows=2) for i in range(n)),
            Turn("offer", 0, actions, "leader", rows=4**n, masked=masked and form != "numbers"),
        )
        self.prior = Prior.independent(*[[1 - high, high]] * n)
        self.payoff_range = np.array([[-2.0, 0.0], *[[-2.0, 2.0]] * n])
        self.observation_spaces = (Box(0, n, (2 * n + 1,), np.float32), *[Box(0, 1, (2,), np.float32)] * n)
        if seats:
            self.seats = Seats(np.stack([np.arange(n), n + np.arange(n)], axis=1))

    def start(self, types, chance):
        plays = len(types)
        left = np.ones((plays, self.buyers), dtype=bool)
        return OffersState(types, chance, np.zeros(plays, dtype=np.int64), left, np.zeros((plays, self.buyers), int))

    def turn(self, state):
        return np.where(state.left.any(axis=1), np.minimum(state.sent, self.buyers), OVER)

    def observe(self, state, agent):
        if agent == 0:
            seen = [state.heard, state.left, state.left.sum(axis=1, keepdims=True)]
            return np.concatenate(seen, axis=1).astype(np.float32)
        return np.stack([state.types[:, agent - 1], state.sent > agent - 1], axis=1).astype(np.float32)

    def information(self, state):
        own = state.types[np.arange(len(state)), np.minimum(state.sent, self.buyers - 1)]
        places = 4 ** np.arange(self.buyers)
        return np.where(state.sent < self.buyers, own, (2 * state.heard + state.left) @ places)

    def open_choices(self, state):
        return np.repeat(state.left, 2 if self.form == "choice" else 1, axis=1)

    def transition(self, state, actions):
        left, heard, plays = state.left.copy(), state.heard.copy(), np.arange(len(state))
        telling = state.sent < self.buyers
        heard[plays[telling], state.sent[telling]] = actions[telling, 0]
        asking = np.flatnonzero(~telling & left.any(axis=1))
        payoffs = np.zeros((len(state), self.buyers + 1))
        buyer, price, going_on = self._offered(left[asking], 1.0 + state.types[asking], actions[asking])
        values = 1.0 + state.types[asking]
        value = values[np.arange(len(asking)), buyer]
        bought = left[asking, buyer] & (value >= price)
        left[asking, buyer] = False
        left[asking[bought | ~going_on]] = False
        over = ~left[asking].any(axis=1)
        payoffs[asking, buyer + 1] = np.where(bought, value - price, 0.0)
        payoffs[asking, 0] = np.where(over, np.where(bought, value, 0.0) - values.max(axis=1), 0.0)
        return OffersState(state.types, state.chance, state.sent + 1, left, heard), payoffs

    def _offered(self, left, values, actions):
        """Who is offered the item, at what price, and whether the play goes on if it is refused."""
        rows = np.arange(len(left))
        if self.form == "numbers":
            buyer = (values >= actions[:, : self.buyers]).argmax(axis=1)
            return buyer, actions[rows, buyer], np.zeros(len(left), dtype=bool)
        if self.form == "choice":
            buyer, price = np.divmod(actions[:, 0].astype(np.int64), 2)
            return buyer, self.PRICES[price], left[rows, buyer]
        buyer = actions[:, 0].astype(np.int64)
        return buyer, actions[:, 1], left[rows, buyer]


def leader_table(game, seed):
    """Random answers; of a masked turn, at questions that come up in some play if they are given."""
    turn, rng = game.leader_turn, np.random.default_rng(seed)
    table = random_actions(game, np.full(turn.rows, game.leader_index), rng)[:, : turn.width]
    if turn.masked:
        answer_what_is_open(game, table, rng)
    return table


def answer_what_is_open(game, table, rng):
    """Plays all profiles, and chooses anew at each question whose answer is not open when it is first asked."""
    profiles, known = Profiles.of(game), np.zeros(len(table), dtype=bool)
    nature = np.repeat(profiles.nature, len(profiles.joint), axis=0)
    joint = np.tile(profiles.joint, (len(profiles.nature), 1))
    plays = Plays(game, len(nature))

    def leader(plays, slots):
        asked, first = np.unique(plays.question[slots], return_index=True)
        new = ~known[asked]
        table[asked[new], 0] = uniform_choices(plays.open_choices(slots[first[new]]), rng)
        known[asked] = True
        return table[plays.question[slots]]

    plays.begin(np.arange(len(nature)), nature, lambda slots, turn, rows: joint[slots, turn])
    play_out(plays, leader, lambda slots, turn, rows: joint[slots, turn])
