"""ALM's objective, term by term, with what its ablations put in or leave out."""

from __future__ import annotations

from typing import Any

from workbench.equations import Equation, Term

_MODEL: dict[str, tuple[Any, ...]] = {"actor_loss": ("model",)}
_BOUND: dict[str, tuple[Any, ...]] = {"reconstruction": (False,), "encoder": ("learned", "identity")}
_VALUE: dict[str, tuple[Any, ...]] = {"value_term": (True,), **_BOUND}
_LOGARITHMS_IN_MODEL = ("encoder_only", "naive")

EQUATIONS = (
    Equation(
        "Encoder and model",
        "Eq. 7",
        (
            Term('L_{"rep"} = "E" [ ', {"encoder": ("learned", "identity")}),
            Term("∑_t ", _BOUND),
            Term('"log" ', {**_BOUND, "log_reward": _LOGARITHMS_IN_MODEL}),
            Term("r(z_t, a_t)", _BOUND),
            Term(' − "KL"(m_t ∥ ē_{t+1})', {"kl_term": (True,), "target_encoder": (True,), **_BOUND}),
            Term(' − "KL"(m_t ∥ e_{t+1})', {"kl_term": (True,), "target_encoder": (False,), **_BOUND}),
            Term(' − ∑_t "KL"(m_t ∥ e_{t+1}) − (d(z_0) − s_0)^2', {"reconstruction": (True,)}),
            Term(" + ", _VALUE),
            Term('"log" ', {**_VALUE, "log_reward": _LOGARITHMS_IN_MODEL}),
            Term("Q(z_K, a_K)", _VALUE),
            Term(" − (r(z_0) − r_0)^2 − (Q(z_0) − y_0)^2", {"value_prediction": ("encoder",)}),
            Term(" − (r(z_1) − r_1)^2 − (Q(z_1) − y_1)^2", {"value_prediction": ("encoder_and_model",)}),
            Term(" ]", {"encoder": ("learned", "identity")}),
            Term('"no encoder, no model"', {"encoder": ("states",)}),
        ),
        {"K": "rollout_length"},
    ),
    Equation(
        "Policy",
        "Eq. 8",
        (
            Term('L_{"pol"} = "E" [ '),
            Term("∑_t γ^t (", _MODEL),
            Term('"log" ', {**_MODEL, "log_reward": ("naive",)}),
            Term("r_t", _MODEL),
            Term(' + c "log" ρ_t', {**_MODEL, "classifier_term": (True,)}),
            Term(' − α "log" π(a_t)', {**_MODEL, "entropy_bonus": (True,)}),
            Term(")", _MODEL),
            Term(" + γ^K ", _MODEL),
            Term('"log" ', {**_MODEL, "log_reward": ("naive",)}),
            Term("Q(z_K, a_K)", _MODEL),
            Term(" Q(z, π(z))", {"actor_loss": ("td3",), "encoder": ("learned", "identity")}),
            Term(" Q(s, π(s))", {"actor_loss": ("td3",), "encoder": ("states",)}),
            Term(" ]"),
        ),
        {"K": "rollout_length", "c": "classifier_coefficient"},
    ),
    Equation(
        "Classifier",
        "Eq. 9",
        (
            Term('"log" ρ_t = '),
            Term("f(z_t, a_t, z_{t+1})", {"linear_classifier": (False,)}),
            Term(" w · (z_t, a_t, z_{t+1})", {"linear_classifier": (True,)}),
        ),
        quiet=True,
    ),
    Equation(
        "Latent",
        "Eq. 4",
        (
            Term("z_t ~ e(· | s_t)", {"encoder": ("learned",)}),
            Term(" z_t ~ N(s_t, σ(s_t))", {"encoder": ("identity",)}),
            Term(" z_t = s_t", {"encoder": ("states",)}),
        ),
        quiet=True,
    ),
    Equation(
        "Rewards learned from",
        "Eq. 10, 11",
        (
            Term("r_t", unless={"log_reward": ("shifted",)}),
            Term(" + 20", {"log_reward": _LOGARITHMS_IN_MODEL}),
            Term(' a ("log"(r_t + a) − "log" a), a = 10000', {"log_reward": ("shifted",)}),
        ),
        quiet=True,
    ),
    Equation(
        "Task",
        "Fig. 17",
        (
            Term("s_t"),
            Term(" + N(0, σ)", unless={"observation_noise": (0.0,)}),
            Term('" seen, " x_{t+1}'),
            Term(" + N(0, σ)", unless={"dynamics_noise": (0.0,)}),
            Term('" simulated"'),
        ),
        quiet=True,
    ),
    Equation(
        "Hidden layers",
        "Table 3",
        (
            Term('"ELU"(W x + b)', {"activation": ("elu",)}),
            Term(' "ReLU"(W x + b)', {"activation": ("relu",)}),
        ),
        quiet=True,
    ),
)
