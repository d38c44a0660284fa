from __future__ import annotations

import pytest

from graphwright.compiler.ir.graph import Setting
from graphwright.compiler.places import Place, SpecError
from graphwright.training.optimise import learning_rate
from graphwright.training.recipe import Recipe, split_overrides


def test_overrides_are_read_by_type_and_win_over_the_spec():
    settings = {"epochs": Setting(5), "lr": Setting("1e-3"), "flip": Setting("yes")}
    recipe = Recipe.from_settings(settings, {"epochs": "7", "clip": 1})
    assert (recipe.epochs, recipe.lr, recipe.flip, recipe.clip) == (7, 1e-3, True, 1.0)
    assert recipe.peak == 1e-3
    assert Recipe.from_settings({}, {"optimizer": "sgd", "lr": "none"}).peak == 0.05


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("epohcs", 5, "no key 'epohcs'"),
        ("epochs", "3.5", "epochs takes a whole number, not '3.5'"),
        ("epochs", 32.0, "epochs takes a whole number, not 32.0"),
        ("epochs", True, "epochs takes a whole number, not True"),
        ("epochs", "0", "epochs=0 is outside [1, …)"),
        ("lr", "fast", "lr takes a number, not 'fast'"),
        ("lr", "nan", "lr takes a number, not 'nan'"),
        ("momentum", "1", "momentum=1.0 is outside [0, 1)"),
        ("flip", "maybe", "flip takes true or false, not 'maybe'"),
        ("optimizer", "adam", "optimizer takes one of adamw, sgd, not 'adam'"),
        ("batch", [32], "batch takes a whole number, not [32]"),
        ("warmup", "50", "warmup=50 epochs is longer than the run, epochs=20"),
        ("accumulate", "5", "batch=64 does not divide into accumulate=5 equal parts"),
    ],
)
def test_mistakes_name_the_rule_the_value_and_the_place(key, value, message):
    place = Place("net.yaml", 7, 3)
    with pytest.raises(SpecError) as caught:
        Recipe.from_settings({key: Setting(value, place)})
    (problem,) = caught.value.problems
    assert message in problem.message
    assert problem.place == place
    assert problem.hint


def test_all_mistakes_come_at_once_with_a_suggestion():
    with pytest.raises(SpecError) as caught:
        Recipe.from_settings({"epohcs": Setting(1), "lr": Setting("x")}, {"seed": "-1"})
    assert len(caught.value.problems) == 3
    assert caught.value.problems[0].hint == "did you mean 'epochs'?"


def test_a_key_of_both_the_spec_and_the_recipe_is_refused():
    assert split_overrides({"classes": "3", "lr": "1"}, ["classes", "seed"]) == ({"classes": "3"}, {"lr": "1"})
    assert split_overrides({"train.seed": "3"}, ["seed"]) == ({}, {"seed": "3"})
    with pytest.raises(SpecError, match="'seed' is a param of the spec and a key of the training recipe"):
        split_overrides({"seed": "3"}, ["seed"])


def test_learning_rates():
    def rates(**keys):
        recipe = Recipe(epochs=10, lr=1.0, warmup=1.0, **keys)
        return [round(learning_rate(recipe, step, 4), 4) for step in range(40)]

    cosine = rates()
    assert cosine[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert cosine[22] == 0.5
    assert 0 < cosine[39] < 0.01
    assert rates(schedule="constant")[4:] == [1.0] * 36
    step = rates(schedule="step", step_size=4, gamma=0.1)
    assert (step[15], step[16], step[31], step[32]) == (1.0, 0.1, 0.1, 0.01)
    assert learning_rate(Recipe(epochs=1, lr=1.0, warmup=1.0), 1, 10) == 1.0  # a warm-up takes a fifth at most
