"""A comparison as a file: a report in HTML or PDF, or its numbers as CSV."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import QByteArray, QMarginsF, QSizeF, QUrl
from PySide6.QtGui import QDesktopServices, QImage, QPageLayout, QPageSize, QPainter, QPdfWriter, QTextDocument
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QFileDialog

from storage import StorageError
from storage.files import written_atomically
from ui import format
from ui.comparison import ComparedRuns
from ui.context import Context
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


class ReportFiles:
    """Writes what the compared runs came to; a notice says how it went."""

    def __init__(self, context: Context, compared: ComparedRuns) -> None:
        self._context, self._compared = context, compared

    def ask(self, kind: str) -> None:
        """Ask for a file and write it."""
        folder = Path(str(self._context.preferences.get(_FOLDER, Path.home())))
        proposal, words = folder / f"comparison.{kind}", KINDS[kind][1]
        chosen, _ = QFileDialog.getSaveFileName(QApplication.activeWindow(), "Save the report", str(proposal), words)
        if chosen:
            self._context.preferences.set(_FOLDER, str(Path(chosen).parent))
            self.save(kind, Path(chosen).with_suffix(f".{kind}"))

    def save(self, kind: str, path: Path) -> bool:
        """Write the report as "html", "pdf" or "csv"; returns whether it went well."""
        report = self.report()
        if report is None:
            return False
        try:
            if kind == "pdf":
                write_pdf(report, path)
            else:
                text = report_html(report) if kind == "html" else report_csv(report)
                with written_atomically(path, f"write {path}") as stream:
                    stream.write(text.encode())
        except (OSError, StorageError) as error:
            words = f"{path.name} could not be written: {error}. Choose another folder."
            self._context.notices.add("bad", words, "Choose", lambda: self.ask(kind))
            return False
        shown = QUrl.fromLocalFile(str(path))
        self._context.notices.add("ok", f"Saved {path.name}.", "Open", lambda: QDesktopServices.openUrl(shown))
        return True

    def report(self) -> Report | None:
        """What would be written now; None while there is no comparison."""
        compared = self._compared.compared
        if compared is None or compared.comparison is None:
            return None
        project = self._context.project.folder.name
        return Report(compared.comparison, compared.evaluations, format.date_time(time.time()), project)


def write_pdf(report: Report, path: Path) -> None:
    """The report as PDF on A4 pages. Raises OSError."""
    document = QTextDocument()
    document.setHtml(report_html(report, lambda name, svg: _picture(document, name, svg)))
    with path.open("ab"):  # a folder that cannot be written is said before pages are laid out
        pass
    writer = QPdfWriter(str(path))
    page, millimetres = QPageSize(QPageSize.PageSizeId.A4), QPageLayout.Unit.Millimeter
    landscape = QPageLayout.Orientation.Landscape
    writer.setPageLayout(QPageLayout(page, landscape, QMarginsF(12, 12, 12, 12), millimetres))
    writer.setResolution(_RESOLUTION)
    writer.setTitle(report.title)
    area = writer.pageLayout().paintRectPixels(_RESOLUTION)
    document.setPageSize(QSizeF(area.width(), area.height()))
    document.print_(writer)


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
