"""Write the reference pages of the documentation from the code.

    python scripts/update_reference.py

Commands, settings, presets, kinds, reasons of failure and the files of a run's folder: what stands
in ``docs/reference/`` is what the code says. ``docs/reference/python.md`` is written by hand; its
entries are filled in from docstrings when the pages are built.
"""

import inspect
import json
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import grimp
import typer
import yaml
from importlinter import api as importlinter
from pydantic.fields import FieldInfo
from reference_values import FAMILIES, attribute_docs, docstring, fields_as_yaml, plain, row, scalar

from rm_lammps.analysis.evaluation_fields import EvaluationConfig
from rm_lammps.files import shipped_models
from rm_lammps.generation.generation_config import GenerationConfig
from rm_lammps.generation.presets import PURPOSES, known_presets, preset_for
from rm_lammps.generation.run_fields import Execution, Shortcuts
from rm_lammps.kinds import Family, Kind
from rm_lammps.relaxation import STAGES, Reason
from rm_lammps.relaxation.stage import Search
from rm_lammps.runs import frame_keys as keys
from rm_lammps.runs import layout
from rm_lammps.seeds import SEEDS
from rm_lammps.systems import SYSTEMS, find_system
from rm_lammps.training.training_config import TrainingConfig, preset_names

CHECKOUT = Path(__file__).resolve().parents[1]
REFERENCE, PYPROJECT = CHECKOUT / "docs" / "reference", CHECKOUT / "pyproject.toml"
COMMANDS = ("generate", "train", "deploy", "doctor")
EVALUATING_COMMANDS = ("evaluate", "report")
MADE = "<!-- made by scripts/update_reference.py -->\n"


def pages() -> dict[str, str]:
    """Each page's text by its name."""
    made = {
        "commands.md": commands(),
        "commands_evaluate.md": evaluating_commands(),
        "settings.md": settings(),
        "settings_more.md": more_settings(),
        "presets.md": presets(),
        "kinds.md": kinds(),
        "kinds_systems.md": kinds_of_systems(),
        "kinds_energies.md": kinds_of_energies(),
        "stages.md": stages(),
        "stages_search.md": searches(),
        "run_folder.md": run_folder(),
        "frame_keys.md": frame_keys(),
        "rooms.md": rooms(),
    }
    return {name: f"{MADE}{text.rstrip()}\n" for name, text in made.items()}


def commands() -> str:
    """Every command that makes something, with its arguments and flags."""
    text = (
        "# Commands\n\nThis page lists the commands that make something. A flag has the same name "
        "and takes the same values as the field of the command's YAML file; if both are given, "
        "the flag wins. `--version` prints the version. The exit code is 0 if the command did its "
        "work, and 2 for bad input or a fault that you can mend; `rm-generate` has one more.\n\n"
        "`COMMAND --install-completion` teaches your shell (bash, zsh, fish) to complete flags. It "
        "takes effect in the next shell. After `mpirun` a shell can't complete the flags of "
        "another command: write that command first, then put `mpirun -n N` before it.\n\n"
        "`rm-evaluate` and `rm-report` are on [a page of their own](commands_evaluate.md).\n"
    )
    return text + "".join(_command(name) for name in COMMANDS)


def evaluating_commands() -> str:
    """The commands that look at a run, with their arguments and flags."""
    text = (
        "# Commands that evaluate\n\nThis page lists the commands that look at a run. Those that "
        "make something are on [a page of their own](commands.md).\n"
    )
    return text + "".join(_command(name) for name in EVALUATING_COMMANDS)


def _command(name: str) -> str:
    module = import_module(f"rm_lammps.cli.{name}")
    command: Any = typer.main.get_command(module.app)
    paragraphs = (plain(text) for text in (command.help or "").split("\n\n"))
    lines = [f"\n## `rm-{name}`\n", "\n\n".join(paragraphs), ""]
    groups: dict[str, list[str]] = {}
    for parameter in command.params:
        if parameter.name in {"install_completion", "show_completion", "version", "help"}:
            continue
        panel = getattr(parameter, "rich_help_panel", None) or ""
        positional = parameter.param_type_name == "argument"
        metavar = parameter.metavar or ""
        shown = metavar if positional else " ".join([*parameter.opts, metavar]).strip()
        groups.setdefault(panel, []).append(row(f"`{shown}`", plain(parameter.help or "")))
    for panel, rows in groups.items():
        lines += [f"| {panel or 'argument or flag'} | |", "| --- | --- |", *rows, ""]
    return "\n".join(lines)


