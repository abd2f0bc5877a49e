"""Cells, layers and losses of neural networks, clustering and factorisation."""

import math

import numpy as np

from .entry import Entry


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def rnn_loss(Wx, Wh, b, xs, target):
    """An Elman cell unrolled over time, hidden states kept in one array."""
    hs = np.zeros((len(xs) + 1, Wh.shape[0]))
    for t in range(len(xs)):
        hs[t + 1] = np.tanh(Wx @ xs[t] + Wh @ hs[t] + b)
    return 0.5 * np.sum((hs[1:] - target) ** 2)


def lstm_last_state(params, xs):
    """Gates from one matrix product; parameters in a dictionary."""
    n = params["b"].shape[0] // 4
    h, c = np.zeros(n), np.zeros(n)
    for x in xs:
        z = params["W"] @ np.concatenate((x, h)) + params["b"]
        i, f, o, g = sigmoid(z[:n]), sigmoid(z[n : 2 * n]), sigmoid(z[2 * n : 3 * n]), np.tanh(z[3 * n :])
        c = f * c + i * g
        h = o * np.tanh(c)
    return h


def gru_cell(x, h, Wz, Wr, Wn):
    xh = np.hstack([x, h])
    z, r = sigmoid(Wz @ xh), sigmoid(Wr @ xh)
    n = np.tanh(Wn @ np.hstack([x, r * h]))
    return (1 - z) * n + z * h


def mlp_cross_entropy(layers, X, labels):
    """A list of (W, b) pairs, ReLU between, softmax at the end."""
    a = X
    for W, b in layers[:-1]:
        a = np.maximum(a @ W + b, 0)
    W, b = layers[-1]
    z = a @ W + b
    z = z - z.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -np.mean(logp[np.arange(len(labels)), labels])


def attention(Q, K, V):
    """Causal attention row by row, with math and lists."""
    out = np.zeros_like(V)
    for i in range(len(Q)):
        scores = [np.dot(Q[i], K[j]) / math.sqrt(Q.shape[1]) for j in range(i + 1)]
        top = max(scores)
        weights = [math.exp(s - top) for s in scores]
        total = sum(weights)
        for w, v in zip(weights, V):
            out[i] += w / total * v
    return out


def layer_norm(x, gain, bias, eps=1e-5):
    mu = x.mean(axis=-1, keepdims=True)
    var = x.var(axis=-1, keepdims=True)
    return gain * (x - mu) / np.sqrt(var + eps) + bias


def conv_layer(x, kernels, bias):
    """Channels, stride 2, by loops over the output."""
    out_ch, _, k = kernels.shape
    n = (x.shape[1] - k) // 2 + 1
    y = np.empty((out_ch, n))
    for o in range(out_ch):
        for i in range(n):
            y[o, i] = np.sum(kernels[o] * x[:, 2 * i : 2 * i + k]) + bias[o]
    y[y < 0] *= 0.01
    return y


def max_pool(x):
    h, w = x.shape
    return np.array([[np.max(x[i : i + 2, j : j + 2]) for j in range(0, w, 2)] for i in range(0, h, 2)])


def kmeans_cost(centers, X):
    cost = 0.0
    for x in X:
        cost += min(np.sum((x - c) ** 2) for c in centers)
    return cost


def soft_kmeans(centers, X, beta=2.0):
    d2 = ((X[:, None, :] - centers[None, :, :]) ** 2).sum(-1)
    w = np.exp(-beta * d2)
    w /= w.sum(axis=1, keepdims=True)
    return np.einsum("nk,nd->kd", w, X) / w.sum(axis=0)[:, np.newaxis]


def svm_hinge(w, b, X, y, C=0.7):
    loss = 0.5 * w @ w
    for xi, yi in zip(X, y):
        loss += C * max(0, 1 - yi * (np.dot(w, xi) + b))
    return loss


def matrix_factorization(U, V, ratings):
    err = 0
    for i, j, r in ratings:
        err += (r - U[i, :] @ V[j, :]) ** 2
    return err + 0.1 * (np.sum(U**2) + np.sum(V**2))


def vae_elbo(enc, dec, x, noise):
    """Linear encoder and decoder with a reparametrised sample."""
    half = enc.shape[0] // 2
    h = enc @ x
    mu, logvar = h[:half], h[half:]
    z = mu + np.exp(0.5 * logvar) * noise
    recon = np.sum((x - sigmoid(dec @ z)) ** 2)
    kl = -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar))
    return recon + kl


