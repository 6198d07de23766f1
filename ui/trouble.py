"""Says for as long as it lasts why nothing can be saved; training waits meanwhile."""

from __future__ import annotations

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from ui.context import Context
from ui.controls.banner import Banner


class TroubleBanner(Banner):
    """Watches the workers' channels and the writer."""

    def __init__(self, context: Context) -> None:
        super().__init__(context.theme, "bad")
        self._context = context
        self._hidden = ""
        url = QUrl.fromLocalFile(str(context.project.folder))
        self.add_button("Show the folder", lambda: QDesktopServices.openUrl(url), "folder")
        self.cross.clicked.connect(self._put_aside)
        context.feed.ticked.connect(self.look)

    def look(self) -> None:
        """Show what is wrong now; hides itself when it is over."""
        trouble = self._trouble()
        if not trouble:
            self._hidden = ""
            self.hide()
        elif trouble != self._hidden:
            self.say(f"{trouble} Training waits, and goes on by itself as soon as there is room.")

    def _trouble(self) -> str:
        queue = self._context.engine.queue
        for worker in queue.workers() if queue is not None else []:
            if worker.channel.trouble:
                return worker.channel.trouble
        project = self._context.project
        if project.writable and project.writer.fault is not None:
            return str(project.writer.fault)
        return ""

    def _put_aside(self) -> None:
        self._hidden = self._trouble()
