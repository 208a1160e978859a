"""A population's leader as an ordinary RLlib leader."""

import numpy as np
import pytest

from rllib_stackelberg import leader_config
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.populations.leader_env import PopulationLeaderEnv
from rllib_stackelberg.populations.play import logged
from rllib_stackelberg.populations.policy import BoxActor, PopulationPolicy
from rllib_stackelberg.rules.registry import make_population
from rllib_stackelberg.training.populations.ppo_leader import leader_of, members_policy
from rllib_stackelberg.training.running.ray_sessions import ray_session, torch_threads
from tests.populations_for_tests import Levy


def actor(seen, space, actions, rng):
    layers = tuple(
        (rng.normal(size=(b, a)).astype(np.float32), np.zeros(b, dtype=np.float32))
        for a, b in ((seen, 8), (8, actions.shape[0]))
    )
    width = space.shape[0]
    return BoxActor(layers, np.full(width, 0.6), np.full(width, 0.2), logged(space), actions.low, actions.high)


def policy(game, seed=0):
    rng = np.random.default_rng(seed)
    leader = actor(1, game.leader_space, game.leader_actions, rng)
    return PopulationPolicy(leader, actor(2, game.member_space, game.member_actions, rng))


def test_policies_survive_their_files(tmp_path):
    game, saved = Levy(), policy(Levy())
    saved.save(tmp_path)
    state = game.start(np.random.default_rng(0).random((3, game.members, 1)))
    for one, other in zip(saved.play(game, state), PopulationPolicy.load(tmp_path).play(game, state), strict=True):
        assert np.array_equal(one, other)
    with pytest.raises(InvalidFieldError, match="run"):
        PopulationPolicy.load(tmp_path / "nowhere")


def test_members_see_the_leader_unless_told_otherwise():
    game = Levy()
    seen = np.full((1, game.members, 1), 0.5)
    for sees in (True, False):
        made = policy(game)
        layers = made.members.layers if sees else made.leader.layers
        members = BoxActor(layers, made.members.mean, made.members.deviation, made.members.logged, *bounds(game))
        made = PopulationPolicy(made.leader, members, sees)
        low, high = (made.follow(seen, np.full((1, 1), action)) for action in (0.0, 1.0))
        assert (low != high).all() == sees


def test_every_env_runner_plays_plays_of_its_own():
    """RLlib makes all environments alike, and then says which runner each is on."""
    environments = [PopulationLeaderEnv(Levy(), policy(Levy()), num_envs=2, run=3) for _ in range(3)]
    for env, worker in zip(environments, (0, 1, 1), strict=True):
        env.place(worker)
    first, second, again = (env.reset()[0] for env in environments)
    assert (second == again).all()
    assert (first != second).all()


def bounds(game):
    return game.member_actions.low, game.member_actions.high


def test_the_environment_pays_what_the_rules_pay():
    game, made = Levy(periods=3), policy(Levy())
    env = PopulationLeaderEnv(game, made, num_envs=4)
    seen, _ = env.reset()
    assert seen in env.observation_space
    state, raw = env._plays.state.take(np.arange(4)), np.linspace(-1, 1, 4, dtype=np.float32)[:, None]
    leader = 0.5 + 0.5 * np.tanh(raw.astype(np.float64))
    members = made.follow(game.observe_members(state), leader)
    *_, paid, _ = game.step(state, leader, members, np.zeros((4, game.members, 1)))
    _, rewards, *_ = env.step(raw)
    assert np.allclose(rewards * env.scale, paid)


@pytest.mark.parametrize(("fails_at", "terminated"), [(0, False), (2, True)])
def test_plays_end_and_begin_anew(fails_at, terminated):
    periods = fails_at or 3
    env = PopulationLeaderEnv(Levy(periods=3, fails_at=fails_at), policy(Levy()), num_envs=2)
    env.reset()
    raw = np.zeros((2, 1), dtype=np.float32)
    for _ in range(2):
        for period in range(periods):
            _, _, over, cut, _ = env.step(raw)
            assert over.any() == (terminated and period == periods - 1)
            assert cut.any() == (not terminated and period == periods - 1)
        _, rewards, over, cut, _ = env.step(raw)  # the step that begins anew
        assert not np.concatenate([rewards, over, cut]).any()


def test_what_cannot_work_is_refused_by_name(tmp_path):
    for kwargs, field in (
        ({"game": Levy}, "members"),
        ({"game": Levy, "members": tmp_path}, "run"),
        ({"game": "taxation", "members": policy(Levy())}, "members"),
        ({"game": "escape", "members": policy(Levy())}, "members"),
        ({"game": Levy, "members": policy(Levy()), "followers": "mw"}, "followers"),
        ({"game": Levy, "members": policy(Levy()), "algorithm": "SAC"}, "algorithm"),
    ):
        with pytest.raises(InvalidFieldError) as refused:
            leader_config(**kwargs)
        assert refused.value.field == field


@pytest.mark.ray
@pytest.mark.usefixtures("ray_local")
@pytest.mark.parametrize("algorithm", ["PPO", pytest.param("IMPALA", marks=pytest.mark.remote)])  # 17 to 34 seconds
def test_algorithms_lead(algorithm):
    with ray_session(), torch_threads():
        algo = leader_config(algorithm, game=Levy, members=policy(Levy())).build_algo()
        result = algo.train()
        assert np.isfinite(result["env_runners"]["episode_return_mean"])
        leader = leader_of(algo, policy(Levy()))
        assert leader.act(leader.features(np.full((2, 1), 0.5))).shape == (2, 1)
        algo.stop()


def test_members_of_another_tax_code_are_refused_before_anything_starts(tmp_path):
    """Their shapes are the same: what they have learned is not."""
    federal = make_population("taxation", households=4, taxes="federal")
    seen, own = federal.leader_space.shape[0], federal.member_space.shape[0]
    rng = np.random.default_rng(0)
    made = PopulationPolicy(
        actor(seen, federal.leader_space, federal.leader_actions, rng),
        actor(own + 1, federal.member_space, federal.member_actions, rng),
    )
    made.save(tmp_path, federal)
    params = {"households": 9, "taxes": "federal"}
    assert members_policy(tmp_path, make_population("taxation", **params, shock="wealth")).played.id == federal.id
    others = (({"taxes": "saez"}, "taxes=federal, not saez"), ({"constants": "taxai"}, "constants=smfrl, not taxai"))
    for changes, problem in others:
        with pytest.raises(InvalidFieldError, match=problem) as refused:
            members_policy(tmp_path, make_population("taxation", **params | changes))
        assert refused.value.field == "members"
    with pytest.raises(InvalidFieldError, match="play another game: stackelberg/taxation-v0, not"):
        members_policy(tmp_path, Levy())
    made.save(tmp_path)
    with pytest.raises(InvalidFieldError, match="does not say which game it is of"):
        leader_config(game="taxation", game_config=params, members=tmp_path)
