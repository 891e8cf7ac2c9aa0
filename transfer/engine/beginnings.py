"""How an upload begins: what its sender tells of the file, and what is made of that."""

from dataclasses import dataclass
from datetime import datetime

from transfer.core.access import Action, Principal, authorise
from transfer.core.cases import Case, CaseNumber
from transfer.core.concatenation import Concatenation
from transfer.core.names import SHARED_FOLDER, CasePath, check_writable, is_shared, join, split
from transfer.core.uploads import Direction, UploadId, check_length
from transfer.engine.acknowledgements import Acknowledgements
from transfer.engine.policy import Tools
from transfer.engine.quota import FileToCount, Quota, place_of
from transfer.ports import NewUpload


@dataclass(frozen=True, slots=True, kw_only=True)
class FileToSend:
    """What a sender tells of a file before its bytes.

    `replaces`: once whole it takes the place of a file of that path, as in a file system;
    otherwise it is numbered beside it. `make_folders`: the folders of its path come with it.
    """

    case_number: CaseNumber
    path: CasePath
    length: int | None = None
    replaces: bool = False
    make_folders: bool = True
    metadata: str | None = None
    content_type: str | None = None
    modified_at: datetime | None = None
    expected_sha256: str | None = None
    concatenation: Concatenation | None = None


class Beginnings:
    """Plans uploads; nothing is written yet."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._acknowledgements = Acknowledgements(tools)
        self._quota = Quota(tools)

    async def plan(self, principal: Principal, file: FileToSend) -> tuple[Case, NewUpload]:
        """Return what an upload begins with, and its case, if `principal` may begin it.

        Raises:
            CaseMissingError, ForbiddenError, CaseClosedError: not here, not you, not any more.
            AcknowledgementRequiredError: the warning comes first.
            InvalidNameError, TooLargeError: this file can't be stored.
        """
        case = await self._tools.core.case(file.case_number)
        authorise(principal, Action.UPLOAD, case)
        await self._acknowledgements.require(principal, case.number)
        path = file.path
        if principal.is_staff and not is_shared(path):
            path = join(CasePath(SHARED_FOLDER), path)
        split(path)
        check_writable(path, is_staff=principal.is_staff)
        if file.length is not None:
            check_length(file.length, self._tools.policy.max_file_bytes)
        place = place_of(path, principal.door, replaces=file.replaces)
        await self._quota.check(principal, FileToCount(case.number, file.length, place))
        now = self._tools.clock.now()
        new = NewUpload(
            id=UploadId(self._tools.new_id()),
            case_number=case.number,
            path=path,
            direction=(
                Direction.SHARED_WITH_CUSTOMER if is_shared(path) else Direction.FROM_CUSTOMER
            ),
            length=file.length,
            now=now,
            expires_at=now + self._tools.policy.lifetime,
            replaces=file.replaces,
            make_folders=file.make_folders,
            metadata=file.metadata,
            content_type=file.content_type,
            modified_at=file.modified_at,
            expected_sha256=file.expected_sha256,
            concatenation=file.concatenation,
        )
        return case, new
