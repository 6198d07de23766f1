"""``doctor``: looks at everything that Foresight stands on, and says how to mend what is not well.

Each look stands alone and imports what it needs itself, so that the doctor outlives whatever is broken or missing.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata

from workbench.commands import project
from workbench.commands.output import print_document, say

OK, WARN, PROBLEM = "ok", "warn", "problem"
REINSTALL = "Install Foresight again: run make in its folder, after make clean if need be."
#: what `storage.inspect` finds amiss in these hinders nobody yet
_MILD = ("file system", "free space")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: ``status`` is ok, warn or problem; ``remedy`` is empty where all is well."""

    name: str
    status: str
    sentence: str
    remedy: str = ""


def add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Make the parsers of this module's commands with ``add``."""
    parser = add("doctor", help="check the installation, the devices and the project, and say how to mend them")
    parser.add_argument("--json", action="store_true", help='print {"ok": ..., "checks": [...]}')
    parser.set_defaults(run=doctor)


def doctor(arguments: argparse.Namespace) -> int:
    """Look at everything; exit code 1 when there is a problem."""
    checks: list[Check] = []
    for look in (python, packages, device, matrix_products, environment, rendering, compiler):
        checks.extend(guarded(look))
    checks.extend(guarded(lambda: project_folder(arguments), "project"))
    healthy = all(check.status != PROBLEM for check in checks)
    if arguments.json:
        print_document({"ok": healthy, "checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            say(f"{check.status:8} {check.name:16} {check.sentence}")
            if check.remedy and check.status != OK:
                say(f"{'':25} -> {check.remedy}")
        say("All is well." if healthy else "There are problems; each says how to mend it.")
    return 0 if healthy else 1


def guarded(look: Callable[[], Iterator[Check]], name: str = "") -> Iterator[Check]:
    """What ``look`` finds; whatever it dies of is a finding too."""
    try:
        yield from look()
    except Exception as error:  # noqa: BLE001  a broken library may raise anything, and the other looks still count
        sentence = f"This could not be looked at: {type(error).__name__}: {error}"
        yield Check(name or look.__name__.replace("_", " "), PROBLEM, sentence, REINSTALL)


def python() -> Iterator[Check]:
    """The interpreter."""
    sentence = f"Python {platform.python_version()} in {sys.prefix}."
    if (3, 11) <= sys.version_info < (3, 14):
        yield Check("python", OK, sentence)
    else:
        yield Check("python", PROBLEM, sentence, "Foresight runs on Python 3.11, 3.12 and 3.13.")


def packages() -> Iterator[Check]:
    """Every package that Foresight needs, against the versions that it allows."""
    from packaging.requirements import Requirement

    try:
        needed = [Requirement(text) for text in metadata.requires("foresight-lab") or ()]
    except metadata.PackageNotFoundError:
        yield Check("packages", WARN, "Foresight itself is not installed, so nothing says what it needs.", REINSTALL)
        return
    found: list[str] = []
    for requirement in needed:
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        allowed = str(requirement.specifier)
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            sentence = f"{requirement.name} is not installed; {allowed} is needed."
            yield Check("packages", PROBLEM, sentence, f'pip install "{requirement.name}{allowed}"')
            continue
        found.append(f"{requirement.name} {version}")
        if not requirement.specifier.contains(version, prereleases=True):
            sentence = f"{requirement.name} {version} is installed; {allowed} is needed."
            yield Check("packages", PROBLEM, sentence, f'pip install "{requirement.name}{allowed}"')
    yield Check("packages", OK, ", ".join(found))


def device() -> Iterator[Check]:
    """Where networks can be trained: the CPU, and each GPU after it multiplied two matrices."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    for index in range(count):
        name = torch.cuda.get_device_name(index)
        ones = torch.ones(8, 8, device=f"cuda:{index}")
        right = bool(((ones @ ones) == 8).all().item())
        memory = torch.cuda.get_device_properties(index).total_memory / 1e9
        sentence = f"cuda:{index} is {name} with {memory:,.0f} GB."
        yield Check("device", OK if right else PROBLEM, sentence, "" if right else "It computes wrong numbers.")
    if count:
        return
    if torch.version.cuda is None:
        why = f"torch {torch.__version__} is built for CPUs alone."
        remedy = "With an NVIDIA GPU, install the CUDA build of torch: see pytorch.org."
    else:
        why = f"torch {torch.__version__} is built for CUDA {torch.version.cuda} but finds no GPU that it can use."
        remedy = "With an NVIDIA GPU, update its driver; `nvidia-smi` shows it."
    # Most machines have none, and training works: that is no reason for a warning.
    yield Check("device", OK, f"Training runs on the CPU. {why} {remedy}")


def matrix_products() -> Iterator[Check]:
    """Which library multiplies matrices on the CPU."""
    from workbench.engine.processor import prepare_cpu

    yield Check("matrix products", OK, f"CPU matrix products: {prepare_cpu('auto')}.")


def environment() -> Iterator[Check]:
    """One step of a MuJoCo task."""
    from workbench.environments.make import describe_environment
    from workbench.environments.problem import EnvironmentProblem

    try:
        facts = describe_environment("HalfCheetah-v5")
    except EnvironmentProblem as error:
        yield Check("environment", PROBLEM, str(error), REINSTALL)
        return
    size = facts.observation_shape[0]
    yield Check("environment", OK, f"{facts.name} takes a step ({size} observations, {facts.action_size} actions).")


def rendering() -> Iterator[Check]:
    """The OpenGL back end that MuJoCo can draw with."""
    from workbench.environments.rendering import probe_gl

    finding = probe_gl()
    yield Check("rendering", OK if finding.backend else WARN, finding.sentence, finding.remedy)


def compiler() -> Iterator[Check]:
    """A C++ compiler, which only torch.compile would use."""
    found = next(filter(None, map(shutil.which, ("c++", "g++", "clang++", "cl"))), None)
    if found:
        yield Check("compiler", OK, f"torch.compile can use {found}.")
    else:
        sentence = "There is no C++ compiler; only torch.compile, which nothing needs, would use one."
        yield Check("compiler", OK, sentence)


def project_folder(arguments: argparse.Namespace) -> Iterator[Check]:
    """Folder, disk, lock, database, files and runs of the project."""
    from storage import inspect

    for finding in inspect(project.folder_of(arguments)):
        status = OK if finding.ok else WARN if finding.name in _MILD else PROBLEM
        yield Check(f"project {finding.name}", status, finding.sentence, finding.remedy)