def settings() -> str:
    """Every field of a run's YAML file."""
    run = GenerationConfig(model="diamond", formula="C8", preset="hops")
    return "\n".join(
        [
            "# Settings in YAML\n",
            "A YAML file can hold all settings of a generation run: `rm-generate run.yaml`, or "
            '`rm_lammps.generate("run.yaml")` in Python. Those of evaluations and trainings are on '
            "[a page of their own](settings_more.md).\n",
            "This file shows every setting with its default. Its stages are those of the preset "
            "`hops`. Other [presets](presets.md) set other things, and [seeds](kinds.md), "
            "[energy terms](kinds_energies.md) and [stages](stages.md) of other kinds have other "
            "settings.\n",
            "```yaml",
            *fields_as_yaml(run),
            "```\n",
            "Some settings belong to `seeds`, `protocol` or another part, and may stand at the top "
            "as well. Their flags have these names:\n",
            "```yaml",
            *fields_as_yaml(Shortcuts()),
            "```\n",
            "Structures do not depend on the following settings, nor on `out`, the folder for the "
            "results. You may change them when you resume a run:\n",
            "```yaml",
            *fields_as_yaml(Execution()),
            "```",
        ]
    )


def more_settings() -> str:
    """Every field of the YAML files of evaluations and trainings."""
    return "\n".join(
        [
            "# Settings of evaluations and trainings\n",
            "## An evaluation\n",
            "`rm-evaluate --config how.yaml` reads this file. The folders of runs, `sources`, may "
            "be named on the command line instead. `rm-report` takes `sources`, `out` and `best` "
            "in the same way.\n",
            "```yaml",
            *fields_as_yaml(EvaluationConfig(sources=(Path("carbon"),))),
            "```\n",
            "## A training run\n",
            "`rm-train config.yaml` reads this file. [How a model is trained]"
            "(../explanation/training.md) explains the noise and the energy.\n",
            "```yaml",
            *fields_as_yaml(TrainingConfig(name="mine")),
            "```",
        ]
    )


def presets() -> str:
    """Presets of generation and of training."""
    lines = [
        "# Presets\n",
        "A preset is a set of settings with a name. There are two kinds. A generation preset says "
        "how seeds are made and relaxed. A training preset says what a model learns from and how "
        "large it is. Some names occur twice: `molecules` and `glass` are a generation preset and "
        "a training preset; `crystals`, `diamond` and `molecules` are training presets and shipped "
        "models.\n",
        "## Generation presets\n",
        "`rm-generate --preset NAME` chooses one, `preset` in YAML and Python does too. It fills "
        "in `seeds` and `protocol`; a setting that you give wins over it. What neither sets has "
        "the default of [settings](settings.md). The [stages](stages.md) of a protocol are "
        "carried out one after the other.\n",
        "| shipped model | preset unless another is named |",
        "| --- | --- |",
        *(row(f"`{name}`", f"`{preset_for(name)}`") for name in shipped_models()),
        "",
        *_default_rules(),
    ]
    for name, preset in known_presets().items():
        # a copy: YAML would write references to parts that are one object
        plain = json.loads(json.dumps(preset))
        text = yaml.safe_dump(plain, sort_keys=False) if preset else "{}  # all defaults\n"
        lines += [f"### `{name}`\n", f"{PURPOSES[name]}\n", f"```yaml\n{text}```\n"]
    lines += [
        "## Training presets\n",
        "`rm-train NAME` chooses one. Each is a YAML file in the package, in "
        "`rm_lammps/training/presets`.\n",
        "| preset | trains |",
        "| --- | --- |",
    ]
    for name in preset_names():
        file = Path(inspect.getfile(TrainingConfig)).parent / "presets" / f"{name}.yaml"
        lines.append(row(f"`{name}`", yaml.safe_load(file.read_text())["description"]))
    return "\n".join(lines)


