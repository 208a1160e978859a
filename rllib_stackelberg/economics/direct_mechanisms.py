"""The best direct mechanism of a finite setting, by the revelation principle and one linear programme.

Whatever agents may do in a mechanism, and in whichever order, an equilibrium of it is worth what a *direct* mechanism
is worth, in which they say their types and gain nothing by a lie. What such a mechanism does is a lottery over
alternatives and a payment of each agent for every profile of types, and all that is asked of it is linear in these:

- incentives "bayesian": no type gains by a lie in expectation over the others' types; "dominant": against any;
- participation "interim": every type expects to lose nothing; "ex post": no agent ever loses.

Programmes are solved in floats (HiGHS), values in a unit of their own. What is found is checked: by what it was asked
to satisfy, and by the largest value that the programme's multipliers leave possible. A doubt is said.

A best one bounds what any mechanism is worth from above (a game's own may not be able to do the same).
Myerson 1981 and 1979 (Econometrica 47: 61-73); linear programmes: e.g. Vohra 2011, Mechanism Design. With correlated
types interim participation lets the designer have all there is to gain (Cremer and McLean 1988, Econometrica 56).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from rllib_stackelberg.arrays import Index
from rllib_stackelberg.errors import BeyondLimitsError, InvalidFieldError
from rllib_stackelberg.lazy_modules import LazyModule

if TYPE_CHECKING:
    from scipy import optimize, sparse
else:
    optimize, sparse = LazyModule("scipy.optimize"), LazyModule("scipy.sparse")

Objective = Literal["welfare", "revenue"]
Incentives = Literal["bayesian", "dominant"]
Participation = Literal["interim", "ex post"]

WELFARE: dict[Objective, float] = {"welfare": 1.0, "revenue": 0.0}
"""Its weight."""

ACCURACY = 1e-8
"""Share of the largest value that a programme in floats may be off by."""

VARIABLES = 20_000
"""Most variables of a programme: a probability of each alternative and the payments, for every profile of types."""


@dataclass(frozen=True, eq=False)
class Setting:
    """Agents of finite private types, and alternatives.

    Attributes:
        prior: joint probabilities of types, an axis per agent.
        values: per agent `[types, alternatives]`, what each is worth to it; an agent that stays away gets 0.
    """

    prior: NDArray[np.float64]
    values: Sequence[NDArray[np.float64]]

    def __post_init__(self) -> None:
        wanted = [(types, self.alternatives) for types in self.prior.shape]
        if [own.shape for own in self.values] != wanted:
            raise InvalidFieldError("values", f"have shapes {[own.shape for own in self.values]}", f"shapes {wanted}")

    @property
    def alternatives(self) -> int:
        """How many there are."""
        return int(self.values[0].shape[1])

    @property
    def variables(self) -> int:
        """Of the programme."""
        return self.prior.size * (self.alternatives + len(self.values))

    @cached_property
    def numbers(self) -> Index:
        """Number of each profile of types, an axis per agent."""
        return np.arange(self.prior.size).reshape(self.prior.shape)

    def profiles(self, agent: int, own: int) -> Index:
        """Numbers of the profiles in which an agent has (or says) a type; the others' types in the same order."""
        return np.take(self.numbers, own, axis=agent).ravel()

    @cached_property
    def likelihoods(self) -> NDArray[np.float64]:
        """How likely the others' types of a profile are to the type of an agent that expects them most.

        `[agents, profiles]`; 1 where none expects them. The programme's payments are multiplied by it: a solver takes
        a small coefficient for 0, and a payment that is in no constraint has no bound.
        """
        found = []
        for agent in range(self.prior.ndim):
            own = self.prior.sum(axis=tuple(axis for axis in range(self.prior.ndim) if axis != agent), keepdims=True)
            beliefs = np.divide(self.prior, own, out=np.zeros_like(self.prior), where=own > 0)
            most = beliefs.max(axis=agent, keepdims=True)
            found.append(np.broadcast_to(np.where(most > 0, most, 1.0), self.prior.shape).ravel())
        return np.array(found)

    def utility(self, agent: int, own: int) -> sparse.csr_array:
        """An agent's payoff times likelihood, being of that type, in every profile that is *said*.

        `[profiles, variables]`.
        """
        each = sparse.eye_array(self.prior.size)
        nothing = sparse.csr_array(each.shape)
        paid = [-each if other == agent else nothing for other in range(len(self.values))]
        worth = sparse.kron(sparse.diags_array(self.likelihoods[agent]), self.values[agent][[own]])
        return sparse.csr_array(sparse.hstack([worth, *paid]))


