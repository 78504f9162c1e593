"""Write every configuration field, with default, unit and meaning, into the docs.

    python scripts/update_docs.py

The blocks stand between ``<!-- fields: NAME -->`` and ``<!-- end -->``.
"""

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from rm_lammps.generation.config import GenerationConfig
from rm_lammps.training.config import TrainingConfig

DOCS = Path(__file__).resolve().parents[1] / "docs"
BLOCKS: dict[str, BaseModel] = {
    "TrainingConfig": TrainingConfig(name="mine"),
    "GenerationConfig": GenerationConfig(model="diamond", formula="C8"),
}


def fields_as_yaml(model: BaseModel, indent: str = "") -> list[str]:
    """One line a field, nested models indented, descriptions as comments."""
    lines = []
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        comment = f"  # {field.description}" if field.description else ""
        if isinstance(value, BaseModel):
            lines += [f"{indent}{name}:{comment}", *fields_as_yaml(value, indent + "  ")]
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            lines.append(f"{indent}{name}:{comment}")
            for item in value:
                first, *rest = fields_as_yaml(item, indent + "    ")
                lines += [f"{indent}  - {first.strip()}", *rest]
        else:
            lines.append(f"{indent}{name}: {_scalar(value)}{comment}")
    return lines


def _scalar(value: Any) -> str:
    if value is PydanticUndefined:
        return ""
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(plain, default_flow_style=True).removesuffix("...\n").strip()


def updated(text: str) -> str:
    """Fill the blocks of one page."""

    def block(match: re.Match[str]) -> str:
        body = "\n".join(fields_as_yaml(BLOCKS[match.group(1)]))
        return f"<!-- fields: {match.group(1)} -->\n```yaml\n{body}\n```\n<!-- end -->"

    return re.sub(r"<!-- fields: (\w+) -->.*?<!-- end -->", block, text, flags=re.DOTALL)


def main() -> None:
    for page in DOCS.glob("*.md"):
        page.write_text(updated(page.read_text()))


if __name__ == "__main__":
    main()
