"""Golden transcripts: a change of rules shows as a diff. Rewrite with `python -m tests.test_playthroughs`."""

from pathlib import Path

from rllib_stackelberg import games, make_game
from rllib_stackelberg.playthrough import playthrough
from tests.conftest import GAMES

FOLDER = Path(__file__).parent / "playthroughs"


def transcript(name: str) -> str:
    game, parameters = GAMES[name]
    return "\n".join(playthrough(make_game(game, **parameters), seed) for seed in range(3))


def test_every_registered_game_has_a_playthrough():
    assert {spec.name for spec in games()} <= set(GAMES)
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(GAMES)


def test_playthroughs_replay():
    for name in GAMES:
        assert (FOLDER / f"{name}.txt").read_text(encoding="utf-8") == transcript(name), name


if __name__ == "__main__":
    for each in GAMES:
        (FOLDER / f"{each}.txt").write_text(transcript(each), encoding="utf-8")