def sale(values: Sequence[NDArray[np.float64]], prior: NDArray[np.float64], items: int = 1) -> Setting:
    """Identical items and buyers who want one each: the alternatives are the sets of at most `items` winners.

    Args:
        values: per buyer, of each type; prior: joint probabilities of types, an axis per buyer.
        items: how many are sold.

    Raises:
        InvalidFieldError: there are too many sets of winners for a programme.
    """
    sets = sum(math.comb(len(values), count) for count in range(items + 1))
    _refuse_large(prior.size * (sets + len(values)))
    winners = [set(some) for count in range(items + 1) for some in combinations(range(len(values)), count)]
    shares = [np.array([float(agent in some) for some in winners]) for agent in range(len(values))]
    return Setting(prior, [np.outer(own, share) for own, share in zip(values, shares, strict=True)])


@dataclass(frozen=True, eq=False)
class DirectMechanism:
    """What a mechanism does when types are told.

    Attributes:
        value: expected welfare (the sum of what alternatives are worth) or revenue (of payments).
        lotteries: probabilities of alternatives, `[*types, alternatives]`.
        payments: of each agent, `[agents, *types]`.
        doubt: why it is not certain to be the best one; empty if it is.
    """

    value: float
    lotteries: NDArray[np.float64]
    payments: NDArray[np.float64]
    doubt: str = ""


def best_mechanism(
    setting: Setting,
    objective: Objective = "revenue",
    incentives: Incentives = "bayesian",
    participation: Participation = "interim",
    subsidies: bool = True,
    most_paid: float = math.inf,
    welfare: float | None = None,
) -> DirectMechanism:
    """The best direct mechanism.

    Args:
        setting: types and alternatives.
        objective: what is maximised: the sum of what alternatives are worth, or of payments.
        incentives, participation: what is asked for, as above.
        subsidies: whether an agent may be paid.
        most_paid: the largest payment that an agent may be asked for.
        welfare: weight of welfare in a mixture with revenue, in place of `objective`.

    Raises:
        InvalidFieldError: the programme is too large, or no mechanism satisfies what is asked for.

    >>> value = np.array([1.0, 2.0])  # one buyer: a price of 1 sells always, one of 2 half of the time
    >>> round(best_mechanism(sale([value], np.array([0.4, 0.6]))).value, 9)
    1.2
    """
    _refuse_large(setting.variables)
    unit = max(float(np.abs(own).max()) for own in setting.values) or 1.0
    scaled = Setting(setting.prior, [own / unit for own in setting.values])
    profiles, agents, shape = setting.prior.size, len(setting.values), setting.prior.shape
    lotteries = profiles * setting.alternatives
    one = sparse.kron(sparse.eye_array(profiles), np.ones((1, setting.alternatives)))
    rows = [row for agent in range(agents) for row in _constraints(scaled, agent, incentives, participation)]
    programme = _Programme(
        gains=_objective(scaled, WELFARE[objective] if welfare is None else welfare),
        wanted=sparse.vstack(rows),
        sums=sparse.csr_array(sparse.hstack([one, sparse.csr_array((profiles, agents * profiles))])),
        lotteries=lotteries,
        subsidies=subsidies,
        most=most_paid / unit * setting.likelihoods.ravel(),
    )
    x, doubt = programme.solved()
    return DirectMechanism(
        value=float(programme.gains @ x) * unit,
        lotteries=x[:lotteries].reshape(*shape, setting.alternatives),
        payments=(x[lotteries:].reshape(agents, -1) / setting.likelihoods).reshape(agents, *shape) * unit,
        doubt=doubt,
    )


