"""Golden transcripts: a change of rules shows as a diff. Rewrite with `python -m tests.aec.test_playthroughs`."""

from pathlib import Path

from rllib_stackelberg import games
from rllib_stackelberg.aec.playthrough import playthrough
from rllib_stackelberg.rules.registry import make_rules
from tests.conftest import GAMES, POPULATIONS

FOLDER = Path(__file__).parents[1] / "playthroughs"
EVERY = GAMES | POPULATIONS


def transcript(name: str) -> str:
    game, parameters = EVERY[name]
    return "\n".join(playthrough(make_rules(game, **parameters), seed) for seed in range(3))


def test_every_registered_game_has_a_playthrough():
    assert {spec.name for spec in games()} <= set(EVERY)
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(EVERY)


def test_playthroughs_replay():
    for name in EVERY:
        assert (FOLDER / f"{name}.txt").read_text(encoding="utf-8") == transcript(name), name


if __name__ == "__main__":
    for each in EVERY:
        (FOLDER / f"{each}.txt").write_text(transcript(each), encoding="utf-8")
