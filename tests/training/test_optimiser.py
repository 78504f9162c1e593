"""Muon and Adam as one optimiser."""

import copy

import torch
from torch import nn

from rm_lammps.training.optimiser import MuonAdam, parameter_groups


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(12, 16), nn.Linear(16, 24), nn.SiLU(), nn.Linear(24, 2))


def optimiser_of(model):
    return MuonAdam(parameter_groups(model), lr=0.01, clip=4.0)


def train(model, optimiser, steps):
    rows = torch.arange(12)
    wanted = torch.stack([torch.sin(rows * 1.0), torch.cos(rows * 2.0)], dim=1)
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = (model(rows) - wanted).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def test_every_parameter_is_in_one_group_and_tables_are_no_layers():
    model = network()
    layers, others = (group["params"] for group in parameter_groups(model))
    assert [id(one) for one in layers] == [id(model[1].weight)]
    assert {id(one) for one in [*layers, *others]} == {id(one) for one in model.parameters()}
    assert len(layers) + len(others) == len(list(model.parameters()))


def test_it_learns():
    model = network()
    losses = train(model, optimiser_of(model), 200)
    assert losses[-1] < 0.01 * losses[0]


def test_a_step_changes_a_layer_by_the_rate():
    model = network()
    before = model[1].weight.detach().clone()
    train(model, optimiser_of(model), 1)
    change = (model[1].weight.detach() - before).square().mean().sqrt().item()
    assert 0.005 < change < 0.02


def test_it_goes_on_from_its_saved_state_as_if_it_had_not_stopped():
    model = network()
    optimiser = optimiser_of(model)
    train(model, optimiser, 20)
    resumed = copy.deepcopy(model)
    later = optimiser_of(resumed)
    later.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    assert train(resumed, later, 20) == train(model, optimiser, 20)


def test_the_rate_of_both_is_scheduled():
    model = network()
    optimiser = optimiser_of(model)
    for group in optimiser.param_groups:
        group["lr"] = 0.0
    before = copy.deepcopy(model.state_dict())
    train(model, optimiser, 3)
    assert all(torch.equal(before[name], now) for name, now in model.state_dict().items())


def one_step(model, optimiser, scale):
    """Change of a layer in a step whose gradients are scaled."""
    before = model[1].weight.detach().clone()
    optimiser.zero_grad()
    (scale * model(torch.arange(12)).square().mean()).backward()
    optimiser.step()
    return model[1].weight.detach() - before


def test_one_huge_gradient_does_not_decide_the_next_steps():
    model = network()
    optimiser = optimiser_of(model)
    losses = train(model, optimiser, 100)
    one_step(model, optimiser, 1e6)
    assert train(model, optimiser, 20)[-1] < 3 * losses[-1]


def test_a_gradient_that_is_no_number_changes_little():
    model = network()
    optimiser = optimiser_of(model)
    losses = train(model, optimiser, 100)
    one_step(model, optimiser, float("nan"))
    assert train(model, optimiser, 20)[-1] < 3 * losses[-1]
