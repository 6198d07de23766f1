"""The one error of this package."""


class EnvironmentProblem(ValueError):
    """An environment that cannot be used; the message is one sentence or two: what is wrong, and what to do."""
