"""The workbench: environments, replay, models, agents and the engine that trains them. No Qt below this package."""
