"""From a typed name to gymnasium's registration of the environment and the callable that makes it."""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gymnasium import error as gymnasium_error
from gymnasium.envs.registration import EnvSpec, load_env_creator, registry

from workbench.environments.catalog import TASKS, Task, find_task, unknown_name
from workbench.environments.problem import EnvironmentProblem

# What gymnasium and its environments raise when an optional package is not installed.
MISSING_PACKAGE = (ImportError, gymnasium_error.DependencyNotInstalled)


@dataclass(frozen=True)
class Registration:
    """A registered environment: its name for people and records, gymnasium's spec, its constructor, the options."""

    name: str
    spec: EnvSpec
    creator: Callable[..., Any]
    options: dict[str, Any]


def find_registration(name: str, options: dict[str, Any] | None = None) -> Registration:
    """Find a task of the catalog, or else a registered gymnasium id (also as ``module:Id``), with its options.

    ``options`` go over the task's own. Raises :class:`EnvironmentProblem` for an unknown name and for a module or
    package that is missing.
    """
    task = _task(name)
    if task is not None:
        spec = _registered(task.environment_id)
        return Registration(task.name, spec, _load_creator(spec), {**task.options, **(options or {})})
    spec = _registered(name.strip())
    return Registration(name.strip(), spec, _load_creator(spec), dict(options or {}))


def missing_package(name: str, error: Exception) -> EnvironmentProblem:
    """The sentence for an import that failed while ``name`` was looked up or made."""
    module = getattr(error, "name", None)
    if isinstance(error, ModuleNotFoundError) and module:
        package = module.partition(".")[0]
        remedy = f"install the package that provides it, usually with `pip install {package}`, or check the name."
        return EnvironmentProblem(f"{name} needs the Python module {module!r}, which is not installed: {remedy}")
    return EnvironmentProblem(f"{name} needs something that is not installed: {error}")


def constructor_options(creator: Callable[..., Any]) -> list[str]:
    """The option names that ``creator`` takes, following ``**kwargs`` up to its base classes; sorted."""
    names = {"max_episode_steps"}
    for constructor in _constructors(creator):
        parameters = inspect.signature(constructor).parameters.values()
        names |= {each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)}
        if not any(each.kind is each.VAR_KEYWORD for each in parameters):
            break
    # These are set by the environment's own class or by whoever makes the environment, not by an option.
    return sorted(names - {"self", "model_path", "observation_space", "render_mode"})


def _constructors(creator: Callable[..., Any]) -> list[Callable[..., Any]]:
    if not inspect.isclass(creator):
        return [creator]
    return [vars(each)["__init__"] for each in inspect.getmro(creator) if "__init__" in vars(each)]


def _task(name: str) -> Task | None:
    try:
        return find_task(name)
    except EnvironmentProblem:
        return None


def _registered(environment_id: str) -> EnvSpec:
    module, _, identifier = environment_id.rpartition(":")
    if module:
        _import_for_registration(environment_id, module)
    spec = registry.get(identifier)
    if spec is None or _needs_mujoco_py(spec):
        usable = [known for known, each in registry.items() if not _needs_mujoco_py(each)]
        raise EnvironmentProblem(unknown_name(environment_id, [*(task.name for task in TASKS), *usable]))
    return spec


def _needs_mujoco_py(spec: EnvSpec) -> bool:
    # gymnasium keeps the ids of mujoco-py (-v2, -v3) with a function in place of a class, which only raises.
    return getattr(spec.entry_point, "__name__", "") == "_raise_mujoco_py_error"


def _import_for_registration(environment_id: str, module: str) -> None:
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise missing_package(environment_id, error) from error
    except Exception as error:
        raise EnvironmentProblem(
            f"Importing {module!r}, to find {environment_id}, failed with {type(error).__name__}: {error}. "
            "Mend that package or choose another environment."
        ) from error


def _load_creator(spec: EnvSpec) -> Callable[..., Any]:
    if spec.entry_point is None:
        raise EnvironmentProblem(f"{spec.id} has only a vectorised form: choose an environment that runs alone.")
    if callable(spec.entry_point):
        return spec.entry_point
    try:
        return load_env_creator(spec.entry_point)
    except MISSING_PACKAGE as error:
        raise missing_package(spec.id, error) from error
    except Exception as error:
        # With MUJOCO_GL naming a library that is absent, `import mujoco` raises AttributeError inside PyOpenGL.
        chosen = os.environ.get("MUJOCO_GL")
        hint = f" MUJOCO_GL is set to {chosen!r}: unset it, or install its library." if chosen else ""
        raise EnvironmentProblem(
            f"Loading {spec.id} from {spec.entry_point!r} failed with {type(error).__name__}: {error}.{hint}"
        ) from error
