"""The one style sheet, made from the theme's tokens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ui.theme import Theme

#: "26u" is a length that grows with the text, "26u-2" the same less two px, which a wider edge takes
_LENGTH = re.compile(r"\b(\d+)u(?:-(\d+))?\b")

_TEMPLATE = """
QMainWindow { background: @canvas; }
QMainWindow::separator { background: @canvas; width: 6px; height: 6px; }
QMainWindow::separator:hover { background: @accent; }
QToolTip { background: @overlay; color: @text; border: 1px solid @ctl; padding: 6u 8u; }
QMenuBar { background: @panel; color: @text2; }
QMenuBar::item { padding: 6u 8u; background: transparent; border-radius: 4px; }
QMenuBar::item:selected { background: @hover; color: @text; }
QMenu { background: @overlay; color: @text; border: 1px solid @ctl; padding: 4px; }
QMenu::item { padding: 5u 24u 5u 10u; border-radius: 4px; }
QMenu::icon { padding-left: 8u; }
QMenu::icon:checked { background: @accent_ground; border: 1px solid @accent; border-radius: 4px; }
QMenu::item:selected { background: @select; }
QMenu::item:disabled { color: @text3; }
QMenu::separator { height: 1px; background: @line; margin: 4px 0; }
#dockbody { background: @panel; border: 1px solid @line; border-top: 0; border-bottom-left-radius: 6px;
  border-bottom-right-radius: 6px; }
#docktitle { background: @panel; border: 1px solid @line; border-top-left-radius: 6px; border-top-right-radius: 6px; }
#docktitle[active="true"] { border-bottom: 1px solid @accent; }
#bar { background: @panel; }
#topbar { background: @panel; border: 0; border-bottom: 1px solid @line; }
#statusbar { background: @panel; border: 0; border-top: 1px solid @line; }
#topbar QMenuBar { background: transparent; }
#workspacetab { border: 0; border-radius: 0; padding: 2px 10u 0; border-bottom: 2px solid transparent; }
#workspacetab:hover { background: transparent; color: @text; }
#workspacetab:checked { background: transparent; color: @text; border-bottom: 2px solid @accent; }
#workspacetab:focus { color: @accent; }
#search { background: @raised; border: 1px solid @line; padding: 0; }
#search:hover { border-color: @ctl; }
#search:focus { border: 2px solid @accent; }
#search[narrow="true"] { background: transparent; border-color: transparent; }
#search[narrow="true"]:hover { background: @hover; }
#search[narrow="true"]:focus { border: 2px solid @accent; }
#keycap { color: @text3; border: 1px solid @ctl; border-radius: 3px; padding: 0 4px; }
#docktabs { background: transparent; }
#docktabs::tab { padding: 7u 10u 6u; }
#workspace > QTabBar::tab { height: 0; width: 0; padding: 0; margin: 0; border: 0; }
#welcomecard { background: @panel; border: 1px solid @line; border-radius: 8px; }
#palette { background: @overlay; border: 1px solid @ctl; border-radius: 8px; }
#palette QListView { background: transparent; }
#canvas { background: @canvas; }
#box { background: @raised; border: 1px solid @line; border-radius: 5px; }
#hairline { background: @line; border: 0; }
QLabel[role="hint"] { color: @text3; }
QLabel[role="label"] { color: @text2; }
QLabel[role="bad"] { color: @bad; }
QLabel[role="warn"] { color: @warn; }
QLabel[role="ok"] { color: @ok; }
QLabel[role="accent"] { color: @accent; }
QLabel[role="chip"] { color: @text2; background: @raised; border: 1px solid @line; border-radius: 4px;
  padding: 1u 6u; }
QFrame[role="banner-warn"] { background: @warn_ground; border-radius: 5px; }
QFrame[role="banner-bad"] { background: @bad_ground; border-radius: 5px; }
QFrame[role="banner-accent"] { background: @accent_ground; border-radius: 5px; }
QLineEdit, QComboBox, QSpinBox, QDoubleSpinBox, QPlainTextEdit { background: @raised; color: @text;
  border: 1px solid @field; border-radius: 5px; padding: 0 8u; min-height: 26u;
  selection-background-color: @fill; selection-color: @on; }
QPlainTextEdit { padding: 6u 8u; }
QPlainTextEdit[role="code"] { border: 1px solid @line; }
QPlainTextEdit[role="code"]:focus { border: 1px solid @accent; }
QLineEdit:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus { border: 2px solid @accent; padding: 0 8u-1;
  min-height: 26u-2; }
QLineEdit[state="error"], QSpinBox[state="error"], QComboBox[state="error"] { border: 1px solid @bad; }
QLineEdit:disabled, QComboBox:disabled, QSpinBox:disabled { color: @text3; background: @panel; border-color: @line; }
QComboBox QLineEdit, QComboBox QLineEdit:focus { background: transparent; border: 0; padding: 0; min-height: 0; }
QComboBox::drop-down { border: 0; width: 24u; }
QComboBox::down-arrow { image: url(@icon_down); width: 14u; height: 14u; }
QSpinBox::up-button, QSpinBox::down-button { border: 0; background: transparent; width: 18u; }
QSpinBox::up-button { subcontrol-position: top right; }
QSpinBox::down-button { subcontrol-position: bottom right; }
QSpinBox::up-arrow { image: url(@icon_up); width: 10u; height: 10u; }
QSpinBox::down-arrow { image: url(@icon_down); width: 10u; height: 10u; }
#strip { background: @panel; border: 1px solid @line; border-radius: 6px; }
QComboBox QAbstractItemView { background: @overlay; color: @text; border: 1px solid @ctl; outline: 0;
  selection-background-color: @select; selection-color: @text; }
