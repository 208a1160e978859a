"""Doctests of the games (those of the platform are collected by pytest itself)."""

import doctest
import importlib
from pathlib import Path

import pytest
import rllib_stackelberg.envs as envs

MODULES = sorted(path.stem for path in Path(envs.__file__).parent.glob("*_v0.py"))


@pytest.mark.parametrize("name", MODULES)
def test_game_modules(name):
    module = importlib.import_module(f"rllib_stackelberg.envs.{name}")
    assert doctest.testmod(module).failed == 0
    assert "Version history" in module.__doc__
    assert "| turn |" in module.__doc__
