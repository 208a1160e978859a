"""The adapter from PettingZoo's AEC API to RLlib's: every defect of the stock wrapper, on small environments."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete
from pettingzoo import AECEnv
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.multi_rl_module import MultiRLModuleSpec
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.env.multi_agent_env_runner import MultiAgentEnvRunner
from ray.rllib.env.multi_agent_episode import MultiAgentEpisode
from ray.rllib.utils.pre_checks.env import check_multiagent_environments

from rllib_stackelberg import make_game
from rllib_stackelberg.aec.environment import make_aec
from rllib_stackelberg.aec.spaces import seen
from rllib_stackelberg.errors import InvalidFieldError, RulesError
from rllib_stackelberg.training.independent.independent import own_policy
from rllib_stackelberg.training.independent.multi_agent import ALL, MASK, AECMultiAgentEnv, check_play
from rllib_stackelberg.training.independent.players import PlayerModule
from rllib_stackelberg.training.leaders.rl_modules import problem_config


class Script(AECEnv):
    """Plays a script: per turn who moves, who is paid what for it, and who is then out, and how.

    Observes the number of turns taken. In `order` agents that are out are met as PettingZoo has it, dead ones first.
    """

    def __init__(self, script, agents=("a", "b"), actions=None, masks=None, mask_in="info"):
        super().__init__()
        self.metadata = {"name": "script", "render_modes": ["ansi"]}
        self.render_mode = "ansi"
        self.script, self.masks, self.mask_in = script, masks or {}, mask_in
        self.possible_agents = list(agents)
        self.actions = actions or Discrete(3)
        self.taken = []

    def observation_space(self, agent):
        count = Box(0, 100, (1,), np.float64)
        return Dict(count=count, action_mask=Box(0, 1, (3,), np.int8)) if self.mask_in == "observation" else count

    def action_space(self, agent):
        return self.actions

    def observe(self, agent):
        count = np.array([len(self.taken)], dtype=np.float64)
        return {"count": count, MASK: self.mask()} if self.mask_in == "observation" else count

    def mask(self):
        return np.array(self.masks.get(len(self.taken), [1, 1, 1]), dtype=np.int8)

    def reset(self, seed=None, options=None):
        self.taken, self.agents, self.seed = [], list(self.possible_agents), seed
        for name, value in (("rewards", 0.0), ("_cumulative_rewards", 0.0), ("terminations", False)):
            setattr(self, name, dict.fromkeys(self.agents, value))
        self.truncations = dict.fromkeys(self.agents, False)
        self.agent_selection = self.script[0][0]
        self._tell()

    def _tell(self):
        self.infos = {agent: {"turn": len(self.taken)} for agent in self.agents}
        if self.mask_in == "info" and isinstance(self.actions, Discrete):
            for info in self.infos.values():
                info[MASK] = self.mask()

    def step(self, action):
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        if isinstance(self.actions, Discrete):
            assert self.mask()[action - self.actions.start], f"{agent} took masked action {action}"
        _, paid, out = self.script[len(self.taken)]
        self.taken.append(action)
        self._cumulative_rewards[agent] = 0
        self.rewards = {other: paid.get(other, 0.0) for other in self.agents}
        for who, how in out.items():
            (self.terminations if how == "terminated" else self.truncations)[who] = True
        if len(self.taken) < len(self.script):
            self.agent_selection = self.script[len(self.taken)][0]
        self._tell()
        self._accumulate_rewards()
        self._deads_step_first()

    def render(self):
        return f"taken {self.taken}"

    def close(self):
        pass


def play(env, choose=lambda seen: 0):
    """One play through RLlib's own record of it; also what the adapter returned, step by step."""
    episode = MultiAgentEpisode(agent_to_module_mapping_fn=own_policy)
    observations, infos = env.reset(seed=3)
    episode.add_env_reset(observations=observations, infos=infos)
    steps = []
    while not episode.is_done:
        actions = {agent: choose(seen) for agent, seen in observations.items()}
        steps.append(env.step(actions))
        observations, rewards, terminated, truncated, infos = steps[-1]
        assert len(observations) == 1 or terminated[ALL] or truncated[ALL]
        episode.add_env_step(observations, actions, rewards, infos, terminateds=terminated, truncateds=truncated)
    return episode, steps


