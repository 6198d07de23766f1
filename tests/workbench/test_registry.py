"""Tables of names: what is built in, what other packages add, and what is said of a broken one."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint

import pytest

from workbench import registry as registry_module
from workbench.registry import GROUP, BrokenEntry, Entry, Registry, UnknownName, registry
from workbench.settings import Settings

Install = Callable[..., None]


@dataclass(frozen=True)
class ToySettings(Settings):
    pass


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs entry points, given as name=value with dots as double underscores, in place of those present."""

    def installed(**values: str) -> None:
        points = [EntryPoint(name.replace("__", "."), value, GROUP) for name, value in values.items()]
        monkeypatch.setattr(registry_module, "entry_points", lambda group: points if group == GROUP else [])

    module = types.ModuleType("toy_plugin")
    module.Agent = type("Agent", (), {})  # type: ignore[attr-defined]
    module.Settings = ToySettings  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "toy_plugin", module)
    installed()
    return installed


def table() -> Registry:
    return Registry("agent", {"alm": Entry("toy_plugin:Agent", "toy_plugin:Settings", "ALM")})


def test_the_agents_table_is_found_by_its_kind() -> None:
    assert "alm" in registry("agent").entries()


def test_a_built_in_is_found_and_loaded(install: Install) -> None:
    entry = table().find("alm")
    assert entry.load() is sys.modules["toy_plugin"].Agent
    assert entry.load_settings() is ToySettings
    assert entry.title == "ALM"


def test_a_built_in_is_found_without_a_look_at_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(**group: str) -> list[EntryPoint]:
        raise AssertionError("it takes tens of milliseconds, for every key that is typed into a form")

    monkeypatch.setattr(registry_module, "entry_points", look)
    assert registry("agent").find("alm").target == "workbench.agents.alm:AlignedLatentModel"


def test_an_unknown_name_gets_its_nearest_ones(install: Install) -> None:
    with pytest.raises(UnknownName, match=r"agent: there is no agent called 'aml'; did you mean alm\?"):
        table().find("aml")
    with pytest.raises(UnknownName, match="there is no agent called 'zzz'; there are alm"):
        table().find("zzz")


def test_a_plugin_is_listed_after_the_built_in_ones(install: Install) -> None:
    install(agents__a="toy_plugin:Agent", agents__a__settings="toy_plugin:Settings")
    assert list(table()) == ["alm", "a"]
    assert table().find("a").load_settings() is ToySettings
    assert table().find("a").title == "a (plugin)"


def test_a_plugin_of_another_kind_is_not_listed(install: Install) -> None:
    install(planners__cem="toy_plugin:Agent", planners__cem__settings="toy_plugin:Settings")
    assert list(table()) == ["alm"]


def test_a_plugin_cannot_replace_a_built_in(install: Install) -> None:
    install(agents__alm="other:Agent", agents__alm__settings="other:Settings")
    assert table().find("alm").target == "toy_plugin:Agent"
    assert list(table()) == ["alm"]


def test_a_plugin_without_settings_is_not_listed(install: Install) -> None:
    install(agents__bare="toy_plugin:Agent")
    assert list(table()) == ["alm"]


@pytest.mark.parametrize("target", ["absent_module:Agent", "toy_plugin:Absent", "toy_plugin", ""])
def test_a_broken_entry_says_what_is_missing(install: Install, target: str) -> None:
    with pytest.raises(BrokenEntry, match=f"^{target} cannot be loaded: .*; check that its package is installed"):
        Entry(target, "toy_plugin:Settings", "").load()


def test_a_module_that_fails_as_it_likes_is_a_broken_entry(
    install: Install, tmp_path: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "failing_plugin.py").write_text("1 / 0\n")  # type: ignore[operator]
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(BrokenEntry, match="failing_plugin:Agent cannot be loaded: division by zero"):
        Entry("failing_plugin:Agent", "", "").load()


def test_settings_that_are_none(install: Install) -> None:
    with pytest.raises(BrokenEntry, match=r"toy_plugin:Agent is no settings dataclass; derive it from"):
        Entry("toy_plugin:Agent", "toy_plugin:Agent", "").load_settings()


def test_an_agents_settings_must_be_an_agents(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.spec import agent_settings

    install(agents__toy="toy_plugin:Agent", agents__toy__settings="toy_plugin:Settings")
    with pytest.raises(BrokenEntry, match=r"toy_plugin:Settings must derive from workbench\.spec\.AgentSettings"):
        agent_settings("toy")
