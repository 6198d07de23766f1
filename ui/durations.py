"""How long a run will take, by what the project's earlier runs took on this machine: one estimate for all who tell."""

from __future__ import annotations

import socket

from storage import Project, RunFilter
from workbench.engine.duration import Duration, PastRun, estimate, past_runs
from workbench.spec import RunSpec

#: the newest runs that are judged by
_JUDGES = 200


def earlier_runs(project: Project) -> list[PastRun]:
    """What there is to judge by."""
    return past_runs(project.runs.page(RunFilter(archived=None), limit=_JUDGES))


def expected(spec: RunSpec, past: list[PastRun]) -> Duration | None:
    """For one seed of ``spec``; None without a run to judge by."""
    return estimate(spec.flat(), socket.gethostname(), past)
