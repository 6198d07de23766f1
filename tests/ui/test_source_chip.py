"""The chip beside a setting tells its source, opens the paper, and takes no room from the words beside it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from ui.controls.field_edit import TextEdit
from ui.controls.field_row import FieldRow
from ui.controls.source_chip import WIDEST, SourceChip
from ui.theme import Theme
from workbench.sources import OWN, PAPERS, sources_of


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: found.append(QUrl(url).toString()))
    return found


def chip(qtbot: QtBot, text: str, agent: str = "") -> SourceChip:
    made = SourceChip(Theme("dark"), text, sources_of(text, agent))
    qtbot.addWidget(made)
    made.show()
    return made


def test_it_opens_the_only_paper_that_it_names(qtbot: QtBot, opened: list[str]) -> None:
    chip(qtbot, "Eq. 8", "alm").click()
    assert opened == [OWN["alm"].url]


def test_of_several_papers_one_is_chosen(qtbot: QtBot, opened: list[str]) -> None:
    made = chip(qtbot, "MPPI: mean; TD-MPC2: drawn")
    made.click()
    menu = next(child for child in made.findChildren(QMenu) if child.isVisible())
    assert [action.isEnabled() for action in menu.actions()] == [False, True]  # MPPI has no free text
    menu.actions()[1].trigger()
    assert opened == [PAPERS["TD-MPC2"].url]
    menu.close()


def test_without_an_address_it_tells_the_citation(qtbot: QtBot, opened: list[str]) -> None:
    made = chip(qtbot, "Tassa et al. 2012, Sec. II-F")
    made.click()
    assert opened == []
    assert PAPERS["Tassa et al. 2012"].citation in made.toolTip()
    assert made.toolTip() == made.accessibleDescription()


def test_a_long_source_leaves_the_help_its_room(qtbot: QtBot) -> None:
    theme, long = Theme("dark"), "Moerland et al. 2018; Hubert et al. 2021: policy; and many a word more"
    row = FieldRow(theme, "a", "A", TextEdit(theme, "A"), "What it is for. " * 8, long)
    qtbot.addWidget(row)
    row.resize(900, row.sizeHint().height())
    row.show()
    (made,) = row.chips
    assert made.width() <= theme.px(WIDEST) + 2
    assert isinstance(made, SourceChip)
    assert made.text().endswith("\u2026")
    assert long in made.toolTip()
