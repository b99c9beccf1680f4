"""From a sweep to packs of trials."""

from sweep.pack import Pack
from sweep.planning.grid import TrialGrid, expand
from sweep.planning.packs import make_packs, plan_packs
from sweep.planning.plan import Plan, make_plan

__all__ = ["Pack", "Plan", "TrialGrid", "expand", "make_packs", "make_plan", "plan_packs"]
