"""Settings of the window: theme, size of text, notifications, and where the project is."""

from __future__ import annotations

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from ui.context import Context

MODES = (("system", "As the system"), ("dark", "Dark"), ("light", "Light"))
#: the preference that says whether the desktop is told of runs that end
NOTIFY = "notifications.desktop"


class SettingsDialog(QDialog):
    """Every change takes effect and is written at once."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.setWindowTitle("Settings")
        self.theme_choice = QComboBox()
        for mode, words in MODES:
            self.theme_choice.addItem(words, mode)
        self.theme_choice.setCurrentIndex(self.theme_choice.findData(context.theme.mode))
        self.scale = QSlider(Qt.Orientation.Horizontal)
        self.scale.setRange(9, 15)
        self.scale.setPageStep(1)
        self.scale.setValue(round(context.theme.scale * 10))
        self.scale_words = QLabel()
        self.notify = QCheckBox("Tell the desktop when a run ends or fails while this window is in the background")
        self.notify.setChecked(bool(context.preferences.get(NOTIFY, True)))
        self._lay_out()
        self._say_scale()
        self.theme_choice.currentIndexChanged.connect(self._set_mode)
        self.scale.valueChanged.connect(self._move_scale)
        self.scale.sliderReleased.connect(self._set_scale)
        self.notify.toggled.connect(lambda on: context.preferences.set(NOTIFY, on))

    def _lay_out(self) -> None:
        size = QHBoxLayout()
        size.addWidget(self.scale, 1)
        size.addWidget(self.scale_words)
        folder = str(self._context.project.folder)
        place = QLabel(folder)
        place.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        place.setWordWrap(True)
        place.setProperty("role", "label")
        show = QPushButton("Show the folder")
        show.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(folder)))
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(12)
        for row, (name, field) in enumerate((("Theme", self.theme_choice), ("Size of text", None), ("Project", place))):
            label = QLabel(name)
            grid.addWidget(label, row, 0)
            if field is None:
                label.setBuddy(self.scale)
                self.scale.setAccessibleName(name)
                grid.addLayout(size, row, 1)
            else:
                label.setBuddy(field)
                field.setAccessibleName(name)
                grid.addWidget(field, row, 1)
        grid.addWidget(show, 3, 1, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(self.notify, 4, 0, 1, 2)
        grid.setColumnStretch(1, 1)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 14)
        column.setSpacing(14)
        column.addLayout(grid)
        column.addStretch(1)
        column.addWidget(close)
        self.setMinimumWidth(self._context.theme.px(520))

    def _set_mode(self) -> None:
        mode = self.theme_choice.currentData()
        self._context.preferences.set("theme.mode", mode)
        self._context.theme.set_mode(mode)

    def _say_scale(self) -> None:
        self.scale_words.setText(f"{self.scale.value() * 10} %")

    def _move_scale(self) -> None:
        self._say_scale()
        if not self.scale.isSliderDown():  # while it is dragged the text under the mouse must not change its size
            self._set_scale()

    def _set_scale(self) -> None:
        value = self.scale.value() / 10
        if value != self._context.theme.scale:
            self._context.preferences.set("theme.scale", value)
            self._context.theme.set_scale(value)
