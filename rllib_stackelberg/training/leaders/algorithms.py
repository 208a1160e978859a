"""What `leader_config` sets up for each RLlib algorithm: learner, network, env runner, and defaults.

Defaults are for short episodes whose reward comes at the end.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.algorithms.appo import APPOConfig
from ray.rllib.algorithms.dqn import DQNConfig
from ray.rllib.algorithms.dqn.torch.default_dqn_torch_rl_module import DefaultDQNTorchRLModule
from ray.rllib.algorithms.impala import IMPALAConfig
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.algorithms.sac import SACConfig
from ray.rllib.algorithms.sac.torch.default_sac_torch_rl_module import DefaultSACTorchRLModule
from ray.rllib.core.learner.learner import Learner
from ray.rllib.core.rl_module.apis import TargetNetworkAPI
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI

from rllib_stackelberg.errors import InvalidFieldError
from rllib_stackelberg.leader.env import choose_elicitation
from rllib_stackelberg.leader.foreseen import Foreseen
from rllib_stackelberg.response.settings import LeaderSettings
from rllib_stackelberg.rules.game import StackelbergGame
from rllib_stackelberg.runs.algorithms import ALGORITHMS, find_algorithm
from rllib_stackelberg.training.leaders.async_learners import LeaderAPPOLearner, LeaderIMPALALearner
from rllib_stackelberg.training.leaders.env_runners import LeaderEnvRunner, OneByOneEnvRunner, QuestionEnvRunner
from rllib_stackelberg.training.leaders.learners import LeaderPPOLearner
from rllib_stackelberg.training.leaders.modules import LeaderRLModule
from rllib_stackelberg.training.leaders.q_learners import LeaderDQNLearner, LeaderSACLearner
from rllib_stackelberg.training.leaders.q_modules import LeaderDQNModule, LeaderSACModule
from rllib_stackelberg.training.leaders.rl_modules import LeaderModule, TargetLeaderModule

PARALLEL_EPISODES = 128
LONG_EPISODES = 64
"""In parallel where an episode is played rather than looked up, or its response is long."""
VAST_EPISODES = 16
"""In parallel where an episode has thousands of questions."""
ALONE_EPISODES = 32
"""In parallel where no follower learns: answers are judged by their own plays, of which a few episodes have enough."""
VAST_QUESTIONS = 20_000
"""Questions of a game from which on an episode is taken to have thousands."""
TABULATED_PLAYS = 2**20
"""Most plays side by side for the tables of parallel episodes: some 600 MB of a game of pricing algorithms."""
REPLAYED_EPISODES = 32
"""In parallel where answers go to a replay buffer, which takes longer to fill than a round to play."""

ANNEAL_UPDATES = 150
"""Batches over which a Gaussian leader's spread and learning rate shrink."""
MANY_ANNEAL_UPDATES = 100
"""The same where an episode asks many questions: its batches are larger."""
FIRST_RATE = 1e-2
MOST_QUESTIONS = 8
"""Questions per episode up to which defaults take it for a sequence of steps; of more each is judged by itself."""
MINIBATCH_ROWS = 4096
DIRECT_CREDIT = 0.3
FEWER_EPOCHS = 4
"""Where an epoch is several steps."""
SURER_RATE = 3e-2
"""First rate where answers are judged by what they bring alone (`LeaderProblem.played_alone`): there is less noise."""
FRAGMENT = 16
"""Steps of an episode in a row of V-trace where a leader is asked at every turn."""
UPDATES_PER_ROUND = 4
"""Gradient steps for a round of episodes that goes to a replay buffer."""
REPLAYED_ROWS = 64
BUFFERED_ROWS = 20_000
SAMPLE_WAIT_S = 0.05
"""How long IMPALA waits for remote runners before it looks again: not at all, by default, which keeps a core busy."""
RANDOM_ROUNDS = 100
"""Rounds over which a leader that learns values answers less and less at random."""


