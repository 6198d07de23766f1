"""Storage of a project: rows, files and JSON. It knows neither torch nor the screen."""

from storage.artifacts import ArtifactKind, ArtifactRow, Artifacts
from storage.diagnosis import Finding, inspect
from storage.errors import (
    ArtifactDamaged,
    BundleRefused,
    DiskFull,
    ExpressionError,
    ProjectDamaged,
    ProjectLocked,
    ProjectMissing,
    ProjectReadOnly,
    ProjectTooNew,
    ProjectTooOld,
    StateRefused,
    StorageError,
    UnknownRun,
    UnknownStudy,
)
from storage.exchange import export_bundle, export_csv, export_json, import_bundle
from storage.files import free_bytes, require_space
from storage.lock import Holder
from storage.log import LogRow, RunLog
from storage.project import Project, default_project_folder, open_project
from storage.recovery import quarantine
from storage.reduction import reduce_min_max
from storage.run_filters import RunFilter
from storage.run_lines import RunLine
from storage.run_rows import GroupRow, Lineage, NewRun, RunRow
from storage.run_states import TRANSITIONS, RunState
from storage.runs import Runs
from storage.series import Series
from storage.series_data import SeriesData
from storage.studies import NewVariant, Studies, StudyRow, VariantRow
from storage.writer import Writer

__all__ = [
    "TRANSITIONS",
    "ArtifactDamaged",
    "ArtifactKind",
    "ArtifactRow",
    "Artifacts",
    "BundleRefused",
    "DiskFull",
    "ExpressionError",
    "Finding",
    "GroupRow",
    "Holder",
    "Lineage",
    "LogRow",
    "NewRun",
    "NewVariant",
    "Project",
    "ProjectDamaged",
    "ProjectLocked",
    "ProjectMissing",
    "ProjectReadOnly",
    "ProjectTooNew",
    "ProjectTooOld",
    "RunFilter",
    "RunLine",
    "RunLog",
    "RunRow",
    "RunState",
    "Runs",
    "Series",
    "SeriesData",
    "StateRefused",
    "StorageError",
    "Studies",
    "StudyRow",
    "UnknownRun",
    "UnknownStudy",
    "VariantRow",
    "Writer",
    "default_project_folder",
    "export_bundle",
    "export_csv",
    "export_json",
    "free_bytes",
    "import_bundle",
    "inspect",
    "open_project",
    "quarantine",
    "reduce_min_max",
    "require_space",
]