BOTH = {"a": "terminated", "b": "terminated"}
TWO_TURNS = [("a", {}, {}), ("b", {}, BOTH)]


@pytest.mark.parametrize(
    ("out", "ends"),
    [
        (BOTH, {"a": (True, False), "b": (True, False)}),
        ({"a": "truncated", "b": "truncated"}, {"a": (False, True), "b": (False, True)}),
        ({"a": "terminated", "b": "truncated"}, {"a": (True, True), "b": (False, True)}),
        ({"a": "truncated", "b": "terminated"}, {"a": (False, True), "b": (True, True)}),
    ],
)
def test_a_play_ends_whatever_way_its_agents_end(out, ends):
    """Stock: one terminated and one truncated never sets `__all__`. Only a terminated agent's end is worth nothing."""
    episode, steps = play(AECMultiAgentEnv(Script([("a", {}, {}), ("b", {}, out)])))
    _, _, terminated, truncated, _ = steps[-1]
    assert terminated[ALL] != truncated[ALL]
    assert {agent: (e.is_terminated, e.is_truncated) for agent, e in episode.agent_episodes.items()} == ends
    assert [len(e) for e in episode.agent_episodes.values()] == [1, 1]


def test_an_agent_that_leaves_early_does_not_end_the_play_of_one_that_has_yet_to_move():
    script = [("a", {"a": 1}, {"a": "terminated"}), ("b", {"b": 2}, {}), ("b", {"b": 3}, {"b": "terminated"})]
    episode, steps = play(AECMultiAgentEnv(Script(script)))
    assert [step[2][ALL] for step in steps] == [False, False, True]
    assert {agent: e.get_return() for agent, e in episode.agent_episodes.items()} == {"a": 1, "b": 5}
    assert len(episode.agent_episodes["b"]) == 2


def test_rewards_reach_the_agent_they_fall_on():
    """While another moves, before the first action, and at the end; each once."""
    script = [
        ("a", {"b": 1}, {}),  # b has not even observed
        ("a", {"a": 2, "b": 4}, {}),
        ("b", {"a": 8, "b": 16}, {}),
        ("b", {"a": 32}, {}),
        ("a", {"b": 64}, {}),
        ("b", {"a": 128, "b": 256}, BOTH),
    ]
    env = AECMultiAgentEnv(Script(script))
    episode, steps = play(env)
    assert episode.agent_episodes["a"].get_rewards() == [0, 2 + 8 + 32, 128]
    assert episode.agent_episodes["b"].get_rewards() == [1 + 4 + 16, 64, 256]
    handed = {agent: sum(step[1].get(agent, 0) for step in steps) for agent in "ab"}
    assert handed == {"a": 170, "b": 341}
    again, _ = play(env)
    assert again.agent_episodes["b"].get_rewards() == [21, 64, 256]


def test_an_agent_that_never_moves_is_paid_all_the_same():
    _, steps = play(AECMultiAgentEnv(Script([("a", {"b": 5}, BOTH)])))
    assert steps[-1][1] == {"a": 0, "b": 5}


def test_it_renders():
    env = AECMultiAgentEnv(Script(TWO_TURNS))
    env.reset()
    env.step({"a": 2})
    assert env.render_mode == "ansi"
    assert env.render() == "taken [2]"


def test_agents_come_in_the_environments_order():
    """Stock: in that of a set, which differs between processes. Ten names fall in place by chance once in 10!."""
    names = [f"agent{k}" for k in (3, 1, 4, 15, 9, 2, 6, 5, 35, 8)]
    env = AECMultiAgentEnv(Script([(names[0], {}, dict.fromkeys(names, "terminated"))], agents=names))
    assert env.possible_agents == env.agents == names
    assert list(env.observation_spaces) == list(env.action_spaces) == names


@pytest.mark.parametrize("mask_in", ["info", "observation"])
def test_infos_and_masks_are_there_from_the_reset_on(mask_in):
    env = AECMultiAgentEnv(Script(TWO_TURNS, masks={0: [0, 1, 0], 1: [1, 0, 1]}, mask_in=mask_in))
    observations, infos = env.reset()
    assert infos["a"]["turn"] == 0
    assert observations["a"][MASK].tolist() == [0, 1, 0]
    assert env.observation_spaces["a"].contains(observations["a"])
    assert observations["a"]["observation"].dtype == np.float32
    observations, _, _, _, infos = env.step({"a": 1})
    assert infos["b"]["turn"] == 1
    assert observations["b"][MASK].tolist() == [1, 0, 1]


