"""What a check of the audit log finds, on a small log that is damaged in one way each time."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from tests.clock import START
from transfer.core.audit_chain import PATIENCE, Gap, Seal, next_seal, packed
from transfer.core.audit_check import ERASURE, ChainCheck, Fault, FaultKind
from transfer.core.audit_entries import AuditEntry, digest_of, erased
from transfer.core.cases import CaseNumber

NUMBER = CaseNumber("0003256109")


def entry(number: int, **changes: object) -> AuditEntry:
    made = AuditEntry(
        sequence=number,
        format=1,
        at=START,
        action="file.downloaded",
        actor="Jane Doe",
        case_number=NUMBER,
        subject="f00d",
        door="http",
        address=None,
        details={"size": 5},
        salt=bytes(16),
    )
    return replace(made, **changes)  # type: ignore[arg-type] # any column


@dataclass
class Sealed:
    """A seal as it stands in a row, with its entries as they stand in theirs."""

    number: int
    seal: Seal | None
    digests: bytes
    entries: dict[int, AuditEntry]


@dataclass
class Log:
    """Seals with their entries, and entries that none has yet."""

    sealed: list[Sealed] = field(default_factory=list)
    unsealed: list[AuditEntry] = field(default_factory=list)

    def add(self, *entries: AuditEntry, after: timedelta = timedelta(seconds=10)) -> Seal:
        before = self.sealed[-1].seal if self.sealed else None
        now = (before.sealed_at if before else START) + after
        found = [(one.sequence, digest_of(one)) for one in entries]
        seal = next_seal(before, found, now)
        present = {one.sequence: one for one in entries}
        self.sealed.append(Sealed(seal.number, seal, packed(found), present))
        return seal

    def replace(self, changed: AuditEntry) -> None:
        for one in self.sealed:
            if changed.sequence in one.entries:
                one.entries[changed.sequence] = changed

    def check(
        self,
        *,
        after: int = 0,
        is_whole: bool = True,
        gapless: bool = False,
        heads: Sequence[Seal] = (),
    ) -> ChainCheck:
        check = ChainCheck(after=after, is_whole=is_whole, is_gapless=gapless, heads=heads)
        for one in self.sealed:
            check.seal(one.number, one.seal, one.digests, one.entries)
        check.unsealed(self.unsealed)
        check.finish()
        return check


@pytest.fixture
def log() -> Log:
    """Six entries under three seals."""
    log = Log()
    log.add(entry(1), entry(2))
    log.add(entry(3), entry(4))
    log.add(entry(5), entry(6))
    return log


def kinds(faults: Iterable[Fault]) -> list[tuple[str, int, int]]:
    return [(fault.kind.value, fault.first, fault.last) for fault in faults]


def test_a_log_that_nobody_touched_is_sound(log: Log) -> None:
    log.unsealed.append(entry(7))
    check = log.check(gapless=True, heads=[one.seal for one in log.sealed if one.seal])
    assert check.faults == []
    assert (check.entries, check.seals, check.erased) == (7, 3, 0)
    assert check.last == log.sealed[-1].seal


def test_an_empty_log_is_sound() -> None:
    assert Log().check(gapless=True).faults == []


def _change(log: Log) -> None:
    log.replace(entry(3, actor="John Doe"))


def _swap(log: Log) -> None:
    log.replace(entry(3, details={"size": 4}))
    log.replace(entry(4, details={"size": 3}))


def _remove(log: Log) -> None:
    del log.sealed[1].entries[4]


def _remove_run(log: Log) -> None:
    for one in log.sealed[1:]:
        one.entries.clear()


def _remove_seal(log: Log) -> None:
    del log.sealed[1]


def _remove_first_seals(log: Log) -> None:
    del log.sealed[:2]


def _forge(log: Log) -> None:
    log.sealed[1].seal = None


def _swap_seals(log: Log) -> None:
    first, second = log.sealed[0], log.sealed[1]
    first.number, second.number = second.number, first.number
    log.sealed[:2] = [second, first]


def _cut_digests(log: Log) -> None:
    log.sealed[1].digests = log.sealed[1].digests[:-40]


def _chain_anew(log: Log) -> None:
    """Seal another first entry with the right key, and leave what follows."""
    other = Log()
    other.add(entry(1, actor="John Doe"), entry(2))
    log.sealed[0] = other.sealed[0]


def _second_beginning(log: Log) -> None:
    seal = log.sealed[0].seal
    assert seal is not None
    log.sealed[0].seal = replace(seal, previous="00" * 32)


def _repeat(log: Log) -> None:
    log.sealed.append(log.sealed[-1])


def _erase(log: Log) -> None:
    log.replace(erased(entry(3)))
    log.replace(erased(entry(4)))


def _add(log: Log) -> None:
    log.sealed[1].entries[9] = entry(9)


DAMAGES: list[tuple[Callable[[Log], None], list[tuple[str, int, int]]]] = [
    (_change, [("entry-changed", 3, 3)]),
    (_swap, [("entry-changed", 3, 4)]),
    (_remove, [("entry-missing", 4, 4)]),
    (_remove_run, [("entry-missing", 3, 6)]),
    (_remove_seal, [("seal-missing", 2, 2)]),
    (_remove_first_seals, [("seal-missing", 1, 2)]),
    (_forge, [("seal-forged", 2, 2)]),
    (_swap_seals, [("seal-changed", 1, 3)]),
    (_cut_digests, [("seal-changed", 2, 2)]),
    (_chain_anew, [("seal-changed", 2, 2)]),
    (_second_beginning, [("seal-changed", 1, 2)]),
    (_repeat, [("seal-changed", 3, 3)]),
    (_erase, [("entry-erased", 3, 4)]),
    (_add, [("entry-added", 9, 9)]),
]


@pytest.mark.parametrize(("damage", "expected"), DAMAGES, ids=[one.__name__ for one, _ in DAMAGES])
def test_each_damage_is_found(
    log: Log, damage: Callable[[Log], None], expected: list[tuple[str, int, int]]
) -> None:
    damage(log)
    assert kinds(log.check().faults) == expected


def test_an_end_that_was_cut_off_is_found_by_a_seal_that_was_kept(log: Log) -> None:
    head = log.sealed.pop().seal
    assert head is not None
    assert kinds(log.check().faults) == []
    assert kinds(log.check(heads=[head]).faults) == [("log-cut", 3, 3)]


def test_a_chain_that_was_made_anew_is_found_by_a_seal_that_was_kept(log: Log) -> None:
    heads = [log.sealed[1].seal]
    other = Log()
    other.add(entry(1))
    other.add(entry(2), entry(3))
    assert kinds(other.check().faults) == []
    assert heads[0] is not None
    assert kinds(other.check(heads=[heads[0]]).faults) == [("seal-changed", 2, 2)]
    own = other.sealed[1].seal
    assert own is not None
    for both in ([heads[0], own], [own, heads[0]]):
        assert kinds(other.check(heads=both).faults) == [("seal-changed", 2, 2)]


def test_an_erasure_that_an_entry_tells_of_is_none_of_the_faults(log: Log) -> None:
    _erase(log)
    log.unsealed.append(entry(7, action=ERASURE, details={"first": 1, "last": 4, "entries": 2}))
    check = log.check()
    assert check.faults == []
    assert check.erased == 2


@pytest.mark.parametrize(
    "erasure",
    [
        entry(7, action=ERASURE, details={"first": 4, "last": 9}),
        entry(7, action=ERASURE, details={"first": 1, "last": 9}, case_number=None),
        entry(7, action=ERASURE, details={}),
    ],
)
def test_an_erasure_explains_only_what_it_names(log: Log, erasure: AuditEntry) -> None:
    _erase(log)
    log.unsealed.append(erasure)
    assert kinds(log.check().faults)[0][:2] == ("entry-erased", 3)


def test_a_number_that_was_left_out_is_a_fault_where_none_ever_is() -> None:
    log = Log()
    log.add(entry(1), entry(3))
    log.add(entry(4), entry(6), after=PATIENCE)
    assert log.check().faults == []
    assert kinds(log.check(gapless=True).faults) == [
        ("number-skipped", 2, 2),
        ("number-skipped", 5, 5),
    ]


def test_numbers_that_were_given_up_are_known_at_the_end() -> None:
    log = Log()
    first = log.add(entry(1), entry(4))
    log.add(entry(5), after=PATIENCE / 2)
    log.add(entry(6), after=PATIENCE / 2)
    assert log.check().abandoned == [Gap(2, 3, first.sealed_at)]


def test_a_part_of_a_log_begins_where_it_says(log: Log) -> None:
    head = log.sealed[0].seal
    assert head is not None
    del log.sealed[0]
    assert log.check(after=1, heads=[head]).faults == []
    del log.sealed[0]
    assert kinds(log.check(after=1).faults) == [("seal-missing", 2, 2)]


def test_of_one_case_only_what_is_there_is_judged(log: Log) -> None:
    del log.sealed[1]
    del log.sealed[1].entries[5]
    assert log.check(is_whole=False).faults == []
    log.replace(entry(6, actor="John Doe"))
    assert kinds(log.check(is_whole=False).faults) == [("entry-changed", 6, 6)]


def test_faults_are_told_to_people_and_programs() -> None:
    one = Fault(FaultKind.ENTRY_MISSING, 3, 3)
    assert one.text() == "entry 3 was sealed, and is gone or can't be read"
    assert one.to_json() == {"kind": "entry-missing", "of": "entry", "first": 3, "last": 3}
    assert Fault(FaultKind.SEAL_MISSING, 3, 5, "seal").text() == "seal 3 to 5 is missing"
    assert Fault(FaultKind.GUARD_MISSING, 2, 2, "trigger").text().startswith("2 of the triggers")
