"""The feature of straight chains in a wavelet map: as measured, and as their parameters make it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from xorder.fitting import FitResult
from xorder.parameters import Space
from xorder.results import Array, Number
from xorder.xas.shell_objectives import ShellObjective
from xorder.xas.transforms import window_function
from xorder.xas.wavelet_features import wavelet_mean
from xorder.xas.wavelets import transform_to_wavelets, wavelet_map

__all__ = ["ChainFeature"]

#: Half widths of the box about the chain's own maximum, in Å⁻¹ and Å.
BOX_K, BOX_R = 2.0, 0.6

#: Resolution of the wavelet map, and its step in R (Å).
RHO, MAP_STEP = 10.0, 0.06

#: Values at which an explanation is tried.
TRIALS = 15


class ChainFeature:
    """The chains' feature in the wavelet map: measured, and as a function of the parameters."""

    def __init__(self, objective: ShellObjective, found: FitResult) -> None:
        self._objective, self._found = objective, found
        self._space = Space(found.parameters)
        self._best = self._space.start
        exafs = objective.exafs
        self._k, self._step = exafs.k, float(exafs.k[1] - exafs.k[0])
        self._weight = objective.space.k_weight[len(objective.space.k_weight) // 2]
        fitted = objective.space
        shape = window_function(exafs.k, k_range=fitted.k_range, dk=fitted.dk, window=fitted.window)
        self._factor = shape * exafs.k**self._weight
        self._chain = np.array([shell.sigma2 == "sigma2_chain" for shell in objective.shells])
        self.k_box, self.r_box = self._place()
        self._r = np.arange(self.r_box[0], self.r_box[1], MAP_STEP)
        self._inside = (exafs.k >= self.k_box[0]) & (exafs.k <= self.k_box[1])
        self.measured = self._measured()

    def straight(self) -> Number:
        """Return the amplitude of straight chains of independent bonds, with the fit's error."""
        value, stderr = self._with_error(lambda x: self._at(self._ordered(x, bend_square=0.0)))
        return Number(
            name="amplitude_straight", value=value, stderr=stderr, unit=self.measured.unit
        )

    def explanation(self, name: str, trials: Array, **held: float) -> Number:
        """Return the value of one parameter that alone explains the measured amplitude.

        The chain is ordered like its bonds unless its disorder is tried.
        """
        return self._explained(
            name, trials, lambda x, trial: self._at(self._ordered(x, **{**held, name: trial}))
        )

    def chains(self) -> Number:
        """Return the share of straight, ordered chains that explains the amplitude."""

        def amplitude(x: Array, share: float) -> float:
            chi = self._objective.chi(self._space.values(self._ordered(x, bend_square=0.0)))
            rest, chain = chi[:, ~self._chain].sum(axis=1), chi[:, self._chain].sum(axis=1)
            return self._mean(rest + share * chain)

        return self._explained("chains_if_straight", np.linspace(1.5, 0.0, TRIALS), amplitude)

    def alike(self, largest: float) -> tuple[Array, Array]:
        """Return squares of bends, 0 to `largest`, and the disorder that with each makes the
        measured amplitude; none where there is no such bend."""
        if not largest > 0:
            return np.zeros(0), np.zeros(0)
        squares, disorder = np.linspace(0.0, largest, 5), np.linspace(-0.005, 0.06, 7)
        found = []
        for square in squares.tolist():
            heights = [
                self._at(self._ordered(self._best, bend_square=square, sigma2_chain=trial))
                for trial in disorder.tolist()
            ]
            found.append(_crossing(disorder, np.array(heights), self.measured.value)[0])
        known = np.isfinite(found)
        return squares[known], np.array(found)[known]

    def excess_of_disorder(self) -> Number:
        """Return how much more the chain is disordered than two independent bonds."""
        value, stderr = self._with_error(
            lambda x: x[self._index("sigma2_chain")] - 2.0 * x[self._index("sigma2")]
        )
        return Number(name="excess", value=value, stderr=stderr, unit="Å²")

    def _explained(
        self, name: str, trials: Array, amplitude: Callable[[Array, float], float]
    ) -> Number:
        """Return the trial at which the amplitude, falling over the trials, is the measured one."""
        heights = np.array([amplitude(self._best, trial) for trial in trials.tolist()])
        value, slope = _crossing(trials, heights, self.measured.value)
        if math.isnan(value):
            note = "no such value explains the amplitude"
            return Number(name=name, value=math.nan, note=note)
        _, inherited = self._with_error(lambda x: amplitude(x, value))
        stderr = math.hypot(self.measured.stderr, inherited) / abs(slope)
        return Number(name=name, value=value, stderr=stderr)

    def _with_error(self, function: Callable[[Array], float]) -> tuple[float, float]:
        """Return a function of the fitted parameters and its standard error."""
        covar = np.nan_to_num(self._found.covar)
        errors = np.sqrt(np.diag(covar))
        slopes = np.zeros(errors.size)
        for i in np.flatnonzero(errors > 0):
            step = np.zeros(errors.size)
            step[i] = 0.3 * errors[i]
            up, down = function(self._best + step), function(self._best - step)
            slopes[i] = (up - down) / (0.6 * errors[i])
        return function(self._best), math.sqrt(max(float(slopes @ covar @ slopes), 0.0))

    def _ordered(self, x: Array, **held: float) -> Array:
        """Return parameters with those given; the chain ordered like its bonds where not given."""
        changed = x.copy()
        changed[self._index("sigma2_chain")] = 2.0 * x[self._index("sigma2")]
        for name, value in held.items():
            changed[self._index(name)] = value
        return changed

    def _index(self, name: str) -> int:
        return self._space.names.index(name)

    def _at(self, x: Array) -> float:
        return self._mean(self._objective.chi(self._space.values(x)).sum(axis=1))

    def _mean(self, chi: Array) -> float:
        return float(np.mean(np.abs(self._map(chi, self._r)[:, self._inside])))

    def _map(self, chi: Array, r: Array) -> Array:
        weighted = chi * self._factor
        return np.asarray(wavelet_map(weighted, r, wavelet="morlet", rho=RHO, step=self._step))

    def _place(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the box about the maximum of the straight chains alone."""
        values = self._space.values(self._ordered(self._best, bend_square=0.0))
        chain = self._objective.chi(values)[:, self._chain].sum(axis=1)
        high = self._objective.space.r_range[1] + 0.5
        r = np.arange(1.5, high, MAP_STEP)
        low_k, high_k = self._objective.space.k_range
        inside = (self._k >= low_k) & (self._k <= high_k)
        alone = np.abs(self._map(chain, r)) * inside
        row, column = np.unravel_index(int(np.argmax(alone)), alone.shape)
        top_k, top_r = float(self._k[column]), float(r[row])
        k_box = (max(low_k, top_k - BOX_K), min(high_k, top_k + BOX_K))
        return k_box, (top_r - BOX_R, top_r + BOX_R)

    def _measured(self) -> Number:
        fitted = self._objective.space
        whole = transform_to_wavelets(
            self._objective.exafs,
            k_range=fitted.k_range,
            k_weight=self._weight,
            rho=RHO,
            r_range=(self.r_box[0], self.r_box[1] - 0.5 * MAP_STEP),
            r_step=MAP_STEP,
            window=fitted.window,
            dk=fitted.dk,
        )
        mean = wavelet_mean(whole, k_range=self.k_box)
        self._r = whole.r
        scale = self._objective.epsilon_k / self._objective.exafs.epsilon_k
        return Number(
            name="amplitude", value=mean.value, stderr=mean.stderr * scale,
            unit=f"Å^-{self._weight:g}",
        )  # fmt: skip


def _crossing(trials: Array, heights: Array, wanted: float) -> tuple[float, float]:
    """Return where falling heights pass the wanted one, before they rise again, and the slope."""
    rise = np.flatnonzero(np.diff(heights) >= 0)
    end = int(rise[0]) + 1 if rise.size else heights.size
    heights, trials = heights[:end], trials[:end]
    if end < 4 or not heights[-1] <= wanted <= heights[0]:
        return math.nan, math.nan
    from scipy.interpolate import PchipInterpolator

    inverse = PchipInterpolator(heights[::-1], trials[::-1])
    return float(inverse(wanted)), 1.0 / float(inverse(wanted, 1))
