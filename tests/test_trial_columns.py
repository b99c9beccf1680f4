"""Claims: a trial's columns are what the components declare."""

import pickle

from sweep.components.columns import option_columns, options_column, rule_columns
from sweep.components.registry import FAMILIES, OPEN
from sweep.trial import PARAMETERS, Scope, code_of
from tests.trials import make_trial


def test_every_option_has_its_column_and_every_column_its_option() -> None:
    options = {c.name: c for family in FAMILIES for c in option_columns(family)}
    rules = {c.name: c for c in rule_columns()}
    own = {options_column(family) for family in OPEN}
    derived = options | rules
    for name, column in derived.items():
        item = PARAMETERS[name]
        assert (item.type, item.default) == (column.kind, column.absent)
        assert item.metadata["doc"] == column.doc
        assert item.metadata["neutral"] == column.neutral
        assert item.metadata["scope"] is (Scope.STOP if name in rules else Scope.PATH)
        assert bool(item.metadata["key"]) == (column.chooses_code or column.presence)
    prefixes = tuple(f"{family}_" for family in FAMILIES if family != "learning_rate_schedule")
    beside = {name for name in PARAMETERS if name.startswith(prefixes)}
    assert beside <= derived.keys() | own | FAMILIES.keys()


def test_a_trial_is_pickled_with_its_options() -> None:
    trial = make_trial(activation="elu", activation_alpha=0.5, activation_options="beta=1.5")
    assert pickle.loads(pickle.dumps(trial)) == trial


def test_what_of_a_users_options_tells_packs_apart() -> None:
    assert code_of("beta=1.5,form=hard,n=3,shift=0.0,sign=true") == (
        "beta=True",
        "form=hard",
        "n=3",
        "shift=False",
        "sign=true",
    )
    assert code_of("beta=1e-05") == code_of("beta=2.0")
    assert code_of(None) == ()
