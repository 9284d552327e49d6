"""Worker of `benchmarks.step`: GANimation's networks and updates in PyTorch.

Written anew from the published facts (Pumarola et al., ECCV 2018): 64 channels
and six residual blocks, units tiled onto the image, a critic of as many layers
as ours, the same losses with the same weights, float32.
"""

import sys

import torch
from harness import serve
from torch import nn

UNITS, SIZE, SMALLEST = 17, 128, 4


def main(setting: str, batch: int, names: list[str]) -> None:
    """Serves the named tasks; `setting` is plain, channels_last or compile."""
    torch.manual_seed(0)
    layout = (
        torch.contiguous_format if setting == "plain" else torch.channels_last
    )
    generator = Generator().to(memory_format=layout)
    critic = Critic().to(memory_format=layout)
    size = sum(weight.numel() for weight in generator.parameters())
    edit = torch.compile(generator) if setting == "compile" else generator
    optimizers = [
        torch.optim.Adam(network.parameters(), 1e-4, (0.5, 0.999), fused=True)
        for network in (generator, critic)
    ]
    image = torch.rand(batch, 3, SIZE, SIZE).mul(2).sub(1)
    image = image.contiguous(memory_format=layout)
    source, target = torch.rand(batch, UNITS), torch.rand(batch, UNITS)

    def infer():
        with torch.inference_mode():
            return edit(image, target)[0]

    def update_critic():
        with torch.no_grad():
            fake = edit(image, target)[0]
        patch, units = critic(torch.cat([image, fake]))
        real, made = patch.mean((1, 2, 3)).split(batch)
        mix = torch.rand(batch, 1, 1, 1)
        between = (fake + mix * (image - fake)).requires_grad_()
        value = critic(between)[0].mean((1, 2, 3)).sum()
        (slope,) = torch.autograd.grad(value, between, create_graph=True)
        norm = (slope.square().sum((1, 2, 3)) + 1e-8).sqrt()
        loss = made.mean() - real.mean() + 10 * (norm - 1).square().mean()
        loss = loss + 160 * (units[:batch] - source).square().mean()
        _update(optimizers[1], loss)

    def update_generator():
        fake, attention = edit(image, target)
        patch, units = critic(fake)
        loss = 160 * (units - target).square().mean() - patch.mean()
        back = edit(fake, source)[0]
        loss = loss + 10 * (back - image).abs().mean()
        across = (attention[..., 1:] - attention[..., :-1]).abs().mean()
        down = (attention[:, :, 1:] - attention[:, :, :-1]).abs().mean()
        loss = loss + 0.05 * attention.mean() + 4.1 * (across + down)
        _update(optimizers[0], loss)

    maps = torch.rand(2, 256, 64, 64).contiguous(memory_format=layout)
    convolution = nn.Conv2d(256, 256, 3, padding=1, bias=False)
    convolution = convolution.to(memory_format=layout)

    def convolve():
        with torch.inference_mode():
            convolution(maps)

    def step():
        update_critic()
        update_generator()

    tasks = {
        "inference": infer, "critics": update_critic,
        "generator": update_generator, "step": step, "ceiling": convolve,
    }  # fmt: skip
    facts = {
        "versions": f"PyTorch {torch.__version__}",
        "batch": batch,
        "parameters": size,
    }
    serve({name: tasks[name] for name in names}, facts)


def _update(optimizer, loss) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


class Generator(nn.Module):
    """Image and units → edited image and attention."""

    def __init__(self, channels: int = 64, blocks: int = 6):
        super().__init__()
        wide = 4 * channels
        self.body = nn.Sequential(
            *_block(nn.Conv2d(3 + UNITS, channels, 7, 1, 3, bias=False)),
            *_block(nn.Conv2d(channels, 2 * channels, 4, 2, 1, bias=False)),
            *_block(nn.Conv2d(2 * channels, wide, 4, 2, 1, bias=False)),
            *[Residual(wide) for _ in range(blocks)],
            *_block(nn.ConvTranspose2d(wide, wide // 2, 4, 2, 1, bias=False)),
            *_block(
                nn.ConvTranspose2d(wide // 2, channels, 4, 2, 1, bias=False)
            ),
        )
        self.heads = nn.Conv2d(channels, 4, 7, 1, 3)

    def forward(self, image, units):
        tiled = units[:, :, None, None].expand(-1, -1, *image.shape[2:])
        heads = self.heads(self.body(torch.cat([image, tiled], 1)))
        attention = torch.sigmoid(heads[:, 3:])
        return image + attention * (torch.tanh(heads[:, :3]) - image), attention


class Residual(nn.Module):
    """Two convolutions and the way around them."""

    def __init__(self, channels: int):
        super().__init__()
        first = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.body = nn.Sequential(
            *_block(first), second, nn.InstanceNorm2d(channels, affine=True)
        )

    def forward(self, maps):
        return maps + self.body(maps)


class Critic(nn.Module):
    """Image → patch and units."""

    def __init__(self, channels: int = 64):
        super().__init__()
        layers, before, side = [], 3, SIZE
        while side > SMALLEST:
            layers += [nn.Conv2d(before, channels, 4, 2, 1), nn.LeakyReLU(0.01)]
            before, channels, side = channels, 2 * channels, side // 2
        self.body = nn.Sequential(*layers)
        self.patch = nn.Conv2d(before, 1, 3, 1, 1, bias=False)
        self.units = nn.Conv2d(before, UNITS, side)

    def forward(self, image):
        maps = self.body(image)
        return self.patch(maps), self.units(maps).flatten(1)


def _block(convolution) -> list[nn.Module]:
    norm = nn.InstanceNorm2d(convolution.out_channels, affine=True)
    return [convolution, norm, nn.ReLU()]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3].split(","))
