"""Listing 1: an autoencoder as a functional model, trained on digits."""

from dualad import nn
from dualad.errors import GraphError

nn.utils.set_random_seed(1)
images, _ = nn.datasets.load_digits()
x_train, x_test = images[:1500], images[1500:]

inputs = nn.Input(shape=(64,))
encoded = nn.Dense(32, activation="relu")(inputs)
encoder = nn.Model(inputs, encoded)

code = nn.Input(shape=(32,))
decoder = nn.Model(code, nn.Dense(64, activation="sigmoid")(code))

# The article makes Model(inputs, ...) of the decoder's own output. That output is computed from `code`, an input of its own:
# nothing leads from `inputs` to it. The error names both; the decoder has to be called on the encoder's output.
try:
    nn.Model(inputs, decoder.output)
except GraphError as error:
    print("error:", error)

autoencoder = nn.Model(inputs, decoder(encoder(inputs)))
autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
history = autoencoder.fit(x_train, x_train, epochs=10, batch_size=32, shuffle=True, validation_data=(x_test, x_test), verbose=0)
print("loss", [round(loss, 3) for loss in history.history["val_loss"]])
print("reconstructions", autoencoder.predict(x_test, verbose=0).shape, "codes", encoder.predict(x_test, verbose=0).shape)
