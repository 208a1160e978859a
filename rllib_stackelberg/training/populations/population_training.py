"""The training of both sides of a game with a population."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rllib_stackelberg.runs.population_options import PopulationOptions
from rllib_stackelberg.runs.run import PopulationRun
from rllib_stackelberg.training.populations.checkpoints import PopulationCheckpoints
from rllib_stackelberg.training.populations.exploitability import exploitability
from rllib_stackelberg.training.populations.loop import PopulationLoop
from rllib_stackelberg.training.populations.setup import started
from rllib_stackelberg.training.populations.turns import policies_of
from rllib_stackelberg.training.running.checkpoints import State
from rllib_stackelberg.training.running.generation_loop import GenerationLoop
from rllib_stackelberg.training.running.generations import storing
from rllib_stackelberg.training.running.interruptions import Interruption
from rllib_stackelberg.training.running.restoring import fitting
from rllib_stackelberg.training.running.torch_devices import check_device
from rllib_stackelberg.training.running.training_session import Training


class PopulationTraining(Training[PopulationRun, PopulationOptions]):
    """As the base says: both sides learn, and the best snapshot of both is valued."""

    run_kind, checkpoints_kind = PopulationRun, PopulationCheckpoints
    checkpoints: PopulationCheckpoints

    @classmethod
    def check_machine(cls, options: PopulationOptions) -> None:
        """As the base says."""
        check_device(options.device)

    def loop(self, parts: Mapping[str, State] | None, interruption: Interruption) -> PopulationLoop:
        """As the base says."""
        held = None
        if parts is not None and self.options.in_turns:
            with fitting(self.run.folder.path):
                held = policies_of(parts["run"], self.options.rules)
        algo = self.failures.survived(started, self.options, self.configure, held, long=True)
        return PopulationLoop(algo, self.run.folder, self.options, self.failures, self.checkpoints, interruption)

    def finish(self, loop: GenerationLoop[Any], interruption: Interruption) -> dict[str, Any]:
        """As the base says: what both sides get; and what either gains by learning on alone, if that is asked for."""
        loop.stop()  # what is learned on has a replay buffer of its own
        if self.options.exploitability:
            found = exploitability(self.options, self.run.policies(), interruption)
            with storing(self.run.folder.path):
                self.run.folder.write("exploitability", found)
        return self.failures.survived(self.run.evaluate, long=True)
