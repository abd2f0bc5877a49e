"""A pole kept upright on a cart: the policy gradient of Williams (1992), REINFORCE, on 32 carts at once, in plain NumPy.

The loss is the cross-entropy of the actions taken, each weighted by how much better things went after it than on average at that time.
"""

import common
import numpy as np

from dualad import nn

CARTS, STEPS = 32, 200
GRAVITY, CART, POLE, HALF, FORCE, TICK = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02  # m/s2, kg, kg, m, N, s


def moved(state, push):
    """The carts a tick later: position, speed, angle, angular speed (Barto, Sutton and Anderson, 1983)."""
    x, v, angle, spin = state.T
    sine, cosine = np.sin(angle), np.cos(angle)
    shared = (np.where(push, FORCE, -FORCE) + POLE * HALF * spin**2 * sine) / (CART + POLE)
    turning = (GRAVITY * sine - cosine * shared) / (HALF * (4 / 3 - POLE * cosine**2 / (CART + POLE)))
    driving = shared - POLE * HALF * turning * cosine / (CART + POLE)
    return np.stack([x + TICK * v, v + TICK * driving, angle + TICK * spin, spin + TICK * turning], axis=1)


def played(policy, rng):
    """One run of all carts: states, actions, and which carts still stood (time, cart)."""
    state = rng.uniform(-0.05, 0.05, (CARTS, 4))
    states, actions, alive = np.zeros((STEPS, CARTS, 4), np.float32), np.zeros((STEPS, CARTS), np.int64), np.zeros((STEPS, CARTS), bool)
    standing = np.ones(CARTS, bool)
    for t in range(STEPS):
        states[t], alive[t] = state, standing
        z = policy.predict(states[t], batch_size=CARTS, verbose=0)
        actions[t] = rng.random(CARTS) < 1 / (1 + np.exp(z[:, 0] - z[:, 1]))
        state = np.where(standing[:, np.newaxis], moved(state, actions[t] == 1), state)
        standing = standing & (np.abs(state[:, 0]) < 2.4) & (np.abs(state[:, 2]) < np.pi / 15)
    return states, actions, alive


def advantages(alive, discount=0.99):
    """Discounted rewards to come - one for each tick - against the mean of the carts that stand at that time, in units of their spread."""
    returns, ahead = np.zeros(alive.shape), np.zeros(CARTS)
    for t in reversed(range(STEPS)):
        ahead = returns[t] = alive[t] + discount * ahead
    counts = np.maximum(alive.sum(axis=1, keepdims=True), 1)
    better = np.where(alive, returns - (returns * alive).sum(axis=1, keepdims=True) / counts, 0)
    return better / (better[alive].std() + 1e-8)


def run(updates=60, seed=0):
    """The mean number of ticks that poles stood, by update."""
    nn.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    policy = nn.Sequential([nn.Input((4,)), nn.Dense(32, "tanh"), nn.Dense(2)])
    policy.compile(nn.optimizers.Adam(1e-2), nn.losses.SparseCategoricalCrossentropy(from_logits=True))
    ticks = []
    for update in range(updates):
        states, actions, alive = played(policy, rng)
        ticks.append(float(alive.sum(axis=0).mean()))
        # carts that have fallen stay in the batch with weight 0, so that all batches have one shape
        policy.train_on_batch(states.reshape(-1, 4), actions.reshape(-1), sample_weight=advantages(alive).reshape(-1))
        if update % 10 == 9:
            print(f"update {update + 1:3d}: poles stood {np.mean(ticks[-10:]):5.1f} ticks of {STEPS}")
    return ticks


def draw(ticks):
    """The ticks by update."""
    from matplotlib.figure import Figure

    from dualad.nn.plots._figure import COLOURS, tidy

    ax = Figure(figsize=(6, 3.6), layout="constrained").subplots()
    ax.plot(range(1, len(ticks) + 1), ticks, color=COLOURS[0])
    ax.axhline(STEPS, color=COLOURS[3], linestyle=":")
    ax.set(xlabel="update", ylabel="ticks of 20 ms that the pole stood", ylim=(0, STEPS * 1.05))
    return tidy(ax)


if __name__ == "__main__":
    given = common.options(__doc__, __file__, updates=60)
    common.save(draw(run(given.updates, given.seed)), given.output)
