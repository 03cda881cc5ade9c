"""An adapter outside of the project: two for each product of a linear layer."""

from torch import nn

from reconcile.tools import Measurement, ToolReport


class PlainCounter:
    name = "plain-counter"
    distribution = "plain-counter"
    module = "plain_counter"
    unit = "FLOP"
    summary = "hooks on linear layers"

    def measure(self, module, args, kwargs):
        layers = {}

        def note(path):
            def hook(layer, given, output):
                layers[path] = layers.get(path, 0) + 2 * given[0].numel() * layer.out_features

            return hook

        for path, layer in module.named_modules():
            if type(layer) is nn.Linear:
                layer.register_forward_hook(note(path))
        module(*args, **kwargs)
        return ToolReport({"compute": Measurement(sum(layers.values()), layers)})