def _default_rules() -> Iterator[str]:
    yield "For models of your own:\n"
    yield "- crystals, trained on cells of 500 atoms or more: `glass`"
    for kind in SYSTEMS:
        system = kind()
        by_species: dict[str, list[int]] = {}
        for n in range(1, 90):
            by_species.setdefault(system.preset(n), []).append(n)
        for preset, numbers in by_species.items():
            last = "or more" if numbers[-1] == 89 else f"to {numbers[-1]}"
            few = "1 element" if numbers == [1] else f"{numbers[0]} {last} elements"
            yield f"- {system.plural}, {few}: `{preset}`"
    yield ""


def kinds() -> str:
    """Every registered kind of seeds, with its settings."""
    lines = [
        "# Seeds\n",
        "A *seed* is a structure that a relaxation begins with. Seeds come in kinds. In YAML you "
        "ask for a kind by its name and write its settings beside the name: "
        "`seeds: {kind: random, aspect: 3}`. [Seeds and votes](../explanation/seeds.md) explains "
        "which kinds a run uses by default. A package of yours can bring "
        "[more kinds](../howto/extend.md), by the entry points named here.",
    ]
    return "\n".join([*lines, "", *_family(SEEDS)])


def kinds_of_systems() -> str:
    """Every registered system, with its settings."""
    lines = [
        "# Systems\n",
        "A *system* is what is generated: crystals, molecules, slabs and so on. By default it is "
        "what the model was trained on; `--system NAME` or `system: NAME` in YAML chooses another. "
        "A package of yours can bring [more systems](../howto/extend.md#a-system), by the entry "
        "points named here.",
    ]
    return "\n".join([*lines, "", *_family(SYSTEMS)])


def kinds_of_energies() -> str:
    """Every registered energy term and potential, with its settings."""
    lines = [
        "# Energy terms and potentials\n",
        "An *energy term* is added to E~ in a relaxation: `protocol: {terms: [...]}`. A "
        "*potential* judges relaxed structures by a physical energy: `rm-evaluate --rank-by` and "
        "`--refine` ([how](../howto/second_opinion.md)). [Seeds](kinds.md) "
        "and [systems](kinds_systems.md) are on pages of their own.",
    ]
    return "\n".join([*lines, *_families("Energy terms", "Potentials")])


def _families(*titles: str) -> Iterator[str]:
    for title in titles:
        yield f"\n## {title}\n"
        yield from _family(FAMILIES[title])


def stages() -> str:
    """Every registered stage with its settings, but for searches."""
    lines = [
        "# Stages\n",
        "A seed is relaxed by a protocol, which is a list of stages. Each stage goes on with what "
        "the one before it left, and they may come in any order and number: "
        "`protocol: {stages: [{stage: minimise}, {stage: cell}]}`. [Levels and sampling]"
        "(../explanation/levels.md) explains them. Stages that try further structures are on "
        "[a page of their own](stages_search.md).\n",
        *_family(STAGES, [kind for kind in STAGES if not issubclass(kind, Search)]),
    ]
    return "\n".join(lines)


def searches() -> str:
    """Every registered stage that searches, with its settings."""
    lines = [
        "# Stages that search\n",
        "These stages change the structure that they are given, relax each changed structure by "
        "stages of their own, and keep the best. Other stages are on "
        "[a page of their own](stages.md).\n",
        *_family(STAGES, [kind for kind in STAGES if issubclass(kind, Search)]),
    ]
    return "\n".join(lines)


def _family(family: Family[Any], kinds: Iterable[type[Kind]] | None = None) -> Iterator[str]:
    yield f"Entry points: `{family.group}`."
    for kind in family if kinds is None else kinds:
        yield ""
        yield from _kind(family, kind)


