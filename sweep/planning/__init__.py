"""From a sweep to packs of trials."""

from typing import TYPE_CHECKING

from sweep.lazy import lazy_names

if TYPE_CHECKING:
    from sweep.pack import Pack
    from sweep.planning.grid import TrialGrid, expand
    from sweep.planning.packs import make_packs, plan_packs
    from sweep.planning.plan import Plan, make_plan

__all__ = ["Pack", "Plan", "TrialGrid", "expand", "make_packs", "make_plan", "plan_packs"]
__getattr__ = lazy_names(
    __name__,
    {
        "Pack": "sweep.pack",
        "TrialGrid": "sweep.planning.grid",
        "expand": "sweep.planning.grid",
        "make_packs": "sweep.planning.packs",
        "plan_packs": "sweep.planning.packs",
        "Plan": "sweep.planning.plan",
        "make_plan": "sweep.planning.plan",
    },
)