@dataclass(frozen=True)
class LeaderProblem:
    """What defaults depend on."""

    game: StackelbergGame
    settings: LeaderSettings

    @property
    def discrete(self) -> bool:
        """Whether the leader chooses from a list."""
        return self.game.leader_turn.discrete

    @property
    def questions(self) -> int:
        """Observations the leader can be asked about."""
        return self.game.leader_turn.keys

    @property
    def once(self) -> bool:
        """Whether episodes come whole, each observation asked once."""
        return self.settings.leader_queries == "once"

    @property
    def payoff_scale(self) -> float:
        """Half the leader's payoff range, or 1."""
        low, high = (float(x) for x in self.game.payoff_range[0])
        return (high - low) / 2 if high > low else 1.0

    @property
    def many(self) -> bool:
        """Whether an episode asks many questions, all of which are paid at its end.

        Then each is judged by what the episode pays, as if it were the only one: which stands before which in an
        episode says nothing, since all that are open are answered together.
        """
        return self.once and self.questions > MOST_QUESTIONS

    @property
    def played_alone(self) -> bool:
        """Whether no follower learns, and what plays pay from a question on is known (`Episodes.credit`)."""
        if self.settings.models or not (self.once and self.game.played_alone):
            return False
        return issubclass(choose_elicitation(self.game, self.settings), Foreseen)

    @property
    def parallel_episodes(self) -> int:
        """Environments of a runner."""
        if self.played_alone:
            return ALONE_EPISODES
        if self.once and self.settings.in_play(self.game):
            return VAST_EPISODES if self.questions > VAST_QUESTIONS else LONG_EPISODES
        usual = LONG_EPISODES if self.once and self.settings.long_response(self.game) else PARALLEL_EPISODES
        if self.settings.in_play(self.game):
            return usual
        return min(usual, max(TABULATED_PLAYS // self.settings.episode_outcomes(self.game), 1))

    @property
    def batch_size(self) -> int:
        """Rows of a default batch: about every parallel episode once."""
        return PARALLEL_EPISODES * min(self.questions, MOST_QUESTIONS)

    @property
    def row(self) -> int:
        """Steps in a row of V-trace: an episode's, or one where each question is judged by itself."""
        if not self.once:
            return FRAGMENT
        return 1 if self.many else self.questions

    @property
    def schedule(self) -> dict[str, float]:
        """Of a Gaussian leader's spread, and of how many answers are judged; whether fresh starts are scattered."""
        if self.discrete and not self.many:
            return {}
        scattered = self.questions == 1 and not self.game.leader_turn.chooses
        updates = MANY_ANNEAL_UPDATES if self.many else ANNEAL_UPDATES
        return {"anneal_updates": float(updates)} | ({"scattered": True} if scattered else {})


PPO_TRAINING: dict[str, Any] = {
    "num_epochs": 8,
    "lambda_": 0.95,
    "clip_param": 0.2,
    "entropy_coeff": 0.0,
    "use_kl_loss": False,
    "grad_clip": 1.0,
    "vf_clip_param": math.inf,  # the critic's loss is never clipped
}
"""Of every policy that PPO trains here: small batches, clipped ratios, no bonus for entropy."""


def tune_ppo(config: PPOConfig, problem: LeaderProblem) -> None:
    """A round of episodes is a batch, whatever its number of rows; a step takes all of it, or a few thousand rows."""
    pieces: dict[str, Any] = {"minibatch_rows": MINIBATCH_ROWS, "direct_credit": DIRECT_CREDIT} if problem.many else {}
    if problem.played_alone:
        pieces |= {"direct_credit": 0.0, "own_advantages": True}
    shares = {"response_transitions": problem.settings.response_transitions}
    config.learners(learner_config_dict=shares | pieces | problem.schedule)
    epochs = {"lambda_": 1.0, "num_epochs": FEWER_EPOCHS} if problem.many and not problem.played_alone else {}
    first_rate = SURER_RATE if problem.played_alone else FIRST_RATE
    config.training(
        lr=3e-3 if problem.discrete else first_rate,
        train_batch_size_per_learner=problem.parallel_episodes if problem.once else problem.batch_size,
        minibatch_size=None,
        # The critic's loss is in payoff units squared: bring it back to order one.
        vf_loss_coeff=0.5 / problem.payoff_scale**2,
        **PPO_TRAINING | epochs,
    )


def tune_impala(config: IMPALAConfig, problem: LeaderProblem) -> None:
    """As PPO's, and every batch is one round of episodes of one runner; learning is in the main process."""
    row = problem.row
    config.env_runners(num_env_runners=0, rollout_fragment_length=row)
    if problem.once:
        config.env_runners(batch_mode="complete_episodes")
    config.learners(num_learners=0, learner_config_dict=problem.schedule)
    config.reporting(min_time_s_per_iteration=0, min_sample_timesteps_per_iteration=1)
    config.training(
        lr=3e-3 if problem.discrete else FIRST_RATE,
        train_batch_size_per_learner=row * problem.parallel_episodes,
        num_epochs=8,
        entropy_coeff=0.0,
        grad_clip=1.0,
        vf_loss_coeff=0.5 / problem.payoff_scale**2,
        broadcast_interval=0,  # runners go on with what the last batch taught
        timeout_s_sampler_manager=SAMPLE_WAIT_S,
    )


def tune_appo(config: APPOConfig, problem: LeaderProblem) -> None:
    """As IMPALA's; the copy of the actor that ratios are clipped to is the one that played the batch."""
    tune_impala(config, problem)
    config.training(
        clip_param=0.2,
        use_circular_buffer=False,
        circular_buffer_num_batches=1,
        circular_buffer_iterations_per_batch=1,
        target_network_update_freq=0,
        tau=1.0,
    )


def _tune_replay(config: AlgorithmConfig, problem: LeaderProblem) -> None:
    config.env_runners(num_env_runners=0, num_envs_per_env_runner=REPLAYED_EPISODES)
    config.reporting(min_time_s_per_iteration=0, min_sample_timesteps_per_iteration=1)
    config.training(
        train_batch_size_per_learner=REPLAYED_ROWS,
        training_intensity=UPDATES_PER_ROUND * REPLAYED_ROWS / REPLAYED_EPISODES,
        num_steps_sampled_before_learning_starts=0,
        replay_buffer_config={"type": "EpisodeReplayBuffer", "capacity": BUFFERED_ROWS},
        grad_clip=1.0,
    )


def tune_dqn(config: DQNConfig, problem: LeaderProblem) -> None:
    """Recent answers, replayed a few times each, and less and less random ones."""
    _tune_replay(config, problem)
    config.learners(learner_config_dict={"anneal_updates": RANDOM_ROUNDS, "updates_per_batch": UPDATES_PER_ROUND})
    config.training(
        lr=3e-3,
        target_network_update_freq=1,
        double_q=True,
        dueling=False,
    )


def tune_sac(config: SACConfig, problem: LeaderProblem) -> None:
    """Recent answers, replayed a few times each, and a temperature that falls."""
    _tune_replay(config, problem)
    choices = problem.game.leader_turn.choices if problem.discrete else 1
    config.training(
        actor_lr=1e-2,
        critic_lr=1e-2,
        alpha_lr=1e-2,
        initial_alpha=0.1 * problem.payoff_scale,
        target_entropy=0.05 * math.log(max(choices, 2)) if problem.discrete else "auto",
        tau=0.1,
    )


@dataclass(frozen=True)
class LeaderSetup:
    """One algorithm's parts.

    Attributes:
        config: RLlib's configuration; learner, module, runner: what it is used with.
        needs: what a module of one's own must be besides a `LeaderRLModule`; tune: sets the defaults.
    """

    config: type[AlgorithmConfig]
    learner: type[Learner]
    module: type[LeaderRLModule]
    needs: tuple[type, ...]
    tune: Callable[..., None]
    runner: type[LeaderEnvRunner] = LeaderEnvRunner
    whole_episodes: bool = True


SETUPS = {
    "PPO": LeaderSetup(PPOConfig, LeaderPPOLearner, LeaderModule, (ValueFunctionAPI,), tune_ppo),
    "APPO": LeaderSetup(
        APPOConfig, LeaderAPPOLearner, TargetLeaderModule, (ValueFunctionAPI, TargetNetworkAPI), tune_appo
    ),
    "IMPALA": LeaderSetup(IMPALAConfig, LeaderIMPALALearner, LeaderModule, (ValueFunctionAPI,), tune_impala),
    "SAC": LeaderSetup(
        SACConfig, LeaderSACLearner, LeaderSACModule, (DefaultSACTorchRLModule,), tune_sac, OneByOneEnvRunner,
        whole_episodes=False,
    ),
    "DQN": LeaderSetup(
        DQNConfig, LeaderDQNLearner, LeaderDQNModule, (DefaultDQNTorchRLModule,), tune_dqn, QuestionEnvRunner,
        whole_episodes=False,
    ),
}  # fmt: skip


def named_algorithm(algorithm: str | AlgorithmConfig) -> AlgorithmConfig:
    """An RLlib configuration by name, or the one given."""
    if isinstance(algorithm, AlgorithmConfig):
        return algorithm
    name = algorithm.upper() if algorithm.upper() in ALGORITHMS else algorithm
    kind = getattr(importlib.import_module("ray.rllib.algorithms"), f"{name}Config", None)
    if kind is None:
        raise InvalidFieldError("algorithm", f"RLlib has no {algorithm!r}", "PPO, or an AlgorithmConfig")
    return kind()


def algorithm_name(algorithm: str | AlgorithmConfig) -> str:
    """Which of the algorithms that train leaders it is."""
    name = algorithm if isinstance(algorithm, str) else getattr(algorithm.algo_class, "__name__", "no algorithm")
    return find_algorithm(name).name
