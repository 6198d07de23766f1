"""Planners, one file each; this table is all that a new one is added to."""

from workbench.registry import Entry, Registry


def _entry(module: str, planner: str, title: str) -> Entry:
    """A planner's class, and its settings in the module of the same name."""
    path = f"workbench.planners.{module}"
    return Entry(f"{path}:{planner}", f"{path}_settings:{planner}Settings", title)


PLANNERS = Registry(
    "planner",
    {
        "cem": _entry("cem", "Cem", "CEM"),
        "mppi": _entry("mppi", "Mppi", "MPPI"),
        "gradient": _entry("gradient", "GradientMpc", "Grad-MPC"),
        "policy-gradient": _entry("policy_gradient_mpc", "PolicyGradientMpc", "Policy + Grad-MPC"),
        "cem-gradient": _entry("cem_gradient", "CemGradient", "CEM with gradient steps"),
        "ilqr": _entry("ilqr", "Ilqr", "iLQR"),
        "mcts": _entry("mcts", "Mcts", "MCTS"),
        "random-shooting": _entry("random_shooting", "RandomShooting", "Random shooting"),
    },
)
