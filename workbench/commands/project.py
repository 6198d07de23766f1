"""The project that a command works on: the folder of ``--project``, or the one in the user's data folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage import Project


def folder_of(arguments: argparse.Namespace) -> Path:
    """The project's folder."""
    from storage import default_project_folder

    return default_project_folder() if arguments.project is None else arguments.project


def reading(arguments: argparse.Namespace) -> Project:
    """The project, opened for reading; use it in a ``with`` statement. Raises storage.StorageError."""
    from storage import open_project

    return open_project(folder_of(arguments))


def writing(arguments: argparse.Namespace) -> Project:
    """The project, opened for writing; use it in a ``with`` statement. Raises storage.StorageError."""
    from storage import open_project

    return open_project(folder_of(arguments), write=True)
