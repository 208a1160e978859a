"""What reaches the loss: batches of real rows.

Whole episodes (env_runners.py) need nothing but putting their arrays end to end: `WholeEpisodes`; where a learner cuts
the batch into rows of a fixed length, `PaddedEpisodes` lets no row span two of them.

From RLlib's own runner come pieces of episodes: `RealRows`.
RLlib lengthens every episode by an artificial row to bootstrap from, and its advantage estimator standardises over
those rows too. In episodes of a few steps they are up to half of the batch, and their spurious "advantages" drown the
real ones. They are dropped here, after the estimator, and advantages are standardised over what remains. Value
targets are left as they are.

`ResponseRows` goes on to drop a share of the response phase's rows: the paper's Basic POMDP learns from the reward
phase alone (Brero et al., arXiv 2210.03852).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from ray.rllib.connectors.connector_v2 import ConnectorV2
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns
from ray.rllib.evaluation.postprocessing import Postprocessing
from ray.rllib.policy.sample_batch import MultiAgentBatch, SampleBatch

from rllib_stackelberg.streams import Stream, Streams

SMALLEST_SPREAD = 1e-8
"""Relative to the largest advantage: below it all rows are taken to be equally good."""


OF_QUESTION, OF_FRONT = "of_question", "of_front"
"""Columns of `WholeQuestions`."""

NOTHING_LEFT = 1e-6
"""Relative to the largest payment, in single precision: below it what is seen explains all of them."""


def keep_rows(batch: dict[str, Any], keep: torch.Tensor) -> dict[str, Any]:
    """The rows of a (nested) batch of tensors for which `keep` holds, or that it numbers."""
    kept: dict[str, Any] = {}
    for name, column in batch.items():
        if isinstance(column, dict):
            kept[name] = keep_rows(column, keep)
        else:
            kept[name] = _kept(column, keep) if isinstance(column, torch.Tensor) else column
    return kept


def _kept(column: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    return column[keep] if keep.dtype is torch.bool else column.index_select(0, keep)


def distinct_rows(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Where each kind of row of `[N, d]` stands first, and the kind of each row: `[kinds]`, `[N]`.

    >>> first, kind = distinct_rows(torch.tensor([[0.5, 1.0], [0.0, 1.0], [0.5, 1.0]]))
    >>> first.tolist(), kind.tolist()
    ([1, 0], [1, 0, 1])
    >>> [found.tolist() for found in distinct_rows(torch.zeros(2, 0))]
    [[0], [0, 0]]
    """
    if not rows.shape[1]:  # nothing is seen: all are alike
        return torch.zeros(min(len(rows), 1), dtype=torch.long), torch.zeros(len(rows), dtype=torch.long)
    values = np.ascontiguousarray(rows.detach().cpu().numpy())
    whole = values.view(np.dtype((np.void, values.shape[1] * values.itemsize))).ravel()
    _, first, kind = np.unique(whole, return_index=True, return_inverse=True)
    return torch.from_numpy(first).to(rows.device), torch.from_numpy(kind).to(rows.device)


def minibatches(batch: MultiAgentBatch, epochs: int, size: int, rng: np.random.Generator) -> Iterator[MultiAgentBatch]:
    """Shuffled pieces of about so many rows; each epoch goes through all rows of a batch of one module."""
    (module_id, rows), count = next(iter(batch.policy_batches.items())), batch.count
    for _ in range(epochs):
        for part in np.array_split(rng.permutation(count), max(1, round(count / size))):
            kept = SampleBatch(keep_rows(rows, torch.from_numpy(part)))
            yield MultiAgentBatch({module_id: kept}, env_steps=len(part))


class WholeQuestions:
    """A batch whose observations stand there once each, however many rows share them.

    Parallel episodes ask much the same questions, and all questions of a front share the hidden state. A network that
    is shown each of them once, and is told which row is whose, does the same for a fraction of the work. So a minibatch
    is a share of the questions, each with all of its rows.

    Columns `OF_QUESTION` and `OF_FRONT` say which row of the actor's part (and of the mask) and of the critic's part
    each row of the others belongs to.

    Args:
        batch: of one module.
    """

    def __init__(self, batch: MultiAgentBatch):
        (self.module_id, rows), self.count = next(iter(batch.policy_batches.items())), batch.count
        seen = rows[Columns.OBS]
        self._asked = {name: part for name, part in seen.items() if name != "critic"}
        first, question = distinct_rows(torch.cat(list(self._asked.values()), dim=-1))
        self._asked = keep_rows(self._asked, first)
        kinds = len(first)
        first, self._front = distinct_rows(seen["critic"])
        self._hidden = seen["critic"][first]
        self._rows = {name: column for name, column in rows.items() if name != Columns.OBS}
        self._order = torch.argsort(question, stable=True)
        self._times = torch.bincount(question, minlength=kinds)
        self._starts = self._times.cumsum(0) - self._times

    def minibatches(self, epochs: int, size: int, rng: np.random.Generator) -> Iterator[MultiAgentBatch]:
        """Shuffled pieces of about so many rows; each epoch goes through all rows."""
        for _ in range(epochs):
            questions = rng.permutation(len(self._times))
            ends = np.cumsum(self._times.numpy()[questions])
            wanted = np.linspace(0, self.count, max(1, round(self.count / size)) + 1)[1:-1]
            for part in np.split(questions, np.searchsorted(ends, wanted, side="left") + 1):
                if len(part):
                    yield self._part(torch.from_numpy(part))

    def _part(self, questions: torch.Tensor) -> MultiAgentBatch:
        times = self._times[questions]
        of = torch.repeat_interleave(torch.arange(len(questions)), times)
        place = torch.arange(len(of)) - torch.repeat_interleave(times.cumsum(0) - times, times)
        rows = self._order[self._starts[questions][of] + place]
        kept = keep_rows(self._rows, rows)
        kept[Columns.OBS] = keep_rows(self._asked, questions) | {"critic": self._hidden}
        kept |= {OF_QUESTION: of, OF_FRONT: self._front[rows]}
        return MultiAgentBatch({self.module_id: SampleBatch(kept)}, env_steps=len(rows))


