"""What is loaded late: games are told to PettingZoo whichever is imported first, and loops are made when first used."""

import copy
import gc
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import numpy as np
import pytest

from rllib_stackelberg.compilation import has_kept, kept, njit
from rllib_stackelberg.followers.simplex import softmax
from rllib_stackelberg.lazy_modules import loading

ROOT = Path(__file__).parent.parent

ORDERS = {
    "ours first": "import rllib_stackelberg, pettingzoo",
    "theirs first": "import pettingzoo, rllib_stackelberg",
    "a part of theirs": "import rllib_stackelberg; from pettingzoo.utils import env; import pettingzoo",
    "looked for, not loaded": (
        "import rllib_stackelberg, importlib.util; importlib.util.find_spec('pettingzoo'); import pettingzoo"
    ),
    "a game of one's own in between": (
        "import rllib_stackelberg; rllib_stackelberg.register_game('own', 'rllib_stackelberg.envs.bimatrix_v0:"
        "NamedBimatrix', parameters={'named': 'escape'}); import pettingzoo"
    ),
}


@pytest.mark.parametrize("order", ORDERS)
def test_pettingzoo_knows_the_games_whichever_is_imported_first(order):
    code = f"""
import sys
{ORDERS[order]}
late = "rllib_stackelberg.envs.bimatrix_v0:NamedBimatrix"
rllib_stackelberg.register_game("late", late, parameters=dict(named="escape"))
for kind in ("aec", "parallel"):
    for spec in rllib_stackelberg.games():
        assert pettingzoo.spec(kind, spec.id).kwargs == dict(game=spec.id)
pettingzoo.make("aec", "stackelberg/late-v0").reset()
assert not [finder for finder in sys.meta_path if type(finder).__module__.startswith("rllib_stackelberg")]
assert pettingzoo.__spec__.loader.get_source("pettingzoo")
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("looks", [True, False])
def test_no_garbage_is_looked_for_while_modules_are_loaded_and_what_is_there_stays(looks, request):
    request.addfinalizer(gc.enable)
    request.addfinalizer(gc.unfreeze)
    (gc.enable if looks else gc.disable)()
    kept = []
    before = gc.get_freeze_count()
    with loading():
        assert not gc.isenabled()
        kept += [[k] for k in range(1000)]
    assert gc.isenabled() == looks
    assert gc.get_freeze_count() >= before + len(kept)


@njit(error_model="numpy")
def _halved(x):
    return x / 2.0


@kept
def _sum_of(function, values):
    total = 0.0
    for k in range(len(values)):
        total += function(values[k])
    return total


def test_a_function_is_made_late_and_the_same_whoever_asks():
    calls = []

    @njit
    def twice(x):
        return 2 * x

    make = twice._make
    twice._make = lambda: calls.append(1) or make()
    assert not calls
    assert twice.__name__ == "twice"
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: id(twice.made), range(64)))
    assert len(made) == 1
    assert twice(4) == 8
    assert numba.typeof(twice).dispatcher is twice.made


def test_a_function_can_be_handed_over_copied_and_sent():
    assert _sum_of(_halved, np.arange(5.0)) == 5
    assert has_kept(_sum_of, _halved, np.arange(5.0))
    assert not has_kept(_sum_of, _halved, np.zeros((1, 1)))
    assert copy.deepcopy(_halved) is _halved
    assert pickle.loads(pickle.dumps(softmax)) is softmax
    assert _halved.targetoptions["error_model"] == "numpy"
    with pytest.raises(AttributeError, match="nothing"):
        _ = _halved.nothing
