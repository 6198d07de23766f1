"""Agents, one file each; this table is all that a new one is added to."""

from workbench.registry import Entry, Registry

AGENTS = Registry(
    "agent",
    {
        "alm": Entry(
            target="workbench.agents.alm:AlignedLatentModel",
            settings="workbench.agents.alm_settings:AlmSettings",
            title="ALM: Aligned Latent Models",
        ),
        "mpc": Entry(
            target="workbench.agents.mpc:ModelPredictiveControl",
            settings="workbench.agents.mpc_settings:MpcSettings",
            title="MPC: a planner in an ensemble (PETS, MBRL 0.5 to 1.5)",
        ),
    },
)
