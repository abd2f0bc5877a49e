"""A character-level model of surnames: a gated recurrent unit learns to say the next letter, and invents names (needs the package names).

    python examples/text_model.py --data docstrings        the English of NumPy's docstrings in its place
"""

import common
import numpy as np

from dualad import nn

END = "\n"


def letters(data, count, length):
    """Texts as numbers (n, length + 1), the alphabet, and which characters count."""
    if data == "surnames":
        words = [w for w in nn.datasets.surnames(count) if len(w) < length]
        rows = [(END + w + END).ljust(length + 1, END) for w in np.random.default_rng(0).permutation(words)]
        counts = np.array([np.arange(1, length + 1) <= len(row.rstrip(END)) for row in rows], np.float32)  # up to the first end
    else:
        text = " ".join(nn.datasets.docstrings("numpy", count * length).split())
        rows = [text[k : k + length + 1] for k in range(0, len(text) - length - 1, length)]
        rows = list(np.random.default_rng(0).permutation(rows))
        counts = np.ones((len(rows), length), np.float32)
    alphabet = sorted(set("".join(rows)))
    numbers = {c: k for k, c in enumerate(alphabet)}
    return np.array([[numbers[c] for c in row] for row in rows], np.int32), alphabet, counts


def network(characters, length, units, seed):
    """The next character's logits at each place."""
    nn.utils.set_random_seed(seed)
    x = nn.Input((length,), dtype="int32")
    h = nn.GRU(units, return_sequences=True)(nn.Embedding(characters, 16)(x))
    return nn.Model(x, nn.Dense(characters)(h))


def bits(model, x, counts):
    """The cross-entropy of a character, in bits."""
    z = model.predict(x[:, :-1], batch_size=256, verbose=0)
    z = z - z.max(axis=-1, keepdims=True)
    logs = np.take_along_axis(z, x[:, 1:, np.newaxis], -1)[..., 0] - np.log(np.exp(z).sum(axis=-1))
    return float(-np.sum(logs * counts) / np.sum(counts) / np.log(2))


def pairs(x, counts, test, test_counts, characters):
    """The same of the best guess from the character before alone."""
    table = np.full((characters, characters), 0.1)
    known = counts > 0
    np.add.at(table, (x[:, :-1][known], x[:, 1:][known]), 1)
    table /= table.sum(axis=1, keepdims=True)
    known = test_counts > 0
    return float(-np.mean(np.log2(table[test[:, :-1][known], test[:, 1:][known]])))


def invent(model, alphabet, n, length, rng, temperature=0.8):
    """New texts, a letter at a time."""
    rows = np.full((n, length), alphabet.index(END if END in alphabet else " "), np.int32)
    for k in range(length - 1):
        z = model.predict(rows, batch_size=n, verbose=0)[:, k] / temperature
        rows[:, k + 1] = np.argmax(z + rng.gumbel(size=z.shape), axis=1)
    return ["".join(alphabet[c] for c in row[1:]) for row in rows]


def run(data="surnames", count=8000, length=12, units=96, epochs=10, seed=0):
    """Bits a character, invented texts, and the history."""
    x, alphabet, counts = letters(data, count, length)
    (x, counts), (test, test_counts) = common.split(x, counts, 0.1)
    model = network(len(alphabet), length, units, seed)
    model.compile(nn.optimizers.Adam(5e-3), nn.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(x[:, :-1], x[:, 1:], sample_weight=counts, validation_data=(test[:, :-1], test[:, 1:], test_counts), batch_size=64, epochs=epochs,
                        verbose=0)
    found = {"recurrent": bits(model, test, test_counts), "pairs of letters": pairs(x, counts, test, test_counts, len(alphabet))}
    invented = invent(model, alphabet, 24 if data == "surnames" else 6, length, np.random.default_rng(seed))
    if data == "surnames":
        invented = [text.split(END)[0] for text in invented]
    print(f"held-out text: {found['recurrent']:.3f} bits a character (by the letter before alone: {found['pairs of letters']:.3f})")
    print("invented:\n ", (", " if data == "surnames" else "\n  ").join(invented))
    return found, invented, history


if __name__ == "__main__":
    given = common.options(__doc__, __file__, data=("surnames", "docstrings"), epochs=0)
    names = given.data == "surnames"
    *_, history = run(given.data, 8000, 12 if names else 30, epochs=given.epochs or (10 if names else 8), seed=given.seed)
    common.save(nn.plots.history(history), given.output)
