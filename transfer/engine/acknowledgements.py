"""The warning about sensitive data: shown, acknowledged, and asked for before anything is sent."""

from transfer.core.access import Action, Principal, authorise
from transfer.core.cases import Case, CaseNumber, confirmed
from transfer.core.errors import (
    AcknowledgementOutdatedError,
    AcknowledgementRequiredError,
    CaseClosedError,
)
from transfer.core.notices import Acknowledgement, must_acknowledge
from transfer.engine.policy import Tools

_REMEMBERED = 10_000


class Acknowledgements:
    """Who has acknowledged the present wording, a person and a case at a time.

    A person is who signed in by that name. What was acknowledged once stays so: it is remembered
    here, so that only the first file of a person costs a look into the records.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._notice = tools.notice
        self._records = tools.records.acknowledgements
        self._known: set[tuple[CaseNumber, str]] = set()

    async def show(self, principal: Principal, case_number: CaseNumber) -> Acknowledgement:
        """Return the warning, and since when `principal` has acknowledged it.

        Raises:
            CaseMissingError: no such case for them.
        """
        case = await self._case(principal, case_number)
        at = await self._records.acknowledged_at(case.number, principal.name, self._notice.version)
        return Acknowledgement(notice=self._notice, acknowledged_at=at)

    async def accept(
        self, principal: Principal, case_number: CaseNumber, version: str
    ) -> Acknowledgement:
        """Note that `principal` has read and acknowledged the wording of `version`. Repeatable.

        Raises:
            CaseMissingError, CaseClosedError: not here, not any more.
            CaseCoreUnavailableError: the case core can't say so now.
            AcknowledgementOutdatedError: the wording is another one by now.
        """
        case = await self._case(principal, case_number)
        if case.is_closed:
            raise CaseClosedError("The case is closed: there is nothing to send any more.")
        confirmed(case)
        if version != self._notice.version:
            raise AcknowledgementOutdatedError(
                f"The warning is of version {self._notice.version} by now: read it again."
            )
        now = self._tools.clock.now()
        at = await self._records.acknowledge(case.number, principal, self._notice, now)
        return Acknowledgement(notice=self._notice, acknowledged_at=at)

    async def require(self, principal: Principal, case_number: CaseNumber) -> None:
        """Raise unless `principal` may send files as far as the warning is concerned.

        Raises:
            AcknowledgementRequiredError: they have to acknowledge it first.
        """
        who = (case_number, principal.name)
        if not must_acknowledge(principal) or who in self._known:
            return
        version = self._notice.version
        if await self._records.acknowledged_at(case_number, principal.name, version) is None:
            raise AcknowledgementRequiredError(version)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known.add(who)

    async def _case(self, principal: Principal, case_number: CaseNumber) -> Case:
        case = await self._tools.core.case(case_number)
        authorise(principal, Action.SEE, case)
        return case
