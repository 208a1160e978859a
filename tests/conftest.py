import gc
import inspect
import os
import sys
from functools import cache

import pytest
from typer import testing

os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
# Processes that test side by side share the cores: none of them computes with several threads.
os.environ.update({"OMP_NUM_THREADS": "1"} if "PYTEST_XDIST_WORKER" in os.environ else {})

from rllib_stackelberg import make_game, make_population
from rllib_stackelberg.aec.spaces import seen
from rllib_stackelberg.plays.outcomes import TABLE_LIMIT, Profiles
from tests.games_for_tests import BayesianGame, NoisyAllocation


def callers(context=0):
    """As `inspect.stack`, without source text."""
    found, frame = [], sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        found.append(inspect.FrameInfo(frame, code.co_filename, frame.f_lineno, code.co_name, None, None))
        frame = frame.f_back
    return found


def pytest_configure(config):
    """Files are handed out in the order below; pytest-xdist would begin with those of most tests, not the longest.

    No garbage is looked for while modules are loaded: there is none. And RLlib, which looks who has made each of an
    algorithm's ten connectors, is given frames without the source text around them: reading that takes as long as a
    small training, because pytest stands far below. The application of the command line is made once, not for a call.
    """
    config.option.loadscopereorder = False
    if not config.getoption("numprocesses", None):  # which hands tests out and loads none
        gc.disable()
    inspect.stack = callers
    testing._get_command = cache(testing._get_command)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Files of a whole suite are handed out as tests/distribution.py says."""
    from tests.distribution import SuiteScheduling

    return SuiteScheduling(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items):
    """Files that train come first: they take longest, and processes that test side by side are to end together."""
    trains = {item.path for item in items if item.get_closest_marker("ray")}
    items.sort(key=lambda item: item.path not in trains)


def pytest_collection_finish():
    """Modules are not looked through for garbage over and over: with Ray and torch it takes 7 % of a test's time."""
    gc.freeze()
    gc.enable()


def pytest_unconfigure():
    """Nor is it looked for at the end, which takes a second with Ray and torch: all ends with the process."""
    gc.freeze()


MATRICES = {"leader": [[2, 4], [1, 3]], "follower": [[1, 0], [0, 1]]}
THREE_PLAYERS = [[[[3, 2, 1], [0, 0, 4]], [[0, 0, 0], [1, 3, 2]]], [[[1, 1, 0], [2, 5, 1]], [[2, 3, 5], [0, 1, 3]]]]

