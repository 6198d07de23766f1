"""Fitting an ensemble to a growing replay, an epoch at a time, so that it can be left and continued between any two.

Every transition is given out once and for all: to the hold-out, or to each member as often as a bootstrap drew it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from workbench.agents.mpc_settings import EnsembleSettings
from workbench.agents.optimisation import GradientStep, NonFiniteWatch
from workbench.models.ensemble import EnsembleDynamics, change_and_reward
from workbench.noise import Noise
from workbench.replay import ReplayBuffer

#: a gain of this much on the hold-out counts (MBPO)
_GAIN = 0.01
#: with fewer transitions nothing is held out and nothing fitted
_FEWEST = 4
#: an update's gradient is not expected to come near; it keeps a bad batch from throwing the networks far
_MAX_NORM = 1000.0


class EnsembleFit:
    """Trains ``dynamics``; ``running`` from :meth:`begin` until an :meth:`epoch` ends the fit."""

    def __init__(
        self, dynamics: EnsembleDynamics, settings: EnsembleSettings, batch_size: int, device: torch.device
    ) -> None:
        self.dynamics, self.settings, self.batch_size, self.device = dynamics, settings, batch_size, device
        self.optimiser = GradientStep(dynamics.parameters(), settings.learning_rate, _MAX_NORM)
        self.watch = NonFiniteWatch(device)
        self.running = False
        self._given_out = 0  # slots before this one have their place
        #: the slots that each member learns from [members, n], as often as they were drawn
        self.bootstrap = torch.zeros(dynamics.members, 0, dtype=torch.int64)
        #: the slots that none learns from [m]
        self.hold_out = torch.zeros(0, dtype=torch.int64)
        self._epochs = self._stale = 0
        #: each member's least error on the hold-out in this fit [members]
        self.best_errors = torch.zeros(dynamics.members, device=device)
        self._best_weights = [parameter.detach().clone() for parameter in dynamics.parameters()]

    def begin(self, replay: ReplayBuffer, noise: Noise) -> bool:
        """Give out what is new and begin a fit; False if there is too little to hold anything out."""
        self._give_out(replay, noise)
        if not (self.bootstrap.shape[1] and len(self.hold_out)):
            return False
        train = self.bootstrap.flatten().unique()
        self.dynamics.normalise(*_rows(replay, train, self.device))
        self.optimiser.load({"steps": torch.zeros(())})
        self.running, self._epochs, self._stale = True, 0, 0
        self.best_errors = self.held_out_errors(replay)
        self._keep(torch.ones(self.dynamics.members, dtype=torch.bool, device=self.device))
        return True

    def epoch(self, replay: ReplayBuffer, noise: Noise) -> tuple[int, dict[str, Tensor]]:
        """One pass over every member's bootstrap; the number of updates, and their mean metrics."""
        members, count = self.bootstrap.shape
        order = torch.stack([self.bootstrap[m][noise.permutation(count, "epoch").cpu()] for m in range(members)])
        losses, norms = [], []
        for begin in range(0, count, self.batch_size):
            slots = order[:, begin : begin + self.batch_size]
            observation, action, output = (
                rows.view(*slots.shape, -1) for rows in _rows(replay, slots.flatten(), self.device)
            )
            loss = self.dynamics.loss(observation, action, output)
            norm = self.optimiser(loss)
            self.watch.look({"loss/model": loss.detach(), "gradient_norm/model": norm})
            losses.append(loss.detach())
            norms.append(norm)
        errors = self.held_out_errors(replay)
        self._epochs += 1
        gained = (self.best_errors - errors) > _GAIN * self.best_errors
        self.best_errors = torch.where(gained, errors, self.best_errors)
        self._keep(gained)
        self._stale = 0 if bool(gained.any()) else self._stale + 1
        if self._stale >= self.settings.patience or self._epochs >= self.settings.most_epochs:
            self._finish()
        return len(losses), {
            "loss/model": torch.stack(losses).mean(),
            "gradient_norm/model": torch.stack(norms).mean(),
            "model/held_out_error": self.best_errors.mean(),
        }

    def _finish(self) -> None:
        """Each member goes back to where it was best."""
        self.running = False
        with torch.no_grad():
            for parameter, best in zip(self.dynamics.parameters(), self._best_weights, strict=True):
                parameter.copy_(best)

    @torch.no_grad()
    def _keep(self, gained: Tensor) -> None:
        for best, parameter in zip(self._best_weights, self.dynamics.parameters(), strict=True):
            best.copy_(torch.where(gained.view(-1, *[1] * (best.ndim - 1)), parameter, best))

    @torch.no_grad()
    def held_out_errors(self, replay: ReplayBuffer) -> Tensor:
        """Mean squared error [members] on the hold-out, in normalised units."""
        return self.dynamics.errors(*_rows(replay, self.hold_out, self.device))

    def _give_out(self, replay: ReplayBuffer, noise: Noise) -> None:
        """New transitions to hold-out and bootstraps; those that the replay forgot are left out."""
        begin = max(self._given_out, replay.oldest)
        slots = torch.arange(begin, replay.closed)
        if len(slots):
            slots = slots[replay.windows(slots.to(replay.device), 1).valid[0].cpu()]
        if not self._given_out and len(slots) < _FEWEST:
            return
        self._given_out = replay.closed
        if len(slots):
            held = noise.uniform((len(slots),), "hold_out").cpu() < self.settings.hold_out
            if not len(self.hold_out):
                held[0], held[1] = True, False  # with little data chance may forget one or the other
            new = slots[~held]
            self.hold_out = torch.cat((self.hold_out, slots[held]))
            if len(new):
                drawn = noise.indices(len(new), (self.dynamics.members, len(new)), "bootstrap").cpu()
                self.bootstrap = torch.cat((self.bootstrap, new[drawn]), 1)
        self.hold_out = self.hold_out[self.hold_out >= replay.oldest]
        if self.bootstrap.shape[1] and int(self.bootstrap.min()) < replay.oldest:
            kept = [member[member >= replay.oldest] for member in self.bootstrap]
            shortest = min(len(member) for member in kept)
            self.bootstrap = torch.stack([member[len(member) - shortest :] for member in kept])

    # ---- continuing later -------------------------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and JSON; the networks themselves are the agent's to keep."""
        tensors = {f"optimiser/model.{name}": tensor for name, tensor in self.optimiser.state().items()}
        tensors |= {f"fit/best_{number}": best for number, best in enumerate(self._best_weights)}
        tensors |= {
            "fit/bootstrap": self.bootstrap,
            "fit/hold_out": self.hold_out,
            "fit/best_errors": self.best_errors,
            "watch/counters": self.watch.counters,
        }
        document = {
            "running": self.running,
            "given_out": self._given_out,
            "epochs": self._epochs,
            "stale": self._stale,
            "watched": list(self.watch.names),
        }
        return tensors, document

    def load(self, tensors: Mapping[str, Tensor], document: Mapping[str, Any]) -> None:
        """Continue from :meth:`state`."""
        prefix = "optimiser/model."
        self.optimiser.load({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
        for number, best in enumerate(self._best_weights):
            best.copy_(tensors[f"fit/best_{number}"])
        self.bootstrap, self.hold_out = tensors["fit/bootstrap"].clone(), tensors["fit/hold_out"].clone()
        self.best_errors = tensors["fit/best_errors"].clone().to(self.device)
        self.watch.counters.copy_(tensors["watch/counters"])
        self.watch.names = tuple(document["watched"])
        self.running, self._given_out = document["running"], document["given_out"]
        self._epochs, self._stale = document["epochs"], document["stale"]


def _rows(replay: ReplayBuffer, slots: Tensor, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Observations [n, observations], actions [n, action] and outputs [n, observations + 1] of transitions."""
    batch = replay.windows(slots.to(replay.device), 1).to(device)
    observations = batch.observations.flatten(2).float()
    outputs = change_and_reward(observations[0], observations[1], batch.rewards[0])
    return observations[0], batch.actions[0], outputs
