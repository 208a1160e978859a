"""Exact values. Every `*_solve` returns a frozen `StackelbergSolution`.

`best_mechanism` returns a `DirectMechanism`: what no mechanism for a `Setting` exceeds, whatever agents do in it.
"""

from rllib_stackelberg.commitment.bayesian import bayesian_commitment_solve, polymatrix_commitment_solve
from rllib_stackelberg.commitment.bimatrix import mixed_commitment_solve, pure_commitment_solve
from rllib_stackelberg.commitment.correlated import (
    FollowersPlay,
    ResponseRange,
    correlated_commitment_solve,
    response_range,
)
from rllib_stackelberg.economics.contracts import HiddenAction, Team, contract_solve, team_solve
from rllib_stackelberg.economics.direct_mechanisms import DirectMechanism, Setting, best_mechanism, sale
from rllib_stackelberg.economics.menus import Buyer, Menu
from rllib_stackelberg.economics.optimal_menus import MenuProgramme, menu_solve
from rllib_stackelberg.economics.payments import payment_solve
from rllib_stackelberg.economics.security import Targets, security_solve
from rllib_stackelberg.economics.tolls import Network, toll_solve
from rllib_stackelberg.rules.solution import Method, PopulationSolution, StackelbergSolution
from rllib_stackelberg.solvers.coarse_correlated import (
    CoarseCorrelated,
    CoarseCorrelatedRange,
    coarse_correlated_range,
)
from rllib_stackelberg.solvers.enumeration import table_solve
from rllib_stackelberg.solvers.methods import exact_solve, methods_of, solution_or_reason, solve
from rllib_stackelberg.solvers.pure_equilibria import Equilibrium, equilibria
from rllib_stackelberg.solvers.reachable import response_solve
from rllib_stackelberg.trees.backward_induction import backward_induction_solve
from rllib_stackelberg.trees.commitment import sequence_form_solve, tree_solve
from rllib_stackelberg.trees.normal_form import normal_form_solve

__all__ = [
    "Buyer",
    "CoarseCorrelated",
    "CoarseCorrelatedRange",
    "DirectMechanism",
    "Equilibrium",
    "FollowersPlay",
    "HiddenAction",
    "Menu",
    "MenuProgramme",
    "Method",
    "Network",
    "PopulationSolution",
    "ResponseRange",
    "Setting",
    "StackelbergSolution",
    "Targets",
    "Team",
    "backward_induction_solve",
    "bayesian_commitment_solve",
    "best_mechanism",
    "coarse_correlated_range",
    "contract_solve",
    "correlated_commitment_solve",
    "equilibria",
    "exact_solve",
    "menu_solve",
    "methods_of",
    "mixed_commitment_solve",
    "normal_form_solve",
    "payment_solve",
    "polymatrix_commitment_solve",
    "pure_commitment_solve",
    "response_range",
    "response_solve",
    "sale",
    "security_solve",
    "sequence_form_solve",
    "solution_or_reason",
    "solve",
    "table_solve",
    "team_solve",
    "toll_solve",
    "tree_solve",
]