def test_masked_and_unknown_actions_are_refused_by_name():
    env = AECMultiAgentEnv(Script(TWO_TURNS, masks={0: [0, 1, 1]}))
    env.reset()
    for action in (0, 3, -1):
        with pytest.raises(InvalidFieldError, match=rf"action of a: got {action}; allowed: 1, 2"):
            env.step({"a": action})


def test_the_check_of_environments_acts_within_the_masks():
    """Stock: RLlib's check samples from the whole space."""
    strict = AECMultiAgentEnv(Script(TWO_TURNS, masks={0: [0, 0, 1], 1: [0, 1, 0]}))
    for seed in range(20):
        check_play(strict, seed)
    strict.action_spaces["a"].seed(0)  # draws 2, 1, ...: the second is masked
    check_multiagent_environments(strict)
    with pytest.raises(ValueError, match="step"):
        check_multiagent_environments(strict)
    check_multiagent_environments(AECMultiAgentEnv(Script(TWO_TURNS)))


def test_the_check_names_the_agent_whose_observation_or_reward_is_wrong():
    with pytest.raises(RulesError, match="script: the reward of b is not finite"):
        check_play(AECMultiAgentEnv(Script([("a", {"b": np.inf}, {}), ("b", {}, BOTH)])))
    env = AECMultiAgentEnv(Script(TWO_TURNS))
    env.env.observation_space = lambda agent: Box(5, 6, (1,))
    with pytest.raises(RulesError, match="a observes"):
        check_play(AECMultiAgentEnv(env.env))
    env.env.observe = lambda agent: np.array([np.nan])
    with pytest.raises(RulesError, match="script: the observation of a is not finite"):
        env.reset()


def test_actions_are_stretched_to_the_agents_box_and_counted_from_its_start():
    box = AECMultiAgentEnv(Script(TWO_TURNS, actions=Box(-1, 3, (1, 2), np.float64)))
    box.reset()
    assert box.action_spaces["a"] == Box(0, 1, (2,), np.float32)
    assert MASK not in box.observation_spaces["a"].spaces
    box.step({"a": np.array([0.5, 7], dtype=np.float32)})
    np.testing.assert_array_equal(box.env.taken, [[[1, 3]]])
    with pytest.raises(InvalidFieldError, match="action of b"):
        box.step({"b": np.array([np.nan, 0])})
    shifted = AECMultiAgentEnv(Script(TWO_TURNS, actions=Discrete(3, start=5)))
    shifted.reset()
    shifted.step({"a": 2})
    assert shifted.env.taken == [7]


@pytest.mark.parametrize("space", [MultiDiscrete([2, 2]), Box(-np.inf, np.inf, (1,)), Box(0, 5, (1,), np.int8)])
def test_action_spaces_without_a_policy_are_refused_by_name(space):
    with pytest.raises(InvalidFieldError, match="action_space of a"):
        AECMultiAgentEnv(Script(TWO_TURNS, actions=space))


def test_a_play_nobody_moves_in_is_refused():
    env = Script(TWO_TURNS)
    adapter = AECMultiAgentEnv(env)
    env._tell = lambda: env.terminations.update(a=True, b=True) or setattr(env, "infos", {"a": {}, "b": {}})
    with pytest.raises(RulesError, match="without anybody moving"):
        adapter.reset()


def test_workers_have_seeds_of_their_own():
    """RLlib hands environment i of worker w the seed run + w + i: neighbours would share their types."""
    seeds = set()
    for worker in range(4):
        for env in range(4):
            adapter = AECMultiAgentEnv(Script(TWO_TURNS), worker=worker)
            adapter.reset(seed=worker + env)
            seeds.add(adapter.env.seed)
    assert len(seeds) == 16


