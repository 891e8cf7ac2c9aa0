"""Whatever is made, moved and removed, in whatever order: the rows stay the tree they describe.

Run against a plain model, in one transaction that is never committed; SQLite alone, as the rules
are the same on both.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine
from sqlalchemy.engine import make_url

from tests.contract.records.scenario import (
    CUSTOMER,
    NOW,
    NUMBER,
    finished,
    lease,
    new_case,
    new_upload,
)
from transfer.core.cases import CaseUpdate
from transfer.core.errors import (
    EntryMissingError,
    FolderNotEmptyError,
    InvalidRequestError,
    IsAFolderError,
    NameTakenError,
    NotAFolderError,
    TransferError,
)
from transfer.core.names import ROOT, CasePath, components, join, name_key, split
from transfer.core.uploads import FileId, StoredFile
from transfer.records import cases, completion, creation, moves, tree
from transfer.records.sqlite import make_engine

NAMES = ("a", "a", "b", "\u00e9", "e\u0301")
"""Few, so that operations meet; the last two are one name in two spellings."""


@dataclass
class Node:
    """A folder with children, or a file without."""

    name: str
    children: "dict[str, Node] | None" = None
    content: str = ""


@dataclass
class Model:
    """The tree as it should be; each method raises what the real one should."""

    root: Node = field(default_factory=lambda: Node("", {"shared": Node("shared", {})}))

    def folder(self, path: CasePath) -> Node:
        node = self.root
        for name in components(path):
            child = (node.children or {}).get(name_key(name))
            if child is None:
                raise EntryMissingError(path)
            if child.children is None:
                raise NotAFolderError(path)
            node = child
        return node

    def place(self, path: CasePath) -> tuple[dict[str, Node], str]:
        parent, name = split(path)
        children = self.folder(parent).children
        assert children is not None
        return children, name

    def find(self, path: CasePath) -> Node:
        try:
            children, name = self.place(path)
            return children[name_key(name)]
        except (KeyError, NotAFolderError) as exc:
            raise EntryMissingError(path) from exc

    def make(self, path: CasePath) -> None:
        children, name = self.place(path)
        if name_key(name) in children:
            raise NameTakenError(path)
        children[name_key(name)] = Node(name, {})

    def put(self, path: CasePath, content: str) -> None:
        parent, name = split(path)
        self._make_missing(parent)
        children, _ = self.place(path)
        present = children.get(name_key(name))
        if present is not None and present.children is not None:
            raise IsAFolderError(path)
        children[name_key(name)] = Node(name, None, content)

    def _make_missing(self, path: CasePath) -> None:
        at = ROOT
        for name in components(path):
            at = join(at, name)
            try:
                self.folder(at)
            except EntryMissingError:
                self.make(at)

    def remove(self, path: CasePath) -> None:
        node = self.find(path)
        if node.children is None:
            raise NotAFolderError(path)
        if node.children:
            raise FolderNotEmptyError(path)
        children, name = self.place(path)
        del children[name_key(name)]

    def move(self, source: CasePath, target: CasePath, may_replace: bool) -> None:
        node = self.find(source)
        target_children, name = self.place(target)
        if _is_below(node, self.folder(split(target)[0])):
            raise InvalidRequestError(target)
        present = target_children.get(name_key(name))
        if present is not None and present is not node:
            both_files = present.children is None and node.children is None
            if not may_replace or not both_files:
                raise NameTakenError(target)
        children, old_name = self.place(source)
        del children[name_key(old_name)]
        node.name = name
        target_children[name_key(name)] = node


def _is_below(top: Node, node: Node) -> bool:
    return top is node or any(_is_below(child, node) for child in (top.children or {}).values())


def _listed(node: Node, at: CasePath = ROOT) -> Iterator[tuple[str, str]]:
    for child in (node.children or {}).values():
        path = join(at, child.name)
        yield path, "folder" if child.children is not None else child.content
        yield from _listed(child, path)


def _stored(connection: Connection, at: CasePath = ROOT) -> Iterator[tuple[str, str]]:
    for entry in tree._children(connection, NUMBER, at):
        if isinstance(entry, StoredFile):
            yield entry.path, entry.object_key
        else:
            yield entry.path, "folder"
            yield from _stored(connection, entry.path)


@dataclass(frozen=True)
class Operation:
    """Something that is done to the model and to the rows alike."""

    text: str
    to_model: Callable[[Model], None]
    to_rows: Callable[[Connection], object]


def _make(path: CasePath) -> Operation:
    return Operation(
        f"make {path!r}",
        lambda model: model.make(path),
        lambda connection: tree._make_folder(connection, NUMBER, path, CUSTOMER, NOW),
    )


def _put(path: CasePath) -> Operation:
    done = finished()

    def send(connection: Connection) -> None:
        new = new_upload(path, replaces=True)
        upload = creation.create(connection, new, CUSTOMER, lease())
        again = replace(done, file_id=FileId(f"file of {upload.id}"))
        completion.finish(connection, upload.id, again, CUSTOMER, upload.fence)

    return Operation(f"put {path!r}", lambda model: model.put(path, done.object_key), send)


def _remove(path: CasePath) -> Operation:
    return Operation(
        f"remove {path!r}",
        lambda model: model.remove(path),
        lambda connection: tree._remove_folder(connection, NUMBER, path, CUSTOMER, NOW),
    )


def _move(source: CasePath, target: CasePath, may_replace: bool) -> Operation:
    asked = moves.Move(source=source, target=target, replace=may_replace)
    return Operation(
        f"move {source!r} to {target!r}{' replacing' if may_replace else ''}",
        lambda model: model.move(source, target, may_replace),
        lambda connection: moves.move(connection, NUMBER, asked, CUSTOMER, NOW),
    )


PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(
    lambda names: CasePath("/".join(names))
)
OPERATIONS = st.one_of(
    st.builds(_make, PATHS),
    st.builds(_put, PATHS),
    st.builds(_remove, PATHS),
    st.builds(_move, PATHS, PATHS, st.booleans()),
    st.builds(_move, PATHS, PATHS, st.just(value=True)),
)


def _outcome(do: Callable[[], object]) -> type[TransferError] | None:
    try:
        do()
    except TransferError as exc:
        return type(exc)
    return None


def _do(operation: Operation, model: Model, connection: Connection) -> None:
    """Do it to both; what is refused changes neither."""
    changed = copy.deepcopy(model)
    expected = _outcome(lambda: operation.to_model(changed))

    def to_rows() -> None:
        with connection.begin_nested():
            operation.to_rows(connection)

    assert _outcome(to_rows) is expected, operation.text
    if expected is None:
        model.root = changed.root


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    engine = make_engine(make_url(sqlite_url))
    yield engine
    engine.dispose()


@settings(
    max_examples=20,
    deadline=None,
    # The fixture's database is the same for all examples, and none leaves anything in it.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(operations=st.lists(OPERATIONS, min_size=12, max_size=30))
def test_the_rows_are_the_tree_that_they_should_be(
    engine: Engine, operations: list[Operation]
) -> None:
    model = Model()
    with engine.connect() as connection:
        cases._insert(connection, new_case(), CaseUpdate(at=NOW, author="a", text="opened"))
        for operation in operations:
            _do(operation, model, connection)
        assert sorted(_stored(connection)) == sorted(_listed(model.root))
        connection.rollback()
