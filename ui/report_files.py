"""A comparison as a file: a report in HTML or PDF, or its numbers as CSV."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QMarginsF, QObject, QSizeF, QThreadPool, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QImage, QPageLayout, QPageSize, QPainter, QPdfWriter, QTextDocument
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from storage import StorageError
from storage.files import written_atomically
from ui import format
from ui.comparison import ComparedRuns
from ui.context import Context
from ui.dialogs.save_file import ask_for_file
from workbench.analysis.report import Report, report_csv, report_html

#: kind: (words of the menu, filter of the file dialog)
KINDS = {
    "html": ("Report as HTML…", "Report (*.html)"),
    "pdf": ("Report as PDF…", "Report (*.pdf)"),
    "csv": ("Numbers as CSV…", "Numbers (*.csv)"),
}
_FOLDER = "report.folder"
#: pixels of a picture to one of the page, and points per inch of the page's layout
_SHARPNESS, _RESOLUTION = 3, 96


class ReportFiles(QObject):
    """Writes what the compared runs came to, off the window's thread; a notice says how it went."""

    #: file's kind, its path, and what went wrong, empty if nothing did
    written = Signal(str, str, str)

    def __init__(self, context: Context, compared: ComparedRuns) -> None:
        super().__init__()
        self._context, self._compared = context, compared
        self.written.connect(self._tell)

    def ask(self, kind: str) -> None:
        """Ask for a file and write it."""
        folder = Path(str(self._context.preferences.get(_FOLDER, Path.home())))
        proposal, words = folder / f"comparison.{kind}", KINDS[kind][1]
        chosen = ask_for_file(QApplication.activeWindow(), "Save the report", proposal, words)
        if chosen is not None:
            self._context.preferences.set(_FOLDER, str(chosen.parent))
            self.save(kind, chosen)

    def save(self, kind: str, path: Path) -> None:
        """Begin to write the report as "html", "pdf" or "csv"; ``written`` tells the end. Nothing if there is none."""
        report = self.report()
        if report is None:
            return

        def work() -> None:
            try:
                write_report(report, kind, path)
            except (OSError, StorageError) as error:
                self.written.emit(kind, str(path), str(error))
            else:
                self.written.emit(kind, str(path), "")

        QThreadPool.globalInstance().start(work)

    def _tell(self, kind: str, target: str, problem: str) -> None:
        path, notices = Path(target), self._context.notices
        if problem:
            words = f"{path.name} could not be written: {problem}. Choose another folder."
            notices.add("bad", words, "Choose", lambda: self.ask(kind))
        else:
            shown = QUrl.fromLocalFile(target)
            notices.add("ok", f"Saved {path.name}.", "Open", lambda: QDesktopServices.openUrl(shown))

    def report(self) -> Report | None:
        """What would be written now; None while there is no comparison."""
        compared = self._compared.compared
        if compared is None or compared.comparison is None:
            return None
        project = self._context.project.folder.name
        return Report(compared.comparison, compared.evaluations, format.date_time(time.time()), project)


def write_report(report: Report, kind: str, path: Path) -> None:
    """The report as "html", "pdf" or "csv"; from any thread. Raises OSError, storage.DiskFull: then nothing changed."""
    writers: dict[str, Callable[[], bytes]] = {
        "html": lambda: report_html(report).encode(),
        "pdf": lambda: pdf(report),
        "csv": lambda: report_csv(report).encode(),
    }
    content = writers[kind]()
    with written_atomically(path, f"write {path}") as stream:
        stream.write(content)


def pdf(report: Report) -> bytes:
    """The report as PDF on A4 pages."""
    document = QTextDocument()
    document.setHtml(report_html(report, lambda name, svg: _picture(document, name, svg)))
    content = QBuffer()
    content.open(QBuffer.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(content)
    page, millimetres = QPageSize(QPageSize.PageSizeId.A4), QPageLayout.Unit.Millimeter
    landscape = QPageLayout.Orientation.Landscape
    writer.setPageLayout(QPageLayout(page, landscape, QMarginsF(12, 12, 12, 12), millimetres))
    writer.setResolution(_RESOLUTION)
    writer.setTitle(report.title)
    area = writer.pageLayout().paintRectPixels(_RESOLUTION)
    document.setPageSize(QSizeF(area.width(), area.height()))
    document.print_(writer)
    return bytes(content.data().data())


def _picture(document: QTextDocument, name: str, svg: str) -> str:
    """Makes a picture known to the document, and the HTML that shows it."""
    renderer = QSvgRenderer(QByteArray(svg.encode()))
    size = renderer.defaultSize()
    image = QImage(size * _SHARPNESS, QImage.Format.Format_RGB32)
    image.fill(0xFFFFFFFF)
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    document.addResource(QTextDocument.ResourceType.ImageResource, QUrl(f"picture:{name}"), image)
    shown = f"<img src='picture:{name}' width='{size.width()}' height='{size.height()}'>"
    return f"<p style='line-height: 100%'>{shown}</p>"  # a taller line would leave as much room under the picture