def _kind(family: Family[Any], kind: type[Kind]) -> Iterator[str]:
    yield f"### {family.field}: `{kind.name}`\n"
    yield docstring(kind)
    suits = _suited(kind)
    if suits:
        yield f"\nFor: {', '.join(suits)}."
    # what a kind takes over from another one stands there
    others = [other for other in family if other is not kind and issubclass(kind, other)]
    inherited = {name for other in others for name in other.model_fields}
    own = {
        name: field
        for name, field in kind.model_fields.items()
        if name not in inherited or name in vars(kind).get("__annotations__", {})
    }
    for other in others[-1:]:
        yield f"\nHas the settings of `{other.name}` too."
    if own:
        yield "\n| setting | default | |"
        yield "| --- | --- | --- |"
        for name, field in own.items():
            yield row(f"`{name}`", _default(field), field.description or "")


def _suited(kind: type[Kind]) -> list[str]:
    """Names of the systems that a kind is for, where it belongs to some."""
    suits = getattr(kind, "suits", None)
    if callable(suits):
        return [system.name for system in SYSTEMS if suits(find_system(system.name))]
    return sorted(suits or ())


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "(needed)"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, tuple) and value and isinstance(value[0], Kind):
        return ", ".join(f"`{kind.name}`" for kind in value)
    return "" if value is None or value == "" else f"`{scalar(value)}`"


def run_folder() -> str:
    """Files, reasons of failure."""
    files = attribute_docs(layout)
    lines = [
        "# A run's folder\n",
        "`rm-generate` writes its results into a folder. `rm-evaluate` and `rm-report` add theirs. "
        "A file is there only if something wrote it.\n",
        "## Files\n",
        "| file | |",
        "| --- | --- |",
        *(row(f"`{getattr(layout, name)}`", text) for name, text in files.items()),
        "\n## Why seeds fail\n",
        "A seed that did not become a structure has a reason. It is the field `reason` of its line "
        "in `failures.jsonl`, and `summary.json` counts the reasons. "
        "[Keys of a frame](frame_keys.md) lists what each structure says.\n",
        "| reason | |",
        "| --- | --- |",
    ]
    reasons = attribute_docs(Reason)
    lines += [row(f"`{Reason[name].value}`", text) for name, text in reasons.items()]
    return "\n".join(lines)


def frame_keys() -> str:
    """What frames say."""
    lines = [
        "# Keys of a frame\n",
        "A *frame* is one structure in an extxyz file. ASE puts what its comment line says into "
        "`atoms.info`. A key is there only if it means something for the structure.\n",
    ]
    titles = {
        "RELAXED": "Structures",
        "ORIGIN": "Where a seed came from",
        "UNIQUE": "Unique structures",
        "MOLECULES": "Molecules",
        "POTENTIALS": "Physical potentials",
    }
    for name, where in attribute_docs(keys).items():
        lines += [f"## {titles[name]}\n", f"{where}\n", "| key | meaning |", "| --- | --- |"]
        lines += [*(row(f"`{key}`", text) for key, text in getattr(keys, name).items()), ""]
    return "\n".join(lines)


def rooms() -> str:
    """The parts of the package from top to bottom, and what each imports, as grimp sees it."""
    graph = grimp.build_graph("rm_lammps", exclude_type_checking_imports=True, cache_dir=None)
    (contract,) = importlinter.read_configuration(str(PYPROJECT))["contracts_options"]
    layers = [layer.split("|") for layer in contract["layers"]]
    listed = [f"rm_lammps.{room.strip()}" for layer in layers for room in layer]
    lines = [
        "# Rooms of the package\n",
        "A room imports from those below it in this table: `lint-imports` (import-linter) checks "
        "it, the last column is what grimp finds. Who adds a kind need not know any of it: "
        "[extending](../howto/extend.md).\n",
        "| room | | imports from |",
        "| --- | --- | --- |",
    ]
    for room in listed:
        imported = {
            target
            for module in (room, *graph.find_descendants(room))
            for target in graph.find_modules_directly_imported_by(module)
        }
        below = [
            other.removeprefix("rm_lammps.")
            for other in listed
            if other != room
            and any(target == other or target.startswith(f"{other}.") for target in imported)
        ]
        story = plain((import_module(room).__doc__ or "").partition("\n")[0])
        lines.append(row(f"`{room.removeprefix('rm_lammps.')}`", story, ", ".join(below)))
    return "\n".join(lines)


def main() -> None:
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text)


if __name__ == "__main__":
    main()
