"""What the short names of sources mean that settings carry: the full citation, and where the paper can be read."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """One publication; ``url`` is empty where no free text is known."""

    citation: str
    url: str = ""


_ALM = Source(
    "Ghugare, Bharadhwaj, Eysenbach, Levine and Salakhutdinov 2023: Simplifying Model-based RL: Learning "
    "Representations, Latent-space Models, and Policies with One Objective. ICLR.",
    "https://arxiv.org/abs/2209.08466",
)
_CEM_PAPERS = {
    "PETS": Source(
        "Chua, Calandra, McAllister and Levine 2018: Deep Reinforcement Learning in a Handful of Trials using "
        "Probabilistic Dynamics Models. NeurIPS.",
        "https://arxiv.org/abs/1805.12114",
    ),
    "PlaNet": Source(
        "Hafner, Lillicrap, Fischer, Villegas, Ha, Lee and Davidson 2019: Learning Latent Dynamics for Planning from "
        "Pixels. ICML.",
        "https://arxiv.org/abs/1811.04551",
    ),
    "iCEM": Source(
        "Pinneri, Sawant, Blaes, Achterhold, Stueckler, Rolinek and Martius 2020: Sample-efficient Cross-Entropy "
        "Method for Real-time Planning. CoRL.",
        "https://arxiv.org/abs/2008.06389",
    ),
}
#: how sources are named in settings -> the publication
PAPERS = _CEM_PAPERS | {
    "ALM": _ALM,
    "MBPO": Source(
        "Janner, Fu, Zhang and Levine 2019: When to Trust Your Model: Model-Based Policy Optimization. NeurIPS.",
        "https://arxiv.org/abs/1906.08253",
    ),
    "MPPI": Source(
        "Williams, Wagener, Goldfain, Drews, Rehg, Boots and Theodorou 2017: Information Theoretic MPC for Model-Based "
        "Reinforcement Learning. ICRA."
    ),
    "TD-MPC2": Source(
        "Hansen, Su and Wang 2024: TD-MPC2: Scalable, Robust World Models for Continuous Control. ICLR.",
        "https://arxiv.org/abs/2310.16828",
    ),
    "Dreamer": Source(
        "Hafner, Lillicrap, Ba and Norouzi 2020: Dream to Control: Learning Behaviors by Latent Imagination. ICLR.",
        "https://arxiv.org/abs/1912.01603",
    ),
    "Grad-MPC": Source("Bharadhwaj, Xie and Shkurti 2020: gradient-based planning through a learned model."),
    "Wang et al. 2019": Source(
        "Wang, Bao, Clavera et al. 2019: Benchmarking Model-Based Reinforcement Learning.",
        "https://arxiv.org/abs/1907.02057",
    ),
    "Moerland et al. 2018": Source(
        "Moerland, Broekens, Plaat and Jonker 2018: A0C: Alpha Zero in Continuous Action Space.",
        "https://arxiv.org/abs/1805.09613",
    ),
    "Hubert et al. 2021": Source(
        "Hubert, Schrittwieser, Antonoglou, Barekatain, Schmitt and Silver 2021: Learning and Planning in Complex "
        "Action Spaces. ICML.",
        "https://arxiv.org/abs/2104.06303",
    ),
    "Schrittwieser et al. 2020": Source(
        "Schrittwieser, Antonoglou, Hubert et al. 2020: Mastering Atari, Go, Chess and Shogi by Planning with a "
        "Learned Model. Nature.",
        "https://arxiv.org/abs/1911.08265",
    ),
    "Tassa et al. 2012": Source(
        "Tassa, Erez and Todorov 2012: Synthesis and Stabilization of Complex Behaviors through Online Trajectory "
        "Optimization. IROS."
    ),
    "Tassa, Mansard and Todorov 2014": Source(
        "Tassa, Mansard and Todorov 2014: Control-Limited Differential Dynamic Programming. ICRA."
    ),
    "Auer et al. 2002": Source(
        "Auer, Cesa-Bianchi and Fischer 2002: Finite-time Analysis of the Multiarmed Bandit Problem. Machine Learning."
    ),
    "Kocsis and Szepesvari 2006": Source("Kocsis and Szepesvari 2006: Bandit Based Monte-Carlo Planning. ECML."),
    "Chaslot et al. 2008": Source("Chaslot, Winands and van den Herik 2008: Parallel Monte-Carlo Tree Search. CG."),
}
#: agent -> its own paper, to which a bare "Eq. 8" or "Table 3" belongs
OWN = {"alm": _ALM}
_BARE = re.compile(r"^(Eq\.|Table|Fig\.|App\.|Algorithm|Sec\.)")


def sources_of(text: str, agent: str = "") -> tuple[Source, ...]:
    """The publications that a settings field's source names, in order; ``agent`` is whose settings they are.

    A part that names none, such as a bare "Eq. 8", means the agent's own paper. Empty where nothing is known.
    """
    named = sorted((text.index(name), name) for name in PAPERS if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text))
    found = [PAPERS[name] for _, name in named]
    if not found and agent in OWN and _BARE.match(text):
        found = [OWN[agent]]
    return tuple(found)