QPushButton { background: @raised; color: @text; border: 1px solid @ctl; border-radius: 5px; padding: 0 12u;
  min-height: 26u; font-weight: 500; }
QPushButton:hover { background: @hover; }
QPushButton:focus { border: 2px solid @accent; padding: 0 12u-1; min-height: 26u-2; }
QPushButton:disabled { color: @text3; border-color: @line; }
QPushButton[kind="primary"] { background: @fill; color: @on; border: 1px solid @fill; }
QPushButton[kind="primary"]:focus { border: 2px solid @accent; }
QPushButton[kind="primary"]:disabled { background: @hover; color: @text3; border-color: @hover; }
QPushButton[kind="danger"] { background: transparent; color: @bad; border-color: @bad; }
QPushButton[kind="ghost"] { background: transparent; border-color: transparent; color: @text2; }
QPushButton[size="welcome"] { min-height: 36u; }
QPushButton[size="welcome"]:focus { min-height: 36u-2; }
QPushButton[small="true"] { min-height: 18u; padding: 0 4u; }
QPushButton[small="true"]:focus { border: 1px solid @accent; min-height: 18u; padding: 0 4u; }
QPushButton[kind="chip"] { color: @text2; border-color: @ctl; border-radius: 4px; padding: 0 7u; min-height: 18u;
  font-weight: 400; }
QPushButton[kind="chip"]:checked { background: @accent_ground; color: @accent; border-color: @accent; }
QPushButton[kind="chip"]:focus { border: 1px solid @accent; min-height: 18u; padding: 0 7u; }
QPushButton[kind="link"] { background: transparent; border-color: transparent; color: @accent; padding: 0 4u; }
QFrame[role="segments"] { background: @raised; border: 1px solid @line; border-radius: 5px; }
QPushButton[kind="segment"] { background: transparent; border: 1px solid transparent; border-radius: 4px;
  padding: 0 8u;
  min-height: 20u; color: @text2; }
QPushButton[kind="segment"]:hover { color: @text; }
QPushButton[kind="segment"]:checked { background: @hover; border-color: @ctl; color: @text; }
QPushButton[kind="segment"]:focus { border: 2px solid @accent; padding: 0 8u-1; min-height: 20u-2; }
QToolButton { background: transparent; border: 1px solid transparent; border-radius: 5px; padding: 4u; color: @text2; }
QToolButton:hover { background: @hover; }
QToolButton:checked { background: @accent_ground; color: @accent; }
QToolButton:focus { border: 1px solid @accent; }
QToolButton::menu-indicator { image: none; }
QCheckBox, QRadioButton { color: @text; spacing: 8u; }
QCheckBox::indicator { width: 14u; height: 14u; border-radius: 4px; border: 1px solid @text3; background: @raised; }
QCheckBox::indicator:checked { background: @fill; border-color: @fill; image: url(@icon_check); }
QCheckBox::indicator:focus { border: 2px solid @accent; }
QProgressBar { background: @hover; border: 0; border-radius: 4px; max-height: 8px; min-height: 8px; }
QProgressBar::chunk { background: @accent; border-radius: 4px; }
QSlider { min-height: 22px; }
QSlider::groove:horizontal { height: 4px; border-radius: 2px; background: @line; }
QSlider::sub-page:horizontal { background: @accent; border-radius: 2px; }
QSlider::handle:horizontal { width: 10px; height: 10px; margin: -5px 0; border-radius: 7px; border: 2px solid @accent;
  background: @panel; }
QSlider::handle:horizontal:focus { background: @accent; }
QTabBar { background: @panel; qproperty-drawBase: 0; outline: 0; }
QTabBar::tab { background: transparent; color: @text2; padding: 8u 10u 7u; border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: @text; border-bottom: 2px solid @accent; }
QTabBar::tab:focus { color: @accent; }
QTabBar::tear { width: 0; border: 0; image: none; }
QTreeView, QTableView, QListView { background: @panel; color: @text; border: 0; outline: 0;
  selection-background-color: @select; selection-color: @text; }
QTreeView::item, QListView::item { height: 28u; border-bottom: 1px solid @line; }
QTreeView::item:selected, QListView::item:selected, QTableView::item:selected { background: @select; color: @text; }
QHeaderView { background: @panel; }
QHeaderView::section { background: @panel; color: @text3; border: 0; border-bottom: 1px solid @line; padding: 6u 8u; }
QScrollArea, QScrollArea > QWidget > QWidget { background: transparent; border: 0; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: @ctl; border-radius: 3px; margin: 2px; min-height: 28px; min-width: 28px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QStatusBar { background: @panel; border-top: 1px solid @line; color: @text2; }
QStatusBar::item { border: 0; }
QDialog { background: @panel; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QPushButton, QToolButton { icon-size: 16u; }
"""


def style_sheet(theme: Theme) -> str:
    """The sheet in the theme's present colours and size of text."""
    from ui.theme import token_names

    sheet = _LENGTH.sub(lambda found: f"{theme.px(int(found[1])) - int(found[2] or 0)}px", _TEMPLATE)
    for name, file in theme.icon_files().items():
        sheet = sheet.replace(f"@icon_{name}", file)
    for token in sorted(token_names(), key=len, reverse=True):
        sheet = sheet.replace("@" + token, theme.hex(token))
    return sheet
