"""What every panel is given."""

from __future__ import annotations

from dataclasses import dataclass, field

from storage import Project
from ui.actions import ActionRegistry
from ui.cursor import TimeCursor
from ui.engine import Engine
from ui.feed import Feed
from ui.notices import Notices
from ui.preferences import Preferences
from ui.selection import Selection
from ui.theme import Theme
from ui.undo import UndoStack


@dataclass
class Context:
    """The application's parts, without the window: a panel can be started and tested with one of its own."""

    project: Project
    engine: Engine
    feed: Feed
    selection: Selection
    cursor: TimeCursor
    theme: Theme
    preferences: Preferences
    notices: Notices
    actions: ActionRegistry
    undo: UndoStack = field(default_factory=UndoStack)
    #: what several panels share beside these, by name
    parts: dict[str, object] = field(default_factory=dict)