# Every registered game must appear here or below (test_playthroughs checks it); variants follow their game.
GAMES = {
    "bimatrix": ("bimatrix", MATRICES),
    "random-bimatrix": ("random-bimatrix", {}),
    "bimatrix-sees-leader": ("bimatrix", MATRICES | {"sees_leader": True}),
    "escape": ("escape", {}),
    "escape-mixed": ("escape", {"mixed": True}),
    "maintain": ("maintain", {}),
    "maintain-mixed": ("maintain", {"mixed": True}),
    "conitzer": ("conitzer", {}),
    "conitzer-mixed": ("conitzer", {"mixed": True}),
    "bayesian-bimatrix": ("bayesian-bimatrix", {"rows": 2}),
    "bayesian-bimatrix-2-followers": ("bayesian-bimatrix", {"followers": 2, "columns": 2, "mixed": False}),
    "normal-form": ("normal-form", {"payoffs": THREE_PLAYERS, "leads": 3}),
    "random-normal-form": ("random-normal-form", {"family": "minimum-effort", "actions": 2, "mixed": True}),
    "matrix-design": ("matrix-design", {}),
    "simple-allocation": ("simple-allocation", {}),
    "simple-allocation-8-5": ("simple-allocation", {"types": 8, "messages": 5}),
    "simple-allocation-1-1": ("simple-allocation", {"types": 1, "messages": 1}),
    "message-spm": ("message-spm", {}),
    "message-spm-choice": ("message-spm", {"buyers": 3, "types": 2, "leader": "choice"}),
    "message-spm-scores": ("message-spm", {"types": 2, "leader": "scores"}),
    "message-spm-3-buyers-2-items": ("message-spm", {"buyers": 3, "items": 2, "objective": "revenue"}),
    "message-spm-grid": ("message-spm", {"types": 4, "price_grid": 4}),
    "message-spm-noisy": ("message-spm", {"noise": 0.1, "types": 2}),
    "message-spm-erasure": ("message-spm", {"noise": 0.2, "channel": "erasure", "types": 2, "price_grid": 3}),
    "message-spm-correlated": ("message-spm", {"values": [[0, 1], [0.2, 0.6]], "prior": [[0.4, 0.1], [0.1, 0.4]]}),
    "message-spm-anonymous": ("message-spm", {"anonymous": True, "buyers": 4, "leader": "choice"}),
    "message-spm-anonymous-2-items": (
        "message-spm",
        {"anonymous": True, "buyers": 4, "items": 2, "objective": "revenue"},
    ),
    "message-spm-anonymous-erasure": (
        "message-spm",
        {"anonymous": True, "buyers": 3, "noise": 0.3, "channel": "erasure", "types": 2, "price_grid": 3},
    ),
    "message-spm-pi": ("message-spm-pi", {}),
    "bayesian": ("bayesian", {}),
    "bayesian-3-followers": (
        "bayesian",
        {"followers": 3, "tables": 2, "seed": 1, "correlated": True, "objective": "own"},
    ),
    "iterated-bimatrix": ("iterated-bimatrix", {}),
    "iterated-bimatrix-round": ("iterated-bimatrix", {"follower_sees": "round", "rounds": 3}),
    "interview": ("interview", {}),
    "interview-6-3": ("interview", {"types": 6, "messages": 3, "early": 0.5}),
    "platform-pricing": ("platform-pricing", {}),
    "pricing": ("pricing", {}),
    "pricing-3-sellers": ("pricing", {"sellers": 3, "levels": 3, "costs": [1, 0.9, 0.8], "objective": "welfare"}),
    "newsvendor": ("newsvendor", {}),
    "security": ("security", {"targets": 5, "resources": 2, "types": 3, "seed": 2, "prior": [0.2, 0.3, 0.5]}),
    "menu": ("menu", {"types": 20, "entries": 3}),
    "menu-unit-demand": ("menu", {"demand": "unit", "values": [[1, 2, 0], [2, 1, 3]], "prior": [0.3, 0.7]}),
    "contract": ("contract", {"seed": 3, "types": 3, "actions": 4, "outcomes": 5, "prior": [0.5, 0.3, 0.2]}),
    "team-contract": ("team-contract", {}),
    "auction": ("auction", {"bidders": 2, "values": [0.2, 0.6, 1.0], "chooses": ["reserve", "second_price", "fee"]}),
    "auction-correlated": (
        "auction",
        {"values": [[1, 2], [1, 3]], "prior": [[0.4, 0.1], [0.1, 0.4]], "chooses": ["all_pay"], "welfare": 0.25},
    ),
    "auction-table": ("auction-table", {"values": 2}),
    "posted-prices": ("posted-prices", {"buyers": 3, "items": 2, "quantiles": 10}),
    "posted-prices-chosen": (
        "posted-prices",
        {"values": [[[[1, 2], [3, 1]], [[1, 2], [3, 1]], [[2, 0]]]], "order": "chosen", "prices": "fee"},
    ),
    "posted-prices-subset": ("posted-prices", {"buyers": 2, "items": 2, "demand": "subset", "quantiles": 4}),
    "posted-prices-kitchen-sink": ("posted-prices", {"setting": "kitchen-sink"}),
    "congestion": ("congestion", {"network": "braess", "drivers": 3}),
    "newsvendor-riskless": ("newsvendor", {"sigma": 0.5, "retailer": "riskless", "price_cap": 8, "levels": 8}),
    "extensive": ("extensive", {"catalogue": "journals/geb/bagwell1995", "mixed": True}),
    "openspiel": ("openspiel", {"name": "tiny_hanabi"}),
    "openspiel-three-players": ("openspiel", {"name": "matching_pennies_3p", "leads": 3}),
    "kuhn-poker": ("kuhn-poker", {}),
    "kuhn-poker-mixed": ("kuhn-poker", {"mixed": True}),
    "kuhn-poker-second": ("kuhn-poker", {"leads": 2}),
    # The entrant leads: where the incumbent does, some plays end without a question, and then it depends on how the
    # leader is asked in which order payoffs are added up: to the bit that is not the same.
    "entry-deterrence": ("entry-deterrence", {"leads": 2}),
    "bagwell": ("bagwell", {}),
    "bagwell-mixed": ("bagwell", {"mixed": True}),
    "centipede": ("centipede", {}),
    "centipede-second": ("centipede", {"leads": "second", "mixed": True}),
}

