"""Either side of a population as an ordinary problem of RLlib's."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from rllib_stackelberg import leader_config
from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.populations.evaluation import evaluate_population
from rllib_stackelberg.populations.play import PopulationPlays, logged
from rllib_stackelberg.populations.policy import BoxActor, PopulationPolicy
from rllib_stackelberg.populations.side_env import PopulationLeaderEnv, PopulationMembersEnv
from rllib_stackelberg.rules.held import configured
from rllib_stackelberg.rules.registry import make_population
from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.streams import Purpose, Streams
from rllib_stackelberg.training.populations.side_configs import members_policy, side_config
from rllib_stackelberg.training.populations.turns import first_policy
from rllib_stackelberg.training.populations.upkeep import actor_of
from rllib_stackelberg.training.running.ray_sessions import ray_session, torch_threads
from rllib_stackelberg.training.tuning import report_values
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
    environments = [PopulationLeaderEnv(Levy(), policy(Levy()), plays=2, run=3) for _ in range(3)]
    for env, worker in zip(environments, (0, 1, 1), strict=True):
        env.place(worker)
    first, second, again = (env.reset()[0] for env in environments)
    assert (second == again).all()
    assert (first != second).all()


def bounds(game):
    return game.member_actions.low, game.member_actions.high


def test_the_environment_pays_what_the_rules_pay():
    game, made = Levy(periods=3), policy(Levy())
    env = PopulationLeaderEnv(game, made, plays=4)
    seen, _ = env.reset()
    assert seen in env.observation_space
    state, raw = env._plays.state.take(np.arange(4)), np.linspace(-1, 1, 4, dtype=np.float32)[:, None]
    leader = 0.5 + 0.5 * np.tanh(raw.astype(np.float64))
    members = made.follow(game.observe_members(state), leader)
    *_, paid, _ = game.step(state, leader, members, np.zeros((4, game.members, 1)))
    _, rewards, *_ = env.step(raw)
    assert np.allclose(rewards * env.scale, paid)


@pytest.mark.parametrize("sees", [True, False])
def test_those_who_learn_see_and_are_paid_as_members_and_the_rest_follow_the_policy(sees):
    game, made = Levy(periods=3), policy(Levy())
    layers = made.members.layers if sees else made.leader.layers
    made = replace(made, members=replace(made.members, layers=layers), sees_leader=sees)
    env = PopulationMembersEnv(game, made, plays=4, seats=5)
    seen, _ = env.reset()
    assert seen in env.observation_space
    state, raw = env._plays.state.take(np.arange(4)), np.linspace(-1, 1, 20, dtype=np.float32)[:, None]
    leader = made.lead(game.observe_leader(state))
    members = made.follow(game.observe_members(state), leader)
    np.testing.assert_allclose(made.members.act(seen).reshape(4, 5, 1), members[:, :5], rtol=1e-5)
    members[:, :5] = (0.5 + 0.5 * np.tanh(raw.astype(np.float64))).reshape(4, 5, 1)
    *_, paid = game.step(state, leader, members, np.zeros((4, game.members, 1)))
    _, rewards, *_ = env.step(raw)
    np.testing.assert_allclose(rewards.reshape(4, 5) * env.scale, paid[:, :5])
    other = policy(game, seed=1)
    env.respond(replace(other, sees_leader=sees, members=replace(other.members, layers=layers)))
    assert np.array_equal(env.policy.leader.layers[0][0], other.leader.layers[0][0])


@pytest.mark.parametrize(("fails_at", "terminated"), [(0, False), (2, True)])
@pytest.mark.parametrize(("kind", "given"), [(PopulationLeaderEnv, {}), (PopulationMembersEnv, {"seats": 3})])
def test_plays_end_and_begin_anew(kind, given, fails_at, terminated):
    periods = fails_at or 3
    env = kind(Levy(periods=3, fails_at=fails_at), policy(Levy()), plays=2, **given)
    env.reset()
    raw = np.zeros((env.num_envs, 1), dtype=np.float32)
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
@pytest.mark.parametrize(
    ("algorithm", "side"),
    [
        ("PPO", "leader"),
        *(
            pytest.param(*each, marks=pytest.mark.remote)
            for each in product(("PPO", "APPO", "IMPALA"), ("leader", "members"))
            if each != ("PPO", "leader")
        ),
    ],
)
def test_algorithms_train_either_side(algorithm, side):
    """An update changes the actor, and nothing else of its policy."""
    made = policy(Levy())
    if side == "leader":
        config = report_values(leader_config(algorithm, game=Levy, members=made), plays=4)
    else:
        config = report_values(side_config(algorithm, side, configured(Levy, {}, Levy()), made, Levy(), 0), plays=4)
    config.env_runners(num_envs_per_env_runner=8)
    config.training(train_batch_size_per_learner=80, num_epochs=1)
    if algorithm == "PPO":
        config.training(minibatch_size=40)
    with ray_session(), torch_threads():
        algo = config.build_algo()
        before = actor_of(algo, made, side)
        result = algo.train()
        after = actor_of(algo, made, side)
        algo.stop()
    assert np.isfinite(result["env_runners"]["episode_return_mean"])
    assert not np.array_equal(after.layers[0][0], before.layers[0][0])
    assert np.array_equal(after.mean, made.of_side(side).mean)
    found = evaluate_population(Levy(), made.with_side(side, after), 0, Purpose.SELECTION, 4)
    assert result["leader"]["value"] == pytest.approx(found.leader.mean())
    assert result["leader"]["members_value"] == pytest.approx(found.members.mean())


@pytest.mark.learning
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("ray_local")
@pytest.mark.parametrize("algorithm", ["PPO", "APPO"])
def test_households_find_the_best_answer_that_is_known(algorithm):
    """To a government that does as it began; they are 36 % off before. They explore, which moves the mean."""
    options = PopulationOptions.checked(game="labour-supply", params={"households": 20}, max_iterations=1)
    game = options.rules
    with ray_session(), torch_threads():
        made = first_policy(options)
        algo = side_config(algorithm, "members", options.entries, made, game, 0).build_algo()
        for _ in range(6):
            algo.train()
        made = made.with_side("members", actor_of(algo, made, "members"))
        algo.stop()
    state = PopulationPlays(game, Streams(0, Purpose.REPORT), range(64)).state
    leader, members = made.play(game, state)
    assert members.mean() == pytest.approx(game.best_response(state, leader).mean(), rel=0.1)


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