def test_the_projects_games_play_to_the_payoffs_of_their_aec_view(any_game):
    rng = np.random.default_rng(0)
    if any_game.leader_turn.chooses and any_game.leader_turn.numbers:
        with pytest.raises(InvalidFieldError, match="action_space of leader_0"):
            AECMultiAgentEnv(make_aec(any_game))
        return
    env, view = AECMultiAgentEnv(make_aec(any_game)), make_aec(any_game)
    for nature in any_game.nature.support()[0][:3]:
        observations, _ = env.reset(options={"nature": nature})
        view.reset(options={"nature": nature})
        got = dict.fromkeys(any_game.agents, 0.0)
        expected = dict.fromkeys(any_game.agents, 0.0)
        over = False
        while not over:
            agent = view.agent_selection
            assert list(observations) == [agent]
            np.testing.assert_array_equal(
                observations[agent]["observation"], seen(view.observation_space(agent), view.observe(agent))
            )
            space = env.action_spaces[agent]
            discrete = isinstance(space, Discrete)
            action = rng.choice(np.flatnonzero(env.allowed(agent))) if discrete else rng.random(space.shape)
            box = view.action_space(agent)
            view.step(action if discrete else box.low + action * (box.high - box.low))
            observations, rewards, terminated, truncated, _ = env.step({agent: action})
            over = terminated[ALL] or truncated[ALL]
            for name, reward in view.rewards.items():
                expected[name] += reward
            for name, reward in rewards.items():
                got[name] += reward
        assert got == pytest.approx(expected)
        assert all(view.terminations.values())


def runner(make_env, envs=3):
    """RLlib's own env runner over an environment, a policy per agent."""
    probe = make_env({})
    config = PPOConfig().environment(make_env, disable_env_checking=True, normalize_actions=False, clip_actions=False)
    config.env_runners(num_env_runners=0, num_envs_per_env_runner=envs).debugging(seed=0)
    config.multi_agent(policies=list(probe.possible_agents), policy_mapping_fn=own_policy)
    specs = {
        agent: RLModuleSpec(
            module_class=PlayerModule,
            observation_space=probe.observation_spaces[agent],
            action_space=probe.action_spaces[agent],
            model_config=problem_config((0.0, 1.0), "local"),
        )
        for agent in probe.possible_agents
    }
    config.rl_module(rl_module_spec=MultiRLModuleSpec(rl_module_specs=specs))
    return MultiAgentEnvRunner(config=config)


class Awkward(AECMultiAgentEnv):
    """Masks, early leaving, mixed ends, rewards out of turn, all at once."""

    def __init__(self, context):
        script = [
            ("b", {"c": 1}, {}),
            ("a", {"b": 2, "a": 1}, {"a": "terminated"}),
            ("c", {"b": 4}, {}),
            ("b", {"c": 8}, {"b": "terminated", "c": "truncated"}),
        ]
        masks = {0: [0, 1, 0], 1: [1, 0, 1], 2: [0, 0, 1], 3: [1, 1, 0]}
        super().__init__(Script(script, agents=("a", "b", "c"), masks=masks))


def test_rllibs_runner_records_every_reward_wherever_it_cuts_a_play():
    """Stock: the runner dies with a KeyError where agents end in different ways."""
    made = runner(Awkward)
    returns, whole = defaultdict(Counter), set()
    for length in [1, 2, 3, 5, 7, 11, 13, 6] * 3:
        for part in made.sample(num_timesteps=length, explore=True):
            whole |= {part.id_} if part.is_done else set()
            for agent, steps in part.agent_episodes.items():
                returns[part.id_][agent] += steps.get_return()
    assert len(whole) > 30
    assert all(returns[name] == {"a": 1, "b": 6, "c": 9} for name in whole)


def test_policies_in_rllibs_runner_never_take_a_masked_action():
    """Buyers have three messages and two answers to an offer: the environment refuses a third."""
    game = make_game("message-spm", messages=3, leader="scores")
    made = runner(lambda context: AECMultiAgentEnv(make_aec(game)), envs=8)
    masked = 0
    for episode in made.sample(num_timesteps=400, explore=True):
        for agent, part in episode.agent_episodes.items():
            seen = part.get_observations(slice(0, len(part)))
            if agent != game.leader:
                masks = seen[MASK]
                assert masks[np.arange(len(part)), part.get_actions().astype(int)].all()
                masked += int((masks == 0).sum())
    assert masked > 50
