"""What can be done with a dock, as a menu: with all that its title bar has no room for."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDockWidget, QMenu

from ui.dock import PanelDock


def dock_menu(dock: PanelDock, enlarge: Callable[[], None], reset: Callable[[], None]) -> QMenu:
    """The menu of a dock; ``enlarge`` gives it the whole workspace, and ``reset`` brings the first layout back."""
    menu = QMenu(dock)
    menu.addAction("Enlarge", enlarge)
    floating = menu.addAction("Float", lambda: dock.setFloating(not dock.isFloating()))
    menu.addAction("Copy picture", lambda: QGuiApplication.clipboard().setPixmap(dock.panel.grab()))
    menu.addSeparator()
    menu.addAction("Reset layout", reset)
    closing = menu.addAction("Close", dock.close)

    squeezed = menu.addSeparator()

    def prepare() -> None:
        for action in menu.actions()[menu.actions().index(squeezed) + 1 :]:
            menu.removeAction(action)
        for control in dock.bar.squeezed():
            words = control.text() or control.accessibleName() or control.toolTip()
            menu.addAction(control.icon(), words, control.click).setEnabled(control.isEnabled())
        floating.setText("Dock again" if dock.isFloating() else "Float")
        free = dock.features() != QDockWidget.DockWidgetFeature.NoDockWidgetFeatures
        floating.setEnabled(free)
        closing.setEnabled(free)

    menu.aboutToShow.connect(prepare)
    return menu
