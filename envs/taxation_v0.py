"""# Taxation: a government and its households, year after year

A government taxes income and wealth and spends; then every household, which sees the policy of the year, decides how
much to save and how much to work; then markets clear. Households are alike but for their wealth and ability.

```python
env = pettingzoo.make("aec", "stackelberg/taxation-v0", households=100, task="social_welfare")
```

| | leader_0 (government) | population_0 (N households) |
|---|---|---|
| turn | set a policy | work and save, knowing it |
| action | 5 numbers in [.001, .99]: policy | N x 2 numbers in [.001, .99]: shares s saved, h worked |
| sees | mean wealth, income, ability of two groups | own ability and wealth; the government's action |
| payoff of a year | by `task` | c / (c + 1000 exp(10 h^3 / 3)) each, of c dollars consumed |

Policy: rate and progressivity of the income tax (tau, xi) and of the wealth tax (tau_a, xi_a), and the share of output
that the government spends. The two groups: the richest tenth, then the poorer half, both by wealth; income is that of
the year before.

**A year.** K is capital, B public debt, a wealth and e ability at its beginning; amounts are in dollars.

1. The action is cut to at most .2, .05, .2, .05 and .3. (`caps="box"` ends the box of actions there: the same policies
   without flat directions.) Of an amount x, (1 - tau) / (1 - xi) x^(1 - xi) is kept after tax.
2. Households work 365 x 24 x (2/3)^2 x h hours. L = sum e hours; output Y = A K^alpha L^(1-alpha); wage W = A
   (1-alpha) (K/L)^alpha; income y = W e hours + .04 a. `constants`: "smfrl" alpha .7445 and A 10, "taxai" 1/3 and 1.
3. Taxes on y and a are paid. Of what is kept of y a household spends the share 1-s, on c and on .065 c of consumption
   tax. If all c and the government's spending G exceed Y, every c shrinks in proportion, and the play ends.
4. a' is what was kept of a and y, less 1.065 c; B' = 1.04 B + G - taxes; K' = 1.04 (K - sum a) - G + taxes + sum a'.
5. Abilities change (economics/abilities.py): log e' = .982 log e + .2 N(0, 1). An ordinary household becomes a
   super-star with probability 2.2e-6; a super-star remains one with probability .99. Nobody starts as one.

**Tax systems**, `taxes` (economics/taxes.py). "chosen": as above. Under the others there is no tax on wealth,
and the government's action is one number, the share of output it spends, cut as above. "federal": the US federal
income tax of 2022 on y less 12,950, and the consumption tax. "saez": five brackets up to 4 million, whose rates
follow from incomes by Saez's formula before the first year and after each 100, and the consumption tax; nobody is
shown the rates. "none": a free market, with no tax, consumption included, and no spending: the government's one
number has no effect.

**Tasks.** "gdp": 100 (K' - K) / K. "gini": how much the sum of the Gini coefficients of wealth and income falls
through tax, in percent (of a and y against what is kept of them in the same year: saving has no part in it).
"social_welfare": the sum of the households' payoffs.

**Ends**, the first that holds: "not-a-number"; "overspending" (step 3); "inequality" (a Gini coefficient, of a' or y,
of 1); "negative-wealth" (some a' < 0); "no-capital" (K' <= 0: at 0 nothing can be produced, and growth has no
meaning); "horizon", after `years`. The last year pays as any other, except one that is not a number: it pays nothing.
Wealth cannot become negative: nobody keeps less than nothing of a or y after tax, and 1.065 c is at most what is kept
of y. Without negative amounts a Gini coefficient is at most 1 - 1/N. Not-a-number takes an overflow. So plays end by
overspending, by capital or by the horizon, and the other guards stay. Capital is 1.04 K + W L - sum c - G (profits
beyond 4 % interest go nowhere): it is lost by consuming and spending more than wages.

**Start.** In the year before, Y was 69,919 a head; K = .183 Y, B = 1.2129 Y. Everybody worked h = .1^(1/3) = .464
(1,807 hours), the best answer to no tax where nothing is saved. The synthetic population
(economics/households.py) is scaled in each economy so that wealth adds up to K + B, which is all there is to
own, and that production at those hours is exactly Y. Mean ability is then .66 ("taxai": 90); step 5 is taken
literally, so that it drifts to its stationary mean 1.75 over decades. With `survey`, a CSV file, wealth is the
survey's in dollars and ability is its wages, scaled as before; the difference of K + B and sum a then grows at 4 % a
year on the books between them.

**Shocks**, in `shock_year` (1 is the first). "productivity": A x .8 for three years, seen by nobody in advance.
"wealth": all wealth is halved before the government looks; K and B stay, so that the books between them gain what is
lost.

Source: Mi et al. 2025, arXiv 2403.12093; Mi et al. 2023, "TaxAI". Version history: v0.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from gymnasium.spaces import Box
from pydantic import Field

from rllib_stackelberg.economics.abilities import next_abilities
from rllib_stackelberg.economics.households import Survey, synthetic
from rllib_stackelberg.economics.inequality import gini, top_and_bottom
from rllib_stackelberg.economics.shocks import Shock, ShockName
from rllib_stackelberg.economics.taxes import CODES, SALES_TAX, TaxSystem, kept
from rllib_stackelberg.rules.pictures import Bars
from rllib_stackelberg.rules.population import RUNNING, PopulationGame, PopulationState

LEAST, MOST = 0.001, 0.99
SHOWN_AMOUNTS = np.array([1e4, 3e4, 1e5, 3e5, 1e6])
"""Dollars a year for which the tax is drawn."""

CAPS = np.array([0.2, 0.05, 0.2, 0.05, 0.3])
HOURS = 365 * 24 * (2 / 3) * (2 / 3)
INTEREST = 0.04
START_GDP = 69_919.0
START_CAPITAL = 0.183
START_DEBT = 1.2129
START_WORK = 0.1 ** (1 / 3)
TECHNOLOGIES = {"smfrl": (0.7445, 10.0), "taxai": (1 / 3, 1.0)}


UNITS = {
    "GDP per head": "$", "capital per head": "$", "debt / GDP": "", "taxes / GDP": "", "spending / GDP": "",
    "consumption per head": "$", "wage": "$/h", "hours": "h/year", "wealth per head": "$", "wealth Gini": "",
    "income Gini": "", "income Gini after tax": "",
}  # fmt: skip


@dataclass
class Economy(PopulationState):
    """Households `[B, N]` and accounts `[B]`, in dollars.

    `log_ability`: of ordinary ability; `ability`: as it counts; `star`: who is a super-star; `income`, `kept`: of the
    last year before and after tax; `work`: share of time in it; `wage`: dollars an hour of ability 1. `output`,
    `consumption`, `spending`, `income_tax`, `wealth_tax` and `taxes`, all of them, are of the last year, too. `rates`
    `[B, m]` are of the next year, of m brackets.
    """

    wealth: np.ndarray
    log_ability: np.ndarray
    ability: np.ndarray
    star: np.ndarray
    work: np.ndarray
    income: np.ndarray
    kept: np.ndarray
    capital: np.ndarray
    debt: np.ndarray
    output: np.ndarray
    consumption: np.ndarray
    spending: np.ndarray
    wage: np.ndarray
    income_tax: np.ndarray
    wealth_tax: np.ndarray
    taxes: np.ndarray
    rates: np.ndarray


class Taxation(PopulationGame):
    """A government taxes households that save and work.

    Args:
        households: how many there are.
        task: what the government wants: growth of capital (gdp), equality (gini), or the households' payoffs
            (social_welfare).
        constants: production as in the paper (smfrl), or as in its simulator (taxai).
        years: how long a play lasts at most.
        survey: CSV file of households to start from, with columns NETWORTH, WAGEINC and WGT; synthetic ones if not
            given.
        caps: whether policies above the caps are cut to them (cut), or cannot be chosen (box).
        taxes: who sets them: the government (chosen), nobody (none), US law of 2022 (federal), or Saez's formula
            (saez).
        shock: what happens in `shock_year`: nothing, three years of lower productivity, or half of all wealth is
            lost.
        shock_year: the year of the shock; the first year is 1.
    """

    source = "Mi et al. 2025, arXiv 2403.12093"
    endings = (
        "running", "not-a-number", "overspending", "inequality", "negative-wealth", "no-capital", "horizon",
    )  # fmt: skip
    leader_terms = ("income tax, rate", "income tax, slope", "wealth tax, rate", "wealth tax, slope", "spending / GDP")
    member_terms = ("share saved", "share worked")
    start_draws = 2
    draws = 2

    carries_over = ("households", "task", "years", "survey", "shock", "shock_year")

    def __init__(
        self,
        *,
        households: Annotated[int, Field(ge=1, le=1_000_000)] = 100,
        task: Literal["gdp", "gini", "social_welfare"] = "gdp",
        constants: Literal["smfrl", "taxai"] = "smfrl",
        years: Annotated[int, Field(ge=1, le=100_000)] = 300,
        survey: Path | None = None,
        caps: Literal["cut", "box"] = "cut",
        taxes: TaxSystem = "chosen",
        shock: ShockName = "none",
        shock_year: Annotated[int, Field(ge=1)] = 100,
    ):
        self.members, self.periods, self.task = households, years, task
        self.alpha, self.factor = TECHNOLOGIES[constants]
        self.shock = Shock.named(shock, shock_year)
        self.survey = None if survey is None else Survey.read(survey)
        self.units = UNITS
        self.code = CODES.get(taxes)
        self.sales = self.code.sales if self.code else SALES_TAX
        self.caps = CAPS[-1:] if self.code else CAPS
        self.leader_terms = self.leader_terms[-len(self.caps) :]
        most = self.caps if caps == "box" else np.full(len(self.caps), MOST)
        self.leader_actions = Box(np.full(len(most), LEAST), most, dtype=np.float64)
        self.member_actions = Box(LEAST, MOST, (2,), np.float64)
        self.leader_space = Box(0.0, np.inf, (6,), np.float32)
        self.member_space = Box(0.0, np.inf, (2,), np.float32)

    def start(self, uniforms):
        """The year before the first, with nothing taxed yet."""
        plays, heads = len(uniforms), self.members
        output = np.full(plays, START_GDP * heads)
        capital, debt = START_CAPITAL * output, START_DEBT * output
        wealth, ability = self.survey.draw(uniforms) if self.survey else synthetic(uniforms)
        if not self.survey:
            wealth = wealth * ((capital + debt) / wealth.sum(axis=1))[:, None]
        labour = (output / (self.factor * capital**self.alpha)) ** (1 / (1 - self.alpha))
        hours = HOURS * START_WORK
        ability = ability * (labour / (hours * ability.sum(axis=1)))[:, None]
        wage = (1 - self.alpha) * output / labour
        income = wage[:, None] * ability * hours + INTEREST * wealth
        never, nothing = np.zeros(plays, dtype=np.int64), np.zeros(plays)
        return Economy(
            period=never, ending=never.copy(), wealth=self.shock.struck(wealth, never + 1), log_ability=np.log(ability),
            ability=ability, star=np.zeros(wealth.shape, dtype=bool), work=np.full(wealth.shape, START_WORK),
            income=income, kept=income.copy(), capital=capital, debt=debt, output=output, consumption=nothing,
            spending=nothing.copy(), wage=wage, income_tax=nothing.copy(), wealth_tax=nothing.copy(),
            taxes=nothing.copy(), rates=self.code.begin(income) if self.code else np.empty((plays, 0)),
        )  # fmt: skip

    def observe_leader(self, state):
        """Richest tenth: wealth, income, ability; then the poorer half."""
        return top_and_bottom(state.wealth, (state.wealth, state.income, state.ability)).astype(np.float32)

    def observe_members(self, state):
        """Ability, wealth."""
        seen = np.empty((*state.wealth.shape, 2), dtype=np.float32)
        seen[..., 0], seen[..., 1] = state.ability, state.wealth
        return seen

    def transition(self, state, leader, members, uniforms):
        """A year: work, pay taxes, consume, save; then abilities change."""
        saving, work = members.transpose(2, 0, 1).copy()
        output, wage, amounts = self._produce(state, work)
        left, share = self._taxed(state, amounts, leader)
        spending, price = share * output, 1 + self.sales
        consumption, consumed, overspent = within((1 - saving) * left[0] / price, output - spending)
        wealth = left[0] + left[1] - price * consumption
        # Sums over households are the dearest part of a small economy: those that follow from others are not taken.
        totals, totals_left = amounts.sum(axis=2), left.sum(axis=2)
        taxes, saved = totals - totals_left, totals_left[0] + totals_left[1] - price * consumed
        revenue = taxes[0] + taxes[1] + self.sales * consumed
        log_ability, ability, star = next_abilities(state.log_ability, state.star, uniforms)
        rates = self.code.next_rates(state.rates, amounts[0], state.period + 1) if self.code else state.rates.copy()
        after = Economy(
            period=state.period, ending=state.ending.copy(),
            wealth=wealth, log_ability=log_ability, ability=ability, star=star, work=work,
            income=amounts[0], kept=left[0],
            capital=(1 + INTEREST) * (state.capital - totals[1]) - spending + revenue + saved,
            debt=(1 + INTEREST) * state.debt + spending - revenue,
            output=output, consumption=consumed, spending=spending, wage=wage,
            income_tax=taxes[0], wealth_tax=taxes[1], taxes=revenue, rates=rates,
        )  # fmt: skip
        enjoyed = consumption / 1000
        members_paid = enjoyed / (enjoyed + np.exp(10 / 3 * work * work * work))  # sigmoid(log(c / 1000) - 10 h^3 / 3)
        paid = self._end(after, overspent, self._leader_payoff(state, after, left, members_paid), members_paid)
        after.wealth = self.shock.struck(wealth, state.period + 2)
        return after, *paid

    def _produce(self, state, work):
        """Output and wage `[B]`; households' income, and their wealth beside it: `[2, B, N]`."""
        factor = self.factor * self.shock.productivity_in(state.period + 1)
        supplied = state.ability * work
        labour = HOURS * supplied.sum(axis=1)
        output = factor * state.capital**self.alpha * labour ** (1 - self.alpha)
        wage = (1 - self.alpha) * output / labour
        amounts = np.empty((2, *state.wealth.shape))
        amounts[0], amounts[1] = (HOURS * wage)[:, None] * supplied + INTEREST * state.wealth, state.wealth
        return output, wage, amounts

    def _taxed(self, state, amounts, leader):
        """What is kept of income and wealth `[2, B, N]`, and the share of output that is spent `[B]`."""
        policy = np.minimum(leader, self.caps).T
        if self.code is None:
            rates, slopes = policy[0:4:2, :, None], policy[1:4:2, :, None]
            return kept(amounts, rates, slopes), policy[4]
        left = np.stack([self.code.left(amounts[0], state.rates), amounts[1]])
        return left, policy[0] if self.code.spends else np.zeros(len(leader))

    def _leader_payoff(self, state, after, left, members_paid):
        if self.task == "gdp":
            return 100 * (after.capital - state.capital) / state.capital
        if self.task == "social_welfare":
            return members_paid.sum(axis=1)
        before = gini(state.wealth) + gini(after.income)
        fall = before - gini(left).sum(axis=0)
        return 100 * np.divide(fall, before, out=np.zeros_like(fall), where=before > 0)

    def _end(self, after, overspent, leader_paid, members_paid):
        """Say why plays end in this year, if they do; payoffs, of which those that are no numbers become 0."""
        undefined, negative = ~np.isfinite(after.capital + after.debt), after.wealth.min(axis=1) < 0
        ruined = after.capital <= 0
        if not (undefined | overspent | negative | ruined).any():
            return leader_paid, members_paid
        after.ending = np.full(len(after), RUNNING)
        # Without negative amounts no Gini coefficient is 1.
        unequal = negative & ((gini(after.wealth) >= 1) | (gini(after.income) >= 1))
        reasons = ("not-a-number", undefined), ("overspending", overspent), ("inequality", unequal)
        for name, holds in reversed((*reasons, ("negative-wealth", negative), ("no-capital", ruined))):
            after.ending[holds] = self.endings.index(name)
        return np.where(undefined, 0.0, leader_paid), np.where(undefined[:, None], 0.0, members_paid)

    def pictured(self, action):
        """What the government chooses, and what of an income or of wealth is taxed."""
        own = super().pictured(np.minimum(action, self.caps))
        if self.code is not None:
            return own
        rates = np.minimum(action, self.caps)
        names = [f"$ {amount:,.0f}" for amount in SHOWN_AMOUNTS]
        taxed = [1 - kept(SHOWN_AMOUNTS, rates[k], rates[k + 1]) / SHOWN_AMOUNTS for k in (0, 2)]
        return own + tuple(
            Bars(f"Share of {name} that is taxed in a year", dict(zip(names, shares.tolist(), strict=True)))
            for name, shares in zip(("income", "wealth"), taxed, strict=True)
        )

    def report(self, state):
        """The year's accounts."""
        heads, output = self.members, state.output
        figures = (
            output / heads, state.capital / heads, state.debt / output, state.taxes / output,
            state.spending / output, state.consumption / heads, state.wage, HOURS * state.work.mean(axis=1),
            state.wealth.mean(axis=1), gini(state.wealth), gini(state.income), gini(state.kept),
        )  # fmt: skip
        return dict(zip(self.units, figures, strict=True))


def within(wanted, limits):
    """Consumption `[B, N]` cut in proportion to what there is `[B]`; its sum, and where it was cut, `[B]` each."""
    total = wanted.sum(axis=1)
    over = total > limits
    if not over.any():
        return wanted, total, over
    consumption = wanted * np.where(over, limits / total, 1.0)[:, None]
    return consumption, consumption.sum(axis=1), over
