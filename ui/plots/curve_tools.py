"""The tool row over the curves: metric, x axis, smoothing, seeds, scale; what has no room is in the menu."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QToolButton,
    QWidget,
)

from ui.controls.labels import Label
from ui.controls.segmented import Segmented
from ui.guard import guarded
from ui.plots.choices import AXES, SPREADS, CurveChoices
from ui.plots.metric_box import MetricBox
from ui.theme import Theme
from workbench.analysis.references import Reference

_GAP = 8
#: px at text scale 100 % to which the x axis' box can be squeezed
_AXIS_WIDTH = 112
_SMOOTHINGS = (("None", 0.0, 1), ("A little", 0.6, 5), ("Some", 0.9, 20), ("Much", 0.99, 100))
#: bands that have a button; the menu has all of them
_SEGMENTS = ("std", "ci", "iqm")
_CLIPS = ((0.0, "Off"), (1.0, "1 % at either end"), (2.5, "2.5 % at either end"), (5.0, "5 % at either end"))


class CurveTools(QWidget):
    """Shows :class:`CurveChoices` and tells what the user makes of them."""

    changed = Signal(object)  # CurveChoices
    home = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._choices = CurveChoices()
        self.metric_box = MetricBox(theme)
        self.axis = _AxisBox()
        self.axis.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.axis.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.smooth_label = Label(theme, "Smooth", 11, token="text2")
        self.smooth = _ShortNumber()
        spreads = [(name, SPREADS[name][0], f"Band: {SPREADS[name][1]}") for name in _SEGMENTS]
        self.spread = Segmented(theme, "Band", spreads)
        scales = [("linear", "Linear", "Linear axis"), ("log", "Log", "Logarithmic axis  L")]
        self.scale = Segmented(theme, "Scale", scales)
        self.home_button = _button("Show everything again  Home")
        self.export_button = _button("Export  Ctrl+E")
        self.options_button = _button("Smoothing, seeds, outliers")
        self.export_menu, self.options_menu = QMenu(self.export_button), QMenu(self.options_button)
        self.export_button.setMenu(self.export_menu)
        self.options_button.setMenu(self.options_menu)
        self._actions: list[tuple[QAction, dict[str, Any]]] = []
        self._lay_out()
        self._fill()
        self._connect()
        self.repaint_colors()
        self.show_choices(self._choices, ())

    def _lay_out(self) -> None:
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(_GAP)
        for widget in (self.metric_box, self.axis, self.smooth_label, self.smooth, self.spread, self.scale):
            row.addWidget(widget)
        row.addStretch(1)
        for button in (self.home_button, self.export_button, self.options_button):
            row.addWidget(button)
        self.axis.setAccessibleName("X axis")
        self.smooth.setAccessibleName("Smoothing")
        self.smooth_label.setBuddy(self.smooth)
        self.smooth.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        self.smooth.setKeyboardTracking(False)

    def _fill(self) -> None:
        for name, axis in AXES.items():
            self.axis.addItem(axis.title, name)
            self.axis.setItemData(self.axis.count() - 1, axis.help, Qt.ItemDataRole.ToolTipRole)
        menu = self.options_menu
        smoothing = menu.addMenu("Smoothing")
        kinds = (("Exponential", "exponential"), ("Running mean", "mean"))
        self._options(smoothing, [(words, {"smoothing": kind}) for words, kind in kinds])
        smoothing.addSeparator()
        self._options(smoothing, [(words, {"weight": w, "window": n}) for words, w, n in _SMOOTHINGS])
        self._options(menu.addMenu("Band"), [(words, {"spread": name}) for name, (words, _) in SPREADS.items()])
        self._options(menu.addMenu("Outliers"), [(words, {"clip": percent}) for percent, words in _CLIPS])
        self._references = menu.addMenu("Published curves")
        self._references.setToolTipsVisible(True)
        menu.addSeparator()
        groupings = (("All seeds of a group as one", True), ("Every run by itself", False))
        self._options(menu, [(words, {"grouped": grouped}) for words, grouped in groupings])
        menu.addSeparator()
        self._options(menu, [("Raw curves behind", {"behind": True})])
        self._options(menu, [("Logarithmic axis\tL", {"log": True})])

    def _options(self, menu: QMenu, options: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Entries that set choices: one of several, or one that is on or off."""
        group = QActionGroup(menu)
        for words, values in options:
            action = menu.addAction(words)
            action.setCheckable(True)
            if len(options) > 1:
                group.addAction(action)
                action.triggered.connect(lambda _on=False, values=values: self._choose(**values))
            else:
                action.triggered.connect(lambda on, values=values: self._choose(**dict.fromkeys(values, on)))
            self._actions.append((action, values))

    def _connect(self) -> None:
        self.metric_box.chosen.connect(lambda name: self._choose(metric=name))
        self.axis.activated.connect(lambda index: self._choose(axis=self.axis.itemData(index)))
        self.smooth.valueChanged.connect(self._smooth)
        self.spread.chosen.connect(lambda name: self._choose(spread=name))
        self.scale.chosen.connect(lambda name: self._choose(log=name == "log"))
        self.home_button.clicked.connect(self.home)

    def _smooth(self, value: float) -> None:
        if self._choices.smoothing == "exponential":
            self._choose(weight=round(value, 4))
        else:
            self._choose(window=max(1, round(value)))

    def _choose(self, **values: Any) -> None:
        choices = self._choices.changed(**values)
        if choices != self._choices:
            self.changed.emit(choices)

    def offer_references(self, known: Sequence[Reference]) -> None:
        """The published curves that fit what is shown."""
        self._references.clear()
        for reference in known:
            action = self._references.addAction(reference.title)
            action.setToolTip(reference.source)
            action.setCheckable(True)
            action.setChecked(reference.name in self._choices.references)
            action.triggered.connect(lambda on, name=reference.name: self._switch_reference(name, on))
        if not known:
            self._references.addAction("None fits these runs and this metric").setEnabled(False)

    def _switch_reference(self, name: str, on: bool) -> None:
        others = tuple(each for each in self._choices.references if each != name)
        self._choose(references=(*others, name) if on else others)

    def show_choices(self, choices: CurveChoices, metrics: Sequence[str]) -> None:
        """Put every control where the choices say, without telling."""
        self._choices = choices
        self.metric_box.set_metrics(metrics, choices.metric)
        self.axis.setCurrentIndex(self.axis.findData(choices.axis))
        self.axis.setToolTip(choices.x_axis.help)
        self.spread.set_value(choices.spread)
        self.scale.set_value("log" if choices.log else "linear")
        exponential = choices.smoothing == "exponential"
        self.smooth.blockSignals(True)
        self.smooth.setDecimals(3 if exponential else 0)
        self.smooth.setRange(0.0 if exponential else 1.0, 0.999 if exponential else 100_000.0)
        self.smooth.setSingleStep(0.05 if exponential else 5.0)
        self.smooth.setValue(choices.weight if exponential else choices.window)
        self.smooth.blockSignals(False)
        self.smooth.setToolTip(
            "Exponential smoothing of all points, without bias: the weight of the past, 0 (none) to 0.999."
            if exponential
            else "Running mean of all points: over how many, back from each; 1 is none."
        )
        for action, values in self._actions:
            # Both strengths of smoothing stand in one entry; the one that is in use decides.
            unused = "window" if exponential else "weight"
            fits = all(getattr(choices, name) == value for name, value in values.items() if name != unused)
            action.setChecked(fits)

    def repaint_colors(self) -> None:
        """Take icons, fonts and lengths from the theme again."""
        theme = self._theme
        self.home_button.setIcon(theme.icon("restart"))
        self.export_button.setIcon(theme.icon("export"))
        self.options_button.setIcon(theme.icon("sliders"))
        self.metric_box.setMinimumWidth(theme.px(144))
        self.metric_box.setMaximumWidth(theme.px(220))
        self.smooth.setFixedWidth(theme.px(56))
        self._make_room()

    def _make_room(self) -> None:
        """Hide what has no room, the last first; the menu holds it all."""
        optional: tuple[tuple[QWidget, ...], ...] = ((self.smooth_label, self.smooth), (self.spread,), (self.scale,))
        narrowest, wide, least = self._narrowest(), self.axis.sizeHint().width(), self._theme.px(_AXIS_WIDTH)
        self.axis.setFixedWidth(max(least, min(wide, least + self.width() - narrowest)))
        used = narrowest + wide - least + _GAP
        for widgets in optional:
            used += sum(min(widget.sizeHint().width(), widget.maximumWidth()) + _GAP for widget in widgets)
            for widget in widgets:
                widget.setVisible(used <= self.width())

    def minimumSizeHint(self) -> QSize:
        """Qt's; the metric, the axis and the buttons always have their place."""
        return QSize(self._narrowest(), super().minimumSizeHint().height())

    def _narrowest(self) -> int:
        buttons = (self.home_button, self.export_button, self.options_button)
        used = self.metric_box.minimumWidth() + _GAP + self._theme.px(_AXIS_WIDTH)
        return used + sum(button.sizeHint().width() + _GAP for button in buttons)

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Qt's."""
        super().resizeEvent(event)
        self._make_room()


class _AxisBox(QComboBox):
    """Where its words have no room they end in dots."""

    def sizeHint(self) -> QSize:
        """Qt's, which does not know how far the style sheet keeps the words from the arrow."""
        size = super().sizeHint()
        return QSize(size.width() + self.fontMetrics().averageCharWidth(), size.height())

    @guarded
    def initStyleOption(self, option: QStyleOptionComboBox) -> None:
        """Qt's."""
        super().initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self).width()
        option.currentText = self.fontMetrics().elidedText(option.currentText, Qt.TextElideMode.ElideRight, room)


class _ShortNumber(QDoubleSpinBox):
    """Writes 0.9, not 0.900."""

    def textFromValue(self, value: float) -> str:
        """Qt's."""
        return f"{value:g}"


def _button(tip: str) -> QToolButton:
    button = QToolButton()
    button.setToolTip(tip)
    button.setAccessibleName(tip.partition("  ")[0])
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    return button