def standardise(values: torch.Tensor) -> torch.Tensor:
    """Mean 0 and standard deviation 1; all zero where the values do not differ."""
    centred = values - values.mean()
    spread = centred.std(unbiased=False)
    return centred / spread if spread > SMALLEST_SPREAD * values.abs().max() else torch.zeros_like(values)


class RealRows(ConnectorV2):
    """Learner connector: drops artificial rows and standardises the advantages of the others."""

    def __call__(self, *, rl_module: Any, batch: dict[str, Any], episodes: list, **kwargs: Any) -> dict[str, Any]:
        """Filter every module's batch."""
        for module_id, rows in batch.items():
            if Columns.LOSS_MASK not in rows:
                continue
            kept = keep_rows(rows, rows[Columns.LOSS_MASK].bool())
            del kept[Columns.LOSS_MASK]
            kept[Postprocessing.ADVANTAGES] = standardise(kept[Postprocessing.ADVANTAGES])
            batch[module_id] = kept
        return batch


class DirectCredit(ConnectorV2):
    """Learner connector: answers are judged, besides, by those plays of the reward alone that met their question.

    Follows the advantage estimator. An episode's return judges all of its answers alike, maybe a thousand, and most of
    them have nothing to do with what it differs by. What the plays that met a question paid, compared with what is
    usual where the leader sees the like (linear in what it sees, fitted to the batch), says far more of an answer, but
    nothing of what it taught the followers. So it is added to the whole return's advantage with a weight that falls to
    0: in the end an answer is judged by all that it brings.

    Attributes:
        weight: of a standardised direct advantage, beside a standardised whole one.
    """

    def __init__(self, weight: float):
        super().__init__()
        self.weight = weight

    def __call__(self, *, rl_module: Any, batch: dict[str, Any], episodes: list, **kwargs: Any) -> dict[str, Any]:
        """Add to every module's advantages, where episodes carry what met their questions."""
        for rows in batch.values():
            if self.weight and "met" in rows:
                direct = direct_advantages(rows["met"], rows["paid"], rows[Columns.OBS]["actor"])
                rows[Postprocessing.ADVANTAGES] = rows[Postprocessing.ADVANTAGES] + self.weight * direct
        return batch


