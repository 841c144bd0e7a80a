import pytest
import torch
from torch import nn

from biLM.reading_layer import ReadingLayer

DTYPES = [torch.float32, torch.bfloat16]
SIZES = [(5, 12), (12, 12), (32, 32), (256, 512), (512, 512)]


def layer(input_size, cell_size):
    torch.manual_seed(0)
    return nn.LSTM(input_size, cell_size, batch_first=True).requires_grad_(False)


def rows(number, columns, width, seed=0):
    return torch.randn(number, columns, width, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def without_onednn(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)


@pytest.mark.parametrize("sizes", SIZES)
def test_float32_is_torchs_own_layer(sizes):
    given, x = layer(*sizes), rows(3, 20, sizes[0])
    output, (h, c) = ReadingLayer(given, torch.float32)(x)
    expected, (last, remembered) = given(x)
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(h, last, rtol=0, atol=1e-6)
    torch.testing.assert_close(c, remembered, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", SIZES)
def test_without_onednn_torchs_layer_gives_the_same(sizes, dtype, without_onednn, monkeypatch):
    x = rows(3, 20, sizes[0])
    plain = ReadingLayer(layer(*sizes), dtype)
    assert plain._weights is None
    monkeypatch.undo()
    kernel = ReadingLayer(layer(*sizes), dtype)
    for one, other in zip(flat(plain(x)), flat(kernel(x)), strict=True):
        assert torch.equal(one, other)
    assert kernel._weights is not None


def flat(found):
    output, (h, c) = found
    return output, h, c


@pytest.mark.parametrize("dtype", DTYPES)
def test_two_calls_with_the_state_between_them_are_one(dtype):
    reading, x = ReadingLayer(layer(256, 512), dtype), rows(2, 40, 256)
    whole, (_, remembered) = reading(x)
    first, state = reading(x[:, :17])
    second, (_, c) = reading(x[:, 17:], state)
    assert torch.equal(torch.cat([first, second], 1), whole)
    assert torch.equal(c, remembered)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("number", [1, 2, 16])
@pytest.mark.parametrize("sizes", [(256, 512), (300, 512), (512, 512)])
def test_a_row_and_what_its_cell_remembers_have_the_same_bits_in_any_company(sizes, number, dtype):
    reading, x = ReadingLayer(layer(*sizes), dtype), rows(64, 24, sizes[0])
    output, (_, c) = reading(x)
    for first in range(0, 64, number):
        few, (_, remembered) = reading(x[first : first + number])
        assert torch.equal(few, output[first : first + number])
        assert torch.equal(remembered, c[:, first : first + number])


def test_what_a_cell_remembers_is_not_rounded():
    given = layer(1, 1)
    for parameter in given.parameters():
        parameter.zero_()
    # i = 1/2, f = 1, g = tanh 0.01: each step adds 0.005, which bfloat16 would lose beside 2.
    given.bias_ih_l0[1], given.weight_ih_l0[2] = 99.0, 0.01
    _, (_, c) = ReadingLayer(given, torch.bfloat16)(torch.ones(1, 600, 1))
    assert c.item() == pytest.approx(3.0, rel=0.01)