VARIANTS = {label for label, (name, _) in GAMES.items() if label != name}
"""Second instances of a game."""

# The same for games with a population.
POPULATIONS = {
    "taxation": ("taxation", {"households": 5, "years": 3}),
    "taxation-gini-taxai": ("taxation", {"households": 4, "years": 4, "task": "gini", "constants": "taxai"}),
    "taxation-welfare-wealth-shock": (
        "taxation",
        {"households": 3, "years": 4, "task": "social_welfare", "shock": "wealth", "shock_year": 2, "caps": "box"},
    ),
    "taxation-productivity-shock": (
        "taxation",
        {"households": 1, "years": 4, "shock": "productivity", "shock_year": 1},
    ),
    "taxation-free-market": ("taxation", {"households": 3, "years": 3, "taxes": "none"}),
    "taxation-federal": ("taxation", {"households": 4, "years": 3, "taxes": "federal", "caps": "box"}),
    "taxation-saez": ("taxation", {"households": 6, "years": 3, "taxes": "saez"}),
    "labour-supply": ("labour-supply", {"households": 5}),
    "labour-supply-output": ("labour-supply", {"households": 4, "task": "output", "cap": 0.05, "budget": 0}),
    "public-investment": ("public-investment", {"households": 4, "periods": 3}),
    "output-tax": ("output-tax", {"households": 4, "periods": 4, "public": 0.5}),
    "carbon": ("carbon", {"households": 4, "periods": 4}),
}


@pytest.fixture(params=sorted(POPULATIONS))
def population(request):
    name, parameters = POPULATIONS[request.param]
    return make_population(name, **parameters)


@pytest.fixture(params=sorted(GAMES))
def game(request):
    name, parameters = GAMES[request.param]
    return make_game(name, **parameters)


OWN = {
    "test:bayesian": lambda: BayesianGame(tables=2),
    "test:sequential": lambda: BayesianGame(tables=2, sequential=True),
    "test:noisy": NoisyAllocation,
}


def game_called(label):
    """A registered game or one of the tests' own."""
    if label in OWN:
        return OWN[label]()
    name, parameters = GAMES[label]
    return make_game(name, **parameters)


def view(env, agent):
    """What an agent sees in a PettingZoo environment, without the mask of its actions."""
    return seen(env.observation_space(agent), env.observe(agent))


EVERY_GAME = [*sorted(GAMES), *OWN]


@pytest.fixture(params=EVERY_GAME)
def any_game(request):
    """Registered games and the tests' own."""
    return game_called(request.param)


def tabulated(label):
    """Whether a game's outcomes, a few thousand at most, stand in a table."""
    return Profiles.count(game_called(label)) <= TABLE_LIMIT


@cache
def one_shot_games():
    """Labels of those in which nobody follows twice in a play, and whose outcomes are few; this makes all games."""
    return [label for label in EVERY_GAME if game_called(label).one_shot and tabulated(label)]


@pytest.fixture
def no_page(monkeypatch):
    """Runs leave no page, which takes as long as a small training; for tests that do not read it."""
    monkeypatch.setattr("rllib_stackelberg.training.running.reporting.write_page", lambda run: None)


@pytest.fixture
def drawn_once():
    """Figures of pages drawn at one width and shown at both; for tests of a page's words."""
    from tests.reports.drawing import drawing_once

    with drawing_once():
        yield


@pytest.fixture(scope="session")
def ray_local():
    """One Ray for all tests of a process: starting one takes seconds, and so does every run that finds none."""
    import ray

    from rllib_stackelberg.training.running.ray_sessions import IDLE, LEAN, environment

    with environment(LEAN | IDLE):  # most tests train in their own process: no other is needed
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    assert ray.is_initialized(), "a test ended the Ray of all"
    ray.shutdown()