@dataclass(frozen=True, eq=False)
class _Programme:
    """Maximise gains . x with wanted @ x >= 0, sums @ x = 1, the first `lotteries` entries in [0, 1].

    The others are payments: at most `most`, at least 0 without subsidies.
    """

    gains: NDArray[np.float64]
    wanted: sparse.csr_array
    sums: sparse.csr_array
    lotteries: int
    subsidies: bool
    most: NDArray[np.float64]

    def solved(self) -> tuple[NDArray[np.float64], str]:
        """The best x, and why it is in doubt."""
        low = np.append(np.zeros(self.lotteries), np.full(len(self.most), -math.inf if self.subsidies else 0.0))
        found = optimize.linprog(
            -self.gains,
            A_ub=-self.wanted,
            b_ub=np.zeros(self.wanted.shape[0]),
            A_eq=self.sums,
            b_eq=np.ones(self.sums.shape[0]),
            bounds=np.stack([low, np.append(np.ones(self.lotteries), self.most)], axis=1),
            method="highs",
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        if found.x is None:
            raise InvalidFieldError("setting", f"has no such mechanism ({found.message})", "weaker conditions")
        return found.x, self._doubt(found.x, -found.ineqlin.marginals, -found.eqlin.marginals)

    def _doubt(self, x: NDArray[np.float64], of_wanted: NDArray[np.float64], of_sums: NDArray[np.float64]) -> str:
        """Whether x satisfies what is wanted, and multipliers leave nothing more to gain."""
        broken = max(0.0, float(-(self.wanted @ x).min()), float(np.abs(self.sums @ x - 1).max()))
        broken = max(broken, float(-x[: self.lotteries].min()), float((x[self.lotteries :] - self.most).max()))
        if broken > ACCURACY:
            return f"a condition is broken by {broken:.2g} of the largest value"
        of_wanted = np.maximum(of_wanted, 0.0)
        rest = self.gains + self.wanted.T @ of_wanted - self.sums.T @ of_sums
        bound = float(of_sums.sum() + np.maximum(rest[: self.lotteries], 0).sum())
        # What a payment still gains at its largest is in the bound; where there is no largest, it may gain nothing.
        unpaid, limited = rest[self.lotteries :], np.isfinite(self.most)
        bound += float((np.maximum(unpaid, 0) * np.where(limited, self.most, 0.0)).sum())
        unpaid = np.where(limited, np.minimum(unpaid, 0.0), unpaid)
        unpaid = np.abs(unpaid) if self.subsidies else np.maximum(unpaid, 0)
        if unpaid.max(initial=0.0) > ACCURACY or bound > self.gains @ x + ACCURACY:
            return "the programme's multipliers do not show that no mechanism is better"
        return ""


def _refuse_large(variables: int) -> None:
    if variables > VARIABLES:
        problem = f"needs a programme of {variables:,} variables"
        raise BeyondLimitsError("setting", problem, f"up to {VARIABLES:,}: fewer agents, types or alternatives")


def _objective(setting: Setting, welfare: float) -> NDArray[np.float64]:
    """What every variable adds to a mixture of welfare, of that weight, and revenue."""
    types = np.indices(setting.prior.shape).reshape(len(setting.values), -1)
    worth = np.sum([own[types[agent]] for agent, own in enumerate(setting.values)], axis=0)
    paid = (setting.prior.ravel() / setting.likelihoods).ravel()
    return np.concatenate([welfare * (setting.prior.reshape(-1, 1) * worth).ravel(), (1 - welfare) * paid])


def _constraints(
    setting: Setting, agent: int, incentives: Incentives, participation: Participation
) -> Iterator[sparse.csr_array]:
    """Rows that must be at least 0: what truth gains an agent over a lie, and over staying away."""
    for own in range(setting.prior.shape[agent]):
        utility, told = setting.utility(agent, own), setting.profiles(agent, own)
        # Divided by the type's probability: what is rare is as exact as what is not.
        chances = setting.prior.ravel()[told]
        expected = sparse.csr_array(chances[None] / (chances.sum() or 1.0) / setting.likelihoods[agent, told])
        truth = utility[told]
        yield expected @ truth if participation == "interim" else truth
        for lie in range(setting.prior.shape[agent]):
            if lie != own:
                gain = truth - utility[setting.profiles(agent, lie)]
                yield expected @ gain if incentives == "bayesian" else gain
