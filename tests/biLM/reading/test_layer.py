import pytest
import torch
from torch import nn

from biLM.reading.layer import ReadingLayer
from biLM.reading.precision import fastest_precision
from tests.reference.instruction_sets import needs_avx2
from tests.reference.precisions import PRECISIONS, needs_bfloat16

SIZES = [(5, 12), (12, 12), (32, 32), (256, 512), (512, 512)]


def layer(input_size, cell_size):
    torch.manual_seed(0)
    return nn.LSTM(input_size, cell_size).requires_grad_(False)


def rows(number, steps, width, seed=0):
    return torch.randn(steps, number, width, generator=torch.Generator().manual_seed(seed))


def read(reading, x):
    return reading(x, reading.zero_state(x.shape[1]))


@pytest.fixture(params=PRECISIONS)
def dtype(request):
    return getattr(torch, request.param)


@pytest.mark.parametrize("sizes", SIZES)
def test_float32_is_torchs_own_layer(sizes):
    given, x = layer(*sizes), rows(3, 20, sizes[0])
    output, (h, c) = read(ReadingLayer(given, torch.float32), x)
    expected, (last, remembered) = given(x)
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(h, last, rtol=0, atol=1e-6)
    torch.testing.assert_close(c, remembered, rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("ignore:TF32")  # torch warns about its own switch
@pytest.mark.parametrize("sizes", SIZES)
def test_without_onednn_torchs_own_layer_reads(sizes, monkeypatch):
    given, x = layer(*sizes), rows(3, 20, sizes[0])
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    with torch.backends.mkldnn.flags(enabled=False):
        output, (_, c) = read(ReadingLayer(given, torch.float32), x)
        expected, (_, remembered) = given(x)
    assert fastest_precision() == "float32"
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(c, remembered, rtol=0, atol=1e-6)


def test_the_layer_is_left_as_it_was():
    given = layer(12, 12)
    before = {name: tensor.clone() for name, tensor in given.state_dict().items()}
    read(ReadingLayer(given, torch.float32), rows(3, 20, 12))
    assert all(torch.equal(tensor, before[name]) for name, tensor in given.state_dict().items())


def test_two_calls_with_the_state_between_them_are_one(dtype):
    reading, x = ReadingLayer(layer(256, 512), dtype), rows(2, 40, 256).to(dtype)
    whole, (_, remembered) = read(reading, x)
    first, state = read(reading, x[:17])
    second, (_, c) = reading(x[17:], state)
    assert torch.equal(torch.cat([first, second]), whole)
    assert torch.equal(c, remembered)


@pytest.mark.parametrize("number", [pytest.param(1, marks=needs_avx2), 2, 16])
@pytest.mark.parametrize("sizes", [(256, 512), (300, 512), (512, 512)])
def test_a_row_and_what_its_cell_remembers_have_the_same_bits_in_any_company(sizes, number, dtype):
    reading, x = ReadingLayer(layer(*sizes), dtype), rows(64, 24, sizes[0]).to(dtype)
    output, (_, c) = read(reading, x)
    for first in range(0, 64, number):
        few, (_, remembered) = read(reading, x[:, first : first + number])
        assert torch.equal(few, output[:, first : first + number])
        assert torch.equal(remembered, c[:, first : first + number])


@needs_bfloat16
def test_what_a_cell_of_bfloat16_remembers_is_not_rounded():
    given = layer(1, 1)
    for parameter in given.parameters():
        parameter.zero_()
    # i = 1/2, f = 1, g = tanh 0.01: each step adds 0.005, which bfloat16 would lose beside 2.
    given.bias_ih_l0[1], given.weight_ih_l0[2] = 99.0, 0.01
    _, (_, c) = read(ReadingLayer(given, torch.bfloat16), torch.ones(600, 1, 1).bfloat16())
    assert c.item() == pytest.approx(3.0, rel=0.01)


def test_a_copy_of_the_weights_leaves_the_callers_random_numbers_alone():
    given = layer(5, 12)
    before = torch.get_rng_state()
    ReadingLayer(given, torch.float32)
    assert torch.equal(torch.get_rng_state(), before)
