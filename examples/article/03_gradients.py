"""Listing 3: gradients and Jacobians of a model and of a plain function with Keras's backend names."""

import numpy as np

from dualad import nn

nn.utils.set_random_seed(1)
K = nn.K

inputs = nn.Input(shape=(4,))
code = nn.Dense(3, activation="tanh")(inputs)
model = nn.Model(inputs, nn.Dense(4)(code))
x = np.random.default_rng(1).normal(size=(5, 4)).astype("float32")

# The gradient of tensors is a tensor, a part of the graph without numbers; K.function evaluates it on data.
gradient = K.gradients(model.output, model.input)
print("a tensor:", gradient[0])
evaluate = K.function([model.input], gradient)
print("on data:", evaluate([x])[0].shape)

# Of a model and an array at once:
print("the same:", np.allclose(K.gradients(model, x)[0], evaluate([x])[0]))

# Of inner tensors and of weights:
by_code, by_kernel = K.function([inputs], K.gradients(model.output, [code, model.trainable_weights[0]]))([x])
print("for the code", by_code.shape, "and the first kernel", by_kernel.shape)

# Jacobians: for the whole batch, or for each sample.
print("jacobian", K.jacobian(model, x).shape, "batch_jacobian", K.batch_jacobian(model, x).shape)

# Of any function in plain NumPy:
print("d(a^2 b) =", [g.tolist() for g in K.gradients(lambda a, b: a**2 * b, [np.array([1.0, 2.0]), np.array([3.0, 4.0])])])
