"""What more env runners would give, from measured costs: a paper model in the manner of Amdahl's law.

An iteration samples a batch on all runners at once, moves the episodes to the learner, takes its gradient steps and
hands the weights out again. Sampling is shared by the runners; the rest is not:

    seconds(r) = round + episode * batch / r  +  (move + learn) * batch + step  +  broadcast * r

With a fixed batch this is Amdahl's law plus a cost that grows with the runners; with a batch that grows with them
(every runner plays as much as one alone) sampling stays as long as it is and the learner's part grows.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Costs:
    """Seconds, measured.

    Attributes:
        round: of a round of episodes whatever their number; episode: each of them besides, on one core.
        move: of an episode from its runner to the learner; learn: of an episode in the learner's steps.
        step: of the learner's steps whatever the batch; broadcast: of handing the weights to one runner.
    """

    round: float
    episode: float
    move: float
    learn: float
    step: float
    broadcast: float

    def sampling(self, runners: int, batch: int) -> float:
        """Of an iteration, while the learner waits; 0 runners is the learner's own process."""
        return self.round + self.episode * batch / max(1, runners)

    def serial(self, runners: int, batch: int) -> float:
        """Of an iteration, while the runners wait."""
        move = self.move * batch if runners else 0.0
        return move + self.learn * batch + self.step + self.broadcast * runners

    def iteration(self, runners: int, batch: int) -> float:
        """Of an iteration."""
        return self.sampling(runners, batch) + self.serial(runners, batch)

    def episodes_per_second(self, runners: int, batch: int) -> float:
        """Of whole iterations."""
        return batch / self.iteration(runners, batch)

    def learner_limit(self, batch: int, grows: bool) -> int | None:
        """Fewest runners with which sampling takes less time than the rest; None if they never do, to 2^20.

        Args:
            batch: episodes of an iteration; with `grows`, of each runner.
        """
        for exponent in range(21):
            runners = 2**exponent
            total = batch * runners if grows else batch
            if self.sampling(runners, total) < self.serial(runners, total):
                return next(r for r in range(max(1, runners // 2), runners + 1) if self._limited(r, batch, grows))
        return None

    def _limited(self, runners: int, batch: int, grows: bool) -> bool:
        total = batch * runners if grows else batch
        return self.sampling(runners, total) < self.serial(runners, total)


def line(x: tuple[float, float], y: tuple[float, float]) -> tuple[float, float]:
    """Intercept and slope of the line through two points, neither below 0."""
    slope = max(0.0, (y[1] - y[0]) / (x[1] - x[0]))
    return max(0.0, y[0] - slope * x[0]), slope


def table(costs: Costs, batch: int, runners: tuple[int, ...] = (1, 2, 8, 64, 512)) -> str:
    """Predictions for both ways to use more runners."""
    lines = []
    for grows in (False, True):
        title = f"{batch} episodes a runner and iteration" if grows else f"{batch} episodes an iteration"
        limit = costs.learner_limit(batch, grows)
        lines += [
            f"{title} (the learner is the limit from {limit or 'no number of'} runners on)",
            f"{'runners':>8} {'seconds':>9} {'episodes/s':>11} {'speed-up':>9} {'learner and network':>20}",
        ]
        alone = costs.episodes_per_second(1, batch)
        for count in runners:
            total = batch * count if grows else batch
            seconds, rate = costs.iteration(count, total), costs.episodes_per_second(count, total)
            share = costs.serial(count, total) / seconds
            lines.append(f"{count:>8} {seconds:>9.3f} {rate:>11.0f} {rate / alone:>9.2f} {share:>20.0%}")
        lines.append("")
    return "\n".join(lines)
