"""Kinds that register themselves: systems, seeds, stages, energy terms, potentials.

A kind is a pydantic model in a file of its own. Its fields are its settings, as they stand in YAML;
its methods do its work. A family knows its kinds by name. It finds those of this package in one
folder, and those of other packages through an entry point::

    [project.entry-points."rm_lammps.stages"]
    my_package = "my_package.stages"

What the entry point names is imported, and registers its kinds with the family's decorator.
"""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from rm_lammps.errors import UserError


class Kind(BaseModel):
    """Base class of every kind: settings that can't change and know no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str] = ""
    """By which YAML and flags ask for the kind; given by the class, unique in its family."""


K = TypeVar("K", bound=Kind)


class Family(Generic[K]):
    """All kinds of one sort, by name.

    Args:
        singular: what one is called in messages, e.g. ``"stage"``.
        field: key that names the kind among its settings, e.g. ``"stage"``.
        package: folder of this package with one module for each kind.
        group: of the entry points by which other packages bring kinds.
    """

    def __init__(self, singular: str, *, field: str, package: str, group: str) -> None:
        self.singular = singular
        self.field = field
        self.group = group
        self._package = package
        self._kinds: dict[str, type[K]] = {}
        self._complete = False

    def register(self, kind: type[K]) -> type[K]:
        """Add a kind; use it as the class's decorator.

        Raises:
            ValueError: it has no name, or another kind has the same.
        """
        if not kind.name:
            raise ValueError(f"{kind.__qualname__} needs a name: a class variable `name`.")
        known = self._kinds.get(kind.name)
        if known is not None and known.__qualname__ != kind.__qualname__:
            raise ValueError(
                f"{kind.__module__}.{kind.__qualname__} can't be the {self.singular} "
                f"{kind.name!r}: {known.__module__}.{known.__qualname__} is."
            )
        self._kinds[kind.name] = kind
        return kind

    def names(self) -> list[str]:
        """Names of all kinds, in the order of the alphabet."""
        return sorted(self._all())

    def __iter__(self) -> Iterator[type[K]]:
        kinds = self._all()
        return iter([kinds[name] for name in sorted(kinds)])

    def find(self, name: Any) -> type[K]:
        """Kind of this name.

        Raises:
            ValueError: there is none; names those that there are.
        """
        kinds = self._all()
        if name not in kinds:
            raise ValueError(
                f"unknown {self.singular} {name!r}; allowed: {', '.join(self.names())}"
            )
        return kinds[name]

    def make(self, name: str) -> K:
        """Make the kind of this name, with its default settings.

        Raises:
            UserError: there is none; names those that there are.
        """
        try:
            return self.find(name)()
        except ValueError as error:
            text = str(error)
            raise UserError(f"{text[:1].upper()}{text[1:]}.") from error

    def read(self, value: Any) -> Any:
        """Make a kind from plain data: its name, or a mapping of its name and settings.

        Kinds, and what is no such data, come back as they are: a field that is validated with this
        function checks the type afterwards.

        Raises:
            ValueError: no such kind.
            pydantic.ValidationError: settings that the kind does not have or can't use.
        """
        if isinstance(value, str):
            return self.find(value)()
        if not isinstance(value, dict):
            return value
        if self.field not in value:
            raise ValueError(
                f"give {self.field}: NAME among the settings; names: {', '.join(self.names())}"
            )
        settings = dict(value)
        return self.find(settings.pop(self.field)).model_validate(settings)

    def plain(self, kind: K) -> dict[str, Any]:
        """The data that :meth:`read` makes this kind of, for YAML and JSON."""
        return {self.field: kind.name, **kind.model_dump(mode="json")}

    def _all(self) -> dict[str, type[K]]:
        if not self._complete:
            self._complete = True
            try:
                self._import()
            except BaseException:
                self._complete = False
                raise
        return self._kinds

    def _import(self) -> None:
        package = import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__, f"{self._package}."):
            import_module(module.name)
        for point in entry_points(group=self.group):
            self._import_extension(point)

    def _import_extension(self, point: EntryPoint) -> None:
        try:
            point.load()
        except Exception as error:
            package = point.dist.name if point.dist is not None else point.value
            raise UserError(
                f"The installed package {package} brings a {self.singular} ({point.value}) that "
                f"can't be imported: {error}",
                f"Update {package}, or uninstall it.",
            ) from error