def direct_advantages(met: torch.Tensor, paid: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """What plays paid more than is usual where the like is seen, per question, of mean square 1 where any met it.

    Args:
        met: weight of the plays that met each question, `[Q]`; paid: what they paid, weighted, `[Q]`.
        seen: by the leader, `[Q, d]`.
    """
    there = torch.nonzero(met > 0)[:, 0]
    weight = met[there].double()
    regressors = torch.cat([torch.ones(len(there), 1), seen[there]], dim=1).double()
    weighted = regressors * weight[:, None]
    # Entries that say the same make the normal equations singular; a little of the identity settles them.
    normal = regressors.T @ weighted + 1e-9 * float(weight.sum()) * torch.eye(regressors.shape[1], dtype=torch.double)
    usual = regressors @ torch.linalg.solve(normal, regressors.T @ paid[there].double())
    apart = paid[there].double() - weight * usual
    size = apart.square().mean().sqrt()
    found = torch.zeros_like(met)
    if size > NOTHING_LEFT * paid.abs().max():
        found[there] = (apart / size).to(met.dtype)
    return found


class OwnAdvantages(ConnectorV2):
    """Learner connector: an answer is judged by what plays of the reward pay from its question on, and by nothing else.

    Takes the place of the advantage estimator in games whose followers have nothing to learn: there an answer changes
    what happens after its question and no more. Advantages are what plays that met a question paid above what the
    critic expects there, weighted by how often it was met: the gradient of the leader's expected payoff (Sutton et
    al. 2000, NeurIPS). Their mean square is 1 over the batch.
    """

    def __call__(self, *, rl_module: Any, batch: dict[str, Any], episodes: list, **kwargs: Any) -> dict[str, Any]:
        """Advantages, and what the critic learns, of every module's batch."""
        for module_id, rows in batch.items():
            with torch.no_grad():
                expected = rl_module[module_id].unwrapped().compute_values(rows)
            met = rows["met"]
            there = met > 0
            paid = torch.where(there, rows["paid"] / torch.where(there, met, 1.0), expected)
            apart = met * (paid - expected)
            size = apart.square().mean().sqrt()
            explained = size <= NOTHING_LEFT * rows["paid"].abs().max()
            rows[Postprocessing.ADVANTAGES] = torch.zeros_like(apart) if explained else apart / size
            rows[Postprocessing.VALUE_TARGETS] = paid
        return batch


class NothingToLearnError(Exception):
    """Every row of a batch was dropped."""


class ResponseRows(ConnectorV2):
    """Learner connector: each row of the response phase stays with a given probability, of the reward phase always.

    Follows `RealRows`. Draws are a pure function of the run's seed and of the number of the batch.

    Attributes:
        share: the probability.
        batches: number of batches so far.
    """

    def __init__(self, share: float, seed: int):
        super().__init__()
        self.share = share
        self.batches = 0
        self._streams = Streams(seed)

    def __call__(self, *, rl_module: Any, batch: dict[str, Any], episodes: list, **kwargs: Any) -> dict[str, Any]:
        """Thin out every module's batch.

        Raises:
            NothingToLearnError: no row is left.
        """
        for module_id, rows in batch.items():
            phase = rows[Columns.OBS]["phase"][:, 0]
            drawn = self._streams.uniforms(0, self.batches, Stream.TRANSITIONS, (len(phase),))
            keep = (phase == 1) | (torch.from_numpy(drawn).to(phase.device) < self.share)
            batch[module_id] = keep_rows(rows, keep)
        self.batches += 1
        for rows in batch.values():
            advantages = rows[Postprocessing.ADVANTAGES]
            if not len(advantages):
                raise NothingToLearnError
            rows[Postprocessing.ADVANTAGES] = standardise(advantages)
        return batch


class WholeEpisodes(ConnectorV2):
    """Learner connector: complete episodes end to end as one batch.

    Does the work of RLlib's default learner connectors for this one kind of episode, without their Python loop over
    rows and without artificial ones.
    """

    def __call__(self, *, rl_module: Any, batch: dict[str, Any], episodes: list, **kwargs: Any) -> dict[str, Any]:
        """Observations, actions, what the policy said of them, rewards, and where episodes end."""
        seen = [{name: values[:-1] for name, values in e.observations.data.items()} for e in episodes]
        rows = {
            Columns.ACTIONS: [e.actions.data for e in episodes],
            Columns.REWARDS: [e.rewards.data.astype(np.float32) for e in episodes],
        }
        for name in episodes[0].extra_model_outputs:
            rows[name] = [e.extra_model_outputs[name].data for e in episodes]
        ends = np.cumsum([len(e) for e in episodes]) - 1
        terminated = np.zeros(ends[-1] + 1, dtype=np.float32)
        terminated[ends] = 1.0
        found: dict[str, Any] = {name: torch.from_numpy(np.concatenate(values)) for name, values in rows.items()}
        found[Columns.OBS] = {name: torch.from_numpy(np.concatenate([part[name] for part in seen])) for name in seen[0]}
        found[Columns.TERMINATEDS] = torch.from_numpy(terminated)
        found[Columns.TRUNCATEDS] = torch.zeros(len(terminated))
        batch[DEFAULT_MODULE_ID] = found
        return batch


class SingleQuestions(ConnectorV2):
    """Learner connector: every question is an episode of its own, paid what its episode pays from there on.

    Follows `WholeEpisodes`.
    """

    def __call__(self, *, rl_module: Any, batch: dict[str, Any], episodes: list, **kwargs: Any) -> dict[str, Any]:
        """Rewards to go, and an end at every step."""
        to_go = np.concatenate([np.cumsum(e.rewards.data[::-1])[::-1] for e in episodes])
        for rows in batch.values():
            rows[Columns.REWARDS] = torch.from_numpy(to_go.astype(np.float32))
            rows[Columns.TERMINATEDS] = torch.ones_like(rows[Columns.TERMINATEDS])
        return batch


class PaddedEpisodes(ConnectorV2):
    """Learner connector: pads every episode to full rows of a fixed length; what is padding is masked.

    Follows `WholeEpisodes`. Padding repeats an episode's last step, which is terminated, so that nothing is
    bootstrapped across it.
    """

    def __init__(self, length: int):
        super().__init__()
        self.length = length

    def __call__(self, *, rl_module: Any, batch: dict[str, Any], episodes: list, **kwargs: Any) -> dict[str, Any]:
        """Rows of every module's batch, and their mask."""
        lengths = np.array([len(episode) for episode in episodes])
        padded = -(-lengths // self.length) * self.length
        step = np.arange(padded.sum()) - np.repeat(np.cumsum(padded) - padded, padded)
        last = np.repeat(lengths - 1, padded)
        source = torch.from_numpy(np.repeat(np.cumsum(lengths) - lengths, padded) + np.minimum(step, last))
        for module_id, rows in batch.items():
            batch[module_id] = keep_rows(rows, source) | {Columns.LOSS_MASK: torch.from_numpy(step <= last)}
        return batch
