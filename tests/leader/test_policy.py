from itertools import pairwise

import numpy as np
import pytest

from rllib_stackelberg import load_policy, make_game
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.leader.policy import LeaderNetwork
from rllib_stackelberg.networks import DESCRIPTION, TENSORS
from rllib_stackelberg.runs.folder import RunFolder


def network(sizes, discrete, seed=0):
    rng = np.random.default_rng(seed)
    layers = tuple(
        (rng.normal(size=(wide_out, wide_in)).astype(np.float32), rng.normal(size=wide_out).astype(np.float32))
        for wide_in, wide_out in pairwise(sizes)
    )
    return LeaderNetwork(layers, discrete)


def test_a_saved_network_acts_the_same(tmp_path):
    made = network([4, 8, 3], discrete=True)
    made.save(tmp_path)
    seen = np.random.default_rng(1).random((10, 4)).astype(np.float32)
    np.testing.assert_array_equal(LeaderNetwork.load(tmp_path).outputs(seen), made.outputs(seen))
    assert sorted(path.name for path in tmp_path.iterdir()) == [DESCRIPTION, TENSORS]


def test_outputs_are_stretched_to_the_games_box_and_clipped():
    game = make_game("matrix-design")
    layers = ((np.zeros((2, 4), np.float32), np.array([0.25, 1.5], np.float32)),)
    act = LeaderNetwork(layers, discrete=False).acting_in(game)
    np.testing.assert_allclose(act(np.zeros((1, 4), np.float32)), [[2.5, 10.0]])


def test_load_policy_is_a_function_of_the_observation(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write("config", {"game": "escape", "params": {}, "settings": {}, "seed": 0})
    layers = ((np.zeros((3, 2), np.float32), np.array([0, 2, 1], np.float32)),)
    LeaderNetwork(layers, discrete=True).save(tmp_path)
    assert load_policy(tmp_path)(np.array([1, 0])) == 1


@pytest.mark.parametrize("damage", ["truncate", "missing", "pickle"])
def test_what_is_no_policy_is_refused(tmp_path, damage):
    network([2, 3], discrete=True).save(tmp_path)
    tensors = tmp_path / TENSORS
    if damage == "truncate":
        tensors.write_bytes(tensors.read_bytes()[:20])
    elif damage == "missing":
        tensors.unlink()
    else:
        tensors.write_bytes(b"cos\nsystem\n(S'touch /tmp/canary'\ntR.")
    with pytest.raises(InvalidFieldError, match="policy"):
        LeaderNetwork.load(tmp_path)
