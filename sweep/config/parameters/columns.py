"""Which columns of the results each parameter of a sweep file fills."""

from sweep.components.columns import option_columns
from sweep.trial import PARAMETERS, STOP_PARAMETERS, Scope

_EXTRA = {
    "dataset": (
        "dataset",
        "data_fingerprint",
        "dataset_train_samples",
        "dataset_noise",
        "dataset_scale",
        "dataset_split_seed",
    ),
    "learning_rate": ("learning_rate",),
    "learning_rate_schedule": (
        "learning_rate_schedule",
        *(column.name for column in option_columns("learning_rate_schedule")),
    ),
    "convergence": STOP_PARAMETERS,
}
NAMES = (
    "dataset",
    *(
        name
        for name, item in PARAMETERS.items()
        if item.metadata["scope"] is Scope.PATH
        and not item.metadata["is_option"]
        and name != "data_fingerprint"
    ),
    "convergence",
)
"""The parameters of a sweep file."""


def _columns(parameter: str) -> tuple[str, ...]:
    prefix = f"{parameter}_"
    return _EXTRA.get(parameter) or tuple(
        column for column in PARAMETERS if column == parameter or column.startswith(prefix)
    )


COLUMNS: dict[str, tuple[str, ...]] = {name: _columns(name) for name in NAMES}
OWNER: dict[str, str] = {column: name for name, columns in COLUMNS.items() for column in columns}
assert set(OWNER) == set(PARAMETERS), "every column belongs to one parameter"


def find_column(spelling: str) -> str | None:
    """Return the column that a user means by its name or by its place in the file."""
    flat = spelling.replace(".", "_").removesuffix("_name")
    inner = flat.removeprefix("convergence_")
    candidates = (
        flat,
        inner,
        inner.replace("learning_rate_schedule_", "learning_rate_"),
        {"epochs": "fixed_epochs"}.get(inner, inner),
    )
    return next((column for column in candidates if column in PARAMETERS), None)