def adam_unrolled(lr, w0):
    """Five steps of Adam on a quartic: the final loss by the learning rate (hypergradient)."""
    w = w0.copy()
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t in range(1, 6):
        g = 4 * w**3 - 2 * w
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        w -= lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return np.sum(w**4 - w**2)


def embedding_bag(table, bags):
    out = np.zeros((len(bags), table.shape[1]))
    for k, bag in enumerate(bags):
        for word in bag:
            out[k] += table[word]
        out[k] /= len(bag)
    return np.tanh(out)


def ctc_like_alignment(logp, labels):
    """Total log probability of monotone alignments, np.logaddexp over a table."""
    T, L = logp.shape[0], len(labels)
    a = np.full((T, L), -np.inf)
    a[0, 0] = logp[0, labels[0]]
    for t in range(1, T):
        for s in range(min(L, t + 1)):
            stay = a[t - 1, s]
            move = a[t - 1, s - 1] if s > 0 else -np.inf
            a[t, s] = np.logaddexp(stay, move) + logp[t, labels[s]]
    return a[-1, -1]


_rng = np.random.default_rng(13)
_N = _rng.normal
_layers = [(_N(size=(3, 4)), _N(size=4)), (_N(size=(4, 2)), _N(size=2))]
CORPUS = [
    Entry(rnn_loss, (_N(size=(3, 2)), _N(size=(3, 3)), _N(size=3), _N(size=(4, 2)), _N(size=(4, 3))), "row-store, zeros",
          "mpmath", (0, 1, 2)),
    Entry(lstm_last_state, ({"W": _N(size=(8, 5)), "b": _N(size=8)}, _N(size=(3, 3))), "dictionary, concatenate, slices",
          "complex"),
    Entry(gru_cell, (_N(size=2), _N(size=2), _N(size=(2, 4)), _N(size=(2, 4)), _N(size=(2, 4))), "hstack", "complex", (0, 1, 2,
          3, 4)),
    Entry(mlp_cross_entropy, (_layers, _N(size=(4, 3)), [0, 1, 1, 0]), "list of tuples, maximum, index arrays"),
    Entry(attention, (_N(size=(3, 2)), _N(size=(3, 2)), _N(size=(3, 2))), "row +=, math, max, sum", "mpmath", (0, 1, 2)),
    Entry(layer_norm, (_N(size=(2, 4)), _N(size=4), _N(size=4)), "mean, var, keepdims", "mpmath", (0, 1, 2)),
    Entry(conv_layer, (_N(size=(2, 7)), _N(size=(2, 2, 3)), _N(size=2)), "loop-store, mask *=", "mpmath", (0, 1, 2)),
    Entry(max_pool, (_N(size=(4, 4)),), "nested list to array, max", order=1),
    Entry(kmeans_cost, (_N(size=(3, 2)), _N(size=(7, 2))), "min of generator, iteration"),
    Entry(soft_kmeans, (_N(size=(3, 2)), _N(size=(5, 2))), "newaxis, einsum, /=", "complex"),
    Entry(svm_hinge, (_N(size=3), 0.2, _N(size=(6, 3)), np.array([1, -1, 1, 1, -1, -1])), "max, zip", "mpmath", (0, 1)),
    Entry(matrix_factorization, (_N(size=(3, 2)), _N(size=(4, 2)), [(0, 1, 3.0), (2, 3, 1.0), (1, 0, 4.0)]), "integer start, +=",
          "complex", (0, 1)),
    Entry(vae_elbo, (_N(size=(4, 3)), _N(size=(3, 2)), _N(size=3), _N(size=2)), "slices, closures", "complex", (0, 1)),
    Entry(adam_unrolled, (0.05, _N(size=3)), "-=, copy, zeros_like", "complex", (0, 1)),
    Entry(embedding_bag, (_N(size=(5, 2)), [[0, 3], [1, 1, 4]]), "row +=, /=, repeated rows"),
    Entry(ctc_like_alignment, (np.log(_rng.dirichlet(np.ones(3), 5)), [0, 2, 1]), "full of -inf, logaddexp, loop-store"),
]
